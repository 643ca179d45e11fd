#include "server/rpc/rpc_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "grpcpp/ext/health_check_service_server_builder_option.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "server/rpc/artifact_service.h"
#include "server/rpc/study_service.h"
#include "server/rpc/worker_service.h"

namespace cambrian {
namespace {

constexpr const char* kServices[] = {"cambrian.v1.StudyService", "cambrian.v1.WorkerService",
                                     "cambrian.v1.ArtifactService"};

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
           ArtifactStore& artifact_store, Watchers& watchers, Executor& executor, Door& door,
           const Limits& limits)
      : limits(limits),
        watchers(watchers),
        door(door),
        studies(coordinator, queries, reader, watchers, executor, door, limits),
        workers(coordinator, queries, executor, door),
        artifacts(artifact_store, queries, executor, door, limits) {}

  const Limits limits;
  Watchers& watchers;
  Door& door;

  StudyService studies;
  WorkerService workers;
  ArtifactService artifacts;
  std::unique_ptr<grpc::Server> server;
};

RpcServer::RpcServer(Coordinator& coordinator, const Queries& queries, const StudyReader& reader,
                     ArtifactStore& artifacts, Watchers& watchers, Executor& executor, Door& door,
                     Limits limits)
    : services_(std::make_unique<Services>(coordinator, queries, reader, artifacts, watchers,
                                           executor, door, limits)) {}

RpcServer::~RpcServer() = default;

absl::StatusOr<std::vector<std::string>> RpcServer::Start(
    const std::vector<ListenAddress>& addresses, const std::optional<TlsFiles>& tls) {
  std::shared_ptr<grpc::ServerCredentials> plain = grpc::InsecureServerCredentials();
  std::shared_ptr<grpc::ServerCredentials> remote = plain;
  if (tls) {
    ASSIGN_OR_RETURN(remote, MakeTlsCredentials(*tls));
  }
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
    builder.AddListeningPort(addresses[i].text, addresses[i].is_unix ? plain : remote, &ports[i]);
  }
  builder.SetMaxReceiveMessageSize(static_cast<int>(services_->limits.message_bytes));
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
  SetServing(false);
  return bound;
}

void RpcServer::SetServing(bool serving) {
  grpc::HealthCheckServiceInterface& health = *services_->server->GetHealthCheckService();
  health.SetServingStatus(serving);
  for (const char* name : kServices) health.SetServingStatus(name, serving);
}

void RpcServer::Shutdown(absl::Duration grace) {
  if (!services_->server) return;
  SetServing(false);
  services_->watchers.End();
  services_->door.CloseAndWait(grace);
  // gRPC itself would wait until each client has closed its connection.
  services_->server->Shutdown(std::chrono::system_clock::now());
  services_->server.reset();
}

}  // namespace cambrian
