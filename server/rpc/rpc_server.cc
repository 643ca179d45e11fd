#include "server/rpc/rpc_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "grpcpp/ext/health_check_service_server_builder_option.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "server/rpc/artifact_service.h"
#include "server/rpc/study_service.h"
#include "server/rpc/worker_service.h"

namespace cambrian {
namespace {

// Whether some process listens on the Unix socket.
bool IsAlive(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return false;
  memcpy(address.sun_path, path.data(), path.size());
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  const bool alive =
      connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(descriptor);
  return alive;
}

// Makes room for a Unix socket where a server that was killed has left its own.
absl::Status ClearSocket(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return absl::OkStatus();
  if (!S_ISSOCK(info.st_mode)) {
    return absl::UnavailableError(absl::StrCat(path, " is there and is no socket"));
  }
  if (IsAlive(path)) {
    return absl::UnavailableError(absl::StrCat("another program listens on ", path));
  }
  unlink(path.c_str());
  return absl::OkStatus();
}

// TRAPS of gRPC's defaults: with them a server ends connections whose clients ping every 30 s.
void SetKeepalive(grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
}

}  // namespace

absl::StatusOr<ListenAddress> ParseListenAddress(const std::string& text) {
  ListenAddress address;
  address.text = text;
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "unix:")) {
    address.path = std::string(rest);
    address.is_unix = address.is_local = true;
    if (rest.empty() || rest.size() >= sizeof(sockaddr_un::sun_path)) {
      return absl::InvalidArgumentError(absl::StrCat(text, ": the path of a Unix socket has 1 to ",
                                                     sizeof(sockaddr_un::sun_path) - 1, " bytes"));
    }
    return address;
  }
  const size_t colon = rest.rfind(':');
  int port = -1;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(rest.substr(colon + 1), &port) || port < 0 || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\": write unix:PATH or HOST:PORT"));
  }
  const absl::string_view host = rest.substr(0, colon);
  address.is_local = host == "localhost" || host == "[::1]" || host == "127.0.0.1";
  return address;
}

struct RpcServer::Services {
  Services(Coordinator& coordinator, const Queries& queries, const StudyReader& reader,
           ArtifactStore& artifact_store, Watchers& watchers, Executor& executor)
      : studies(coordinator, queries, reader, watchers, executor),
        workers(coordinator, queries, executor),
        artifacts(artifact_store, executor) {}

  StudyService studies;
  WorkerService workers;
  ArtifactService artifacts;
  std::unique_ptr<grpc::Server> server;
};

RpcServer::RpcServer(Coordinator& coordinator, const Queries& queries, const StudyReader& reader,
                     ArtifactStore& artifacts, Watchers& watchers, Executor& executor)
    : services_(std::make_unique<Services>(coordinator, queries, reader, artifacts, watchers,
                                           executor)) {}

RpcServer::~RpcServer() = default;

absl::StatusOr<std::vector<std::string>> RpcServer::Start(
    const std::vector<ListenAddress>& addresses) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  SetKeepalive(builder);
  // Two servers must not share a port without noticing.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  std::vector<int> ports(addresses.size(), 0);
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (addresses[i].is_unix) {
      if (absl::Status status = ClearSocket(addresses[i].path); !status.ok()) return status;
    }
    builder.AddListeningPort(addresses[i].text, grpc::InsecureServerCredentials(), &ports[i]);
  }
  builder.RegisterService(&services_->studies);
  builder.RegisterService(&services_->workers);
  builder.RegisterService(&services_->artifacts);
  services_->server = builder.BuildAndStart();
  std::vector<std::string> bound;
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (!services_->server || ports[i] == 0) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", addresses[i].text));
    }
    const std::string& text = addresses[i].text;
    bound.push_back(
        addresses[i].is_unix ? text : absl::StrCat(text.substr(0, text.rfind(':') + 1), ports[i]));
  }
  return bound;
}

void RpcServer::Shutdown(absl::Duration grace) {
  if (!services_->server) return;
  services_->server->GetHealthCheckService()->SetServingStatus(false);
  services_->server->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  services_->server.reset();
}

}  // namespace cambrian
