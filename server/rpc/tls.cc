#include "server/rpc/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_credentials_options.h"

namespace cambrian {
namespace {

// A passphrase is never asked for.
int NoPassphrase(char*, int, int, void*) { return 0; }

// The first thing of its kind in a PEM file.
template <typename T>
std::unique_ptr<T, void (*)(T*)> ReadPem(const std::string& path,
                                         T* (*read)(BIO*, T**, pem_password_cb*, void*),
                                         void (*release)(T*)) {
  const std::unique_ptr<BIO, int (*)(BIO*)> file(BIO_new_file(path.c_str(), "r"), &BIO_free);
  T* thing = file ? read(file.get(), nullptr, &NoPassphrase, nullptr) : nullptr;
  ERR_clear_error();
  return {thing, release};
}

absl::Status NotPem(const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, " cannot be read as ", what, " (PEM)"));
}

}  // namespace

absl::Status CheckTlsFiles(const TlsFiles& files) {
  const auto certificate = ReadPem<X509>(files.certificate, &PEM_read_bio_X509, &X509_free);
  if (!certificate) return NotPem(files.certificate, "a certificate");
  const auto key = ReadPem<EVP_PKEY>(files.key, &PEM_read_bio_PrivateKey, &EVP_PKEY_free);
  if (!key) return NotPem(files.key, "a private key without a passphrase");
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError(
        absl::StrCat(files.key, " is not the key of ", files.certificate));
  }
  if (!files.client_ca.empty() && !ReadPem<X509>(files.client_ca, &PEM_read_bio_X509, &X509_free)) {
    return NotPem(files.client_ca, "a certificate");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeTlsCredentials(const TlsFiles& files) {
  RETURN_IF_ERROR(CheckTlsFiles(files));
  const auto provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      files.key, files.certificate, files.client_ca, files.refresh_seconds);
  grpc::experimental::TlsServerCredentialsOptions options(provider);
  options.watch_identity_key_cert_pairs();
  if (files.client_ca.empty()) {
    // Watching roots without a file of them would fail every handshake.
    options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  } else {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  std::shared_ptr<grpc::ServerCredentials> credentials =
      grpc::experimental::TlsServerCredentials(options);
  if (!credentials) return absl::InvalidArgumentError("gRPC refuses these certificates");
  return credentials;
}

}  // namespace cambrian
