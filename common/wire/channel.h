// How a program connects to a server: keep-alive, TLS, a token with each call.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/channel.h"

namespace cambrian {

// All names are of files, so that no secret is on a command line. Plain data.
struct ChannelOptions {
  bool tls = false;         // with the system's certificate authorities; implied by the next three
  std::string tls_ca = {};  // PEM: the authorities that a server's certificate must come from
  std::string tls_cert = {};    // PEM: mutual TLS: our certificate (chain) …
  std::string tls_key = {};     // … and its key; both or none
  std::string token_file = {};  // holds a bearer token; must not be readable by everybody
  bool insecure = false;        // send the token without TLS to another machine, too
};

// A channel to "HOST:PORT" or "unix:PATH"; connects when it is first used. Pings the server every
// 30 s and gives a dead connection up after 10 s more; reconnects after at most 5 s.
//
// With a token file, every call carries "authorization: Bearer TOKEN". The file is read now, and
// again when a call is answered UNAUTHENTICATED, so that the next attempt has a token that was
// changed meanwhile; a file that cannot be read then leaves the old one. The token is sent without
// TLS only to a Unix socket or to loopback, unless `insecure` is set.
// \error kInvalidArgument (options that do not go together, a token that would go over the wire in
// clear), kNotFound (no such file), kPermissionDenied (everybody can read the token or the key);
// the messages name the file and never quote what is in it. Thread-safe.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address,
                                                           const ChannelOptions& options);

// Whether the address can only be reached from this machine: a Unix socket, localhost, 127.0.0.0/8,
// [::1].
bool IsLocalAddress(absl::string_view address);

}  // namespace cambrian
