// `cambrian-server` without a subcommand: it serves until it is told to end.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/database_flag.h"
#include "server/rpc/limits.h"
#include "server/rpc/tls.h"

namespace cambrian {

struct ServeFlags {
  std::vector<std::string> listen;
  DatabaseFlags database;
  std::string artifacts;
  std::string http;    // HOST:PORT; empty: none
  std::string tokens;  // a file; empty: everybody may do everything
  TlsFiles tls;        // no certificate: no TLS
  Limits limits;
  std::string log_format = "text";
  std::string log_level = "info";
  int lease_seconds = 30;  // a worker that is silent for so long has lost its work
  int parent_pipe = -1;
  bool insecure = false;
};

// Ends at SIGTERM or SIGINT, or when the other end of `parent_pipe` is closed; SIGHUP makes it read
// its tokens anew. \error kInvalidArgument for flags that cannot be; kUnavailable
absl::Status Serve(const ServeFlags& flags);

}  // namespace cambrian
