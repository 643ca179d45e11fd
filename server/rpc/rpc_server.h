// The gRPC server: addresses, limits, keepalive, and the services behind it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/artifact/interface.h"
#include "server/rpc/door.h"
#include "server/rpc/executor.h"
#include "server/rpc/limits.h"
#include "server/rpc/tls.h"
#include "server/rpc/watchers.h"
#include "server/study/coordinator.h"
#include "server/study/queries.h"

namespace cambrian {

// "unix:/run/cambrian/socket", "127.0.0.1:7700", "[::1]:0".
struct ListenAddress {
  std::string text;
  bool is_unix = false;
  bool is_local = false;  // a Unix socket, or a loopback address
  std::string path;       // of a Unix socket
};
// \error kInvalidArgument
absl::StatusOr<ListenAddress> ParseListenAddress(const std::string& text);

// Thread-safe but for `Start` and `Shutdown`, which are called once each. What is handed in
// outlives it; `watchers` and `executor` must not be used after `Shutdown` by anybody else.
class RpcServer {
 public:
  RpcServer(Coordinator& coordinator, const Queries& queries, const StudyReader& reader,
            ArtifactStore& artifacts, Watchers& watchers, Executor& executor, Door& door,
            Limits limits = {});
  ~RpcServer();

  // Listens on all addresses; with `tls`, only through it on those that are not Unix sockets. A
  // Unix socket that nobody listens on any longer is replaced. Returns the addresses with the ports
  // that were chosen. The health check says NOT_SERVING. \error kUnavailable; kInvalidArgument for
  // `tls`
  absl::StatusOr<std::vector<std::string>> Start(const std::vector<ListenAddress>& addresses,
                                                 const std::optional<TlsFiles>& tls = {});

  // What the health check says of the server and of each service, until `Shutdown`.
  void SetServing(bool serving);

  // Refuses new calls and ends watchers, lets calls that run finish until `grace` is over, then
  // cancels them and closes all connections. An idle connection is no reason to wait.
  void Shutdown(absl::Duration grace);

 private:
  struct Services;
  std::unique_ptr<Services> services_;
};

}  // namespace cambrian
