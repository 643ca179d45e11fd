// TLS for the server's TCP addresses, from files that may be replaced while it runs.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/security/server_credentials.h"

namespace cambrian {

struct TlsFiles {
  std::string certificate;        // PEM: the server's, then what it is signed by
  std::string key;                // PEM, without a passphrase
  std::string client_ca;          // PEM; empty: clients need no certificate
  unsigned refresh_seconds = 10;  // how often the files are looked at
};

// Whether the files can be read and fit together. \error kInvalidArgument that names the file
absl::Status CheckTlsFiles(const TlsFiles& files);

// Credentials whose new connections use what the files hold at the time; TLS 1.2 and newer. With a
// `client_ca` only clients with a certificate that it signed get in (mutual TLS). Files that do not
// fit together while they are being replaced are ignored until they do. \error as above
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeTlsCredentials(const TlsFiles& files);

}  // namespace cambrian
