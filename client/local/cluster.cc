#include "client/local/cluster.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

constexpr absl::Duration kStartPatience = absl::Seconds(60);
constexpr absl::Duration kStep = absl::Milliseconds(20);
constexpr int kMostWorkersInAFolder = 64;

// Whether somebody listens on the Unix socket.
bool Listens(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected =
      connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(descriptor);
  return connected;
}

// Waits for `child`, and kills it when the time is over or `hurry` says so.
void End(Child& child, absl::Duration patience, const std::function<bool()>& hurry) {
  child.Terminate();
  const absl::Time until = absl::Now() + patience;
  while (!hurry() && absl::Now() < until) {
    if (child.Wait(absl::Milliseconds(50))) return;
  }
  child.Kill();
  child.Wait(absl::InfiniteDuration());
}

}  // namespace

absl::StatusOr<std::unique_ptr<StudyClient>> LocalCluster::Connect() {
  const absl::Time until = absl::Now() + kStartPatience;
  absl::Status last = absl::UnavailableError(absl::StrCat(
      "the server of ", folder_.path(), " does not answer; see ", folder_.Log("server")));
  while (absl::Now() < until) {
    ASSIGN_OR_RETURN(const bool listens, EnsureServer());
    if (listens) {
      auto client = StudyClient::Connect(Address(), absl::Seconds(5));
      if (client.ok()) {
        RETURN_IF_ERROR(EnsureWorker(**client));
        return client;
      }
      last = client.status();
      // A server that is just leaving: its place will be free in a moment.
      if (!absl::IsUnavailable(last)) return last;
    }
    absl::SleepFor(kStep);
  }
  return last;
}

absl::StatusOr<bool> LocalCluster::EnsureServer() {
  if (server_ != nullptr) {
    RETURN_IF_ERROR(Check());
    return Listens(folder_.Socket());
  }
  ASSIGN_OR_RETURN(server_lock_, FileLock::Try(folder_.ServerLock()));
  if (!server_lock_) return Listens(folder_.Socket());
  RETURN_IF_ERROR(StartServer());
  return false;
}

absl::Status LocalCluster::StartServer() {
  unlink(folder_.Socket().c_str());  // what a killed server left; nobody else has the lock
  ASSIGN_OR_RETURN(server_, Child::Start({
                                .program = ProgramBeside("cambrian-server"),
                                .arguments = {"--listen", Address(), "--database",
                                              "sqlite:" + folder_.Database(), "--artifacts",
                                              folder_.Artifacts()},
                                .log = folder_.Log("server"),
                                .keep_open = server_lock_->descriptor(),
                            }));
  return absl::OkStatus();
}

absl::Status LocalCluster::EnsureWorker(StudyClient& client) {
  if (options_.slots == 0 || worker_ != nullptr) return absl::OkStatus();
  if (server_ == nullptr && !options_.worker_in_any_case) {
    ASSIGN_OR_RETURN(const auto workers, client.ListWorkers());
    if (!workers.empty()) return absl::OkStatus();
  }
  return StartWorker();
}

absl::Status LocalCluster::StartWorker() {
  // Several runs that share a server each have a worker with a folder of its own.
  std::string name = "worker";
  for (int i = 2; i <= kMostWorkersInAFolder; ++i) {
    ASSIGN_OR_RETURN(worker_lock_, FileLock::Try(absl::StrCat(folder_.path(), "/", name, ".lock")));
    if (worker_lock_) break;
    name = absl::StrCat("worker-", i);
  }
  if (!worker_lock_) return absl::ResourceExhaustedError("too many workers share the state folder");
  std::vector<std::string> arguments = {"--server",  Address(),
                                        "--slots",   absl::StrCat(options_.slots),
                                        "--threads", absl::StrCat(options_.threads),
                                        "--folder",  absl::StrCat(folder_.path(), "/", name)};
  for (const std::string& evaluator : options_.evaluators) {
    arguments.insert(arguments.end(), {"--evaluator", evaluator});
  }
  for (const std::string& root : options_.data_roots) {
    arguments.insert(arguments.end(), {"--data-root", root});
  }
  ASSIGN_OR_RETURN(worker_, Child::Start({.program = ProgramBeside("cambrian-worker"),
                                          .arguments = std::move(arguments),
                                          .log = folder_.Log(name),
                                          .keep_open = worker_lock_->descriptor()}));
  return absl::OkStatus();
}

absl::Status LocalCluster::Check() {
  for (Child* child : {server_.get(), worker_.get()}) {
    if (child != nullptr && !child->Running()) return absl::InternalError(child->Epitaph());
  }
  return absl::OkStatus();
}

std::vector<int> LocalCluster::pidfds() const {
  std::vector<int> descriptors;
  for (const Child* child : {server_.get(), worker_.get()}) {
    if (child != nullptr) descriptors.push_back(child->pidfd());
  }
  return descriptors;
}

void LocalCluster::Stop(absl::Duration patience, const std::function<bool()>& hurry) {
  // The worker first: it hands back to the server what it holds.
  if (worker_ != nullptr) End(*worker_, patience, hurry);
  if (server_ != nullptr) End(*server_, patience, hurry);
  worker_.reset();
  server_.reset();
  worker_lock_.reset();
  server_lock_.reset();
}

}  // namespace cambrian
