#include "server/serve.h"

#include <openssl/rand.h>
#include <sched.h>
#include <signal.h>
#include <sys/poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "server/artifact/files.h"
#include "server/artifact/orphans.h"
#include "server/http/http_server.h"
#include "server/http/server_metrics.h"
#include "server/http/status_board.h"
#include "server/log/log.h"
#include "server/rpc/rpc_server.h"
#include "server/study/decision_loop.h"
#include "server/study/study_reader.h"
#include "spdlog/spdlog.h"

namespace cambrian {
namespace {

constexpr absl::Duration kGrace = absl::Seconds(5);
constexpr absl::Duration kOrphanAge = absl::Hours(24);
constexpr absl::Duration kBetweenSweeps = absl::Hours(1);
constexpr absl::Duration kGather = absl::Milliseconds(4);
constexpr int kExecutorThreads = 4;

// The server's threads and their callers pass work to and fro: without this the kernel changes
// from one to the other at each message, instead of once for many.
void PreferThroughput() {
  const sched_param unused = {};
  if (sched_setscheduler(0, SCHED_BATCH, &unused) == 0) return;
  spdlog::debug("the kernel does not let us say SCHED_BATCH: {}", strerror(errno));
}

// Blocks the signals that the program waits for, in every thread that comes, and makes them
// readable.
int OurSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &signals, SFD_CLOEXEC);
}

// Whether anybody but this machine's users gets in without being asked who they are.
absl::Status CheckOpen(const std::string& address, bool is_local, const ServeFlags& flags) {
  const bool guarded = !flags.tls.certificate.empty() && !flags.tokens.empty();
  if (is_local || guarded || flags.insecure) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      address,
      ": other machines reach this address, and without --tls-cert, --tls-key and --tokens anybody "
      "there may do anything; listen on a Unix socket or a loopback address, or add --insecure"));
}

absl::StatusOr<std::vector<ListenAddress>> ParseListen(const ServeFlags& flags) {
  std::vector<ListenAddress> addresses;
  for (const std::string& text : flags.listen) {
    ASSIGN_OR_RETURN(ListenAddress address, ParseListenAddress(text));
    RETURN_IF_ERROR(CheckOpen(text, address.is_local, flags));
    addresses.push_back(std::move(address));
  }
  if (addresses.empty()) return absl::InvalidArgumentError("--listen is missing");
  return addresses;
}

absl::Status CheckHttp(const ServeFlags& flags) {
  if (flags.http.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const ListenAddress address, ParseListenAddress(flags.http));
  if (address.is_unix) return absl::InvalidArgumentError("--http is HOST:PORT");
  if (address.is_local || flags.insecure) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--http ", flags.http,
      ": /metrics asks for no token, so others would read the names of studies; listen "
      "on a loopback address, or add --insecure"));
}

absl::StatusOr<std::optional<TlsFiles>> ChosenTls(const TlsFiles& files) {
  if (files.certificate.empty() && files.key.empty() && files.client_ca.empty()) {
    return std::optional<TlsFiles>();
  }
  if (files.certificate.empty() || files.key.empty()) {
    return absl::InvalidArgumentError("TLS needs --tls-cert and --tls-key");
  }
  RETURN_IF_ERROR(CheckTlsFiles(files));
  return std::optional<TlsFiles>(files);
}

// "host:pid:random": what the store knows this life of the program by.
std::string HolderName() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  std::string bits(8, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(bits.data()), static_cast<int>(bits.size()));
  return absl::StrCat(host, ":", getpid(), ":", absl::BytesToHexString(bits));
}

// Everything that is wired together, in the order in which it may go away (last first).
class Program {
 public:
  Program(const ServeFlags& flags, std::unique_ptr<TrialStore> store,
          std::unique_ptr<ArtifactStore> artifacts, std::unique_ptr<TokenFile> tokens)
      : flags_(flags),
        store_(std::move(store)),
        artifacts_(std::move(artifacts)),
        tokens_(std::move(tokens)),
        board_(clock_),
        door_(tokens_.get(), flags.limits, clock_,
              [this](absl::string_view method, absl::StatusCode code, absl::Duration took) {
                metrics_.OnCall(method, code, took);
              }),
        queries_(*store_, &events_),
        executor_(kExecutorThreads),
        watchers_(queries_, executor_),
        coordinator_(CoordinatorOptions(flags), *store_, clock_, reader_, Listener(), &metrics_),
        server_(coordinator_, queries_, reader_, *artifacts_, watchers_, executor_, door_,
                flags.limits),
        loop_(coordinator_) {}

  absl::Status Run(const std::vector<ListenAddress>& addresses, const std::optional<TlsFiles>& tls,
                   const std::string& database, int signals) {
    ASSIGN_OR_RETURN(const std::vector<std::string> bound, server_.Start(addresses, tls));
    absl::Status started = StartHttp();
    if (started.ok()) {
      for (const std::string& address : bound) printf("listening on %s\n", address.c_str());
      if (http_) printf("http on %s\n", http_->address().c_str());
      fflush(stdout);
      spdlog::info("cambrian-server {} serves {}", kVersion, database);
      pulse_ = std::make_unique<Pulse>([this] { Look(); });
      WaitForEnd(signals);
    }
    board_.Drain();
    pulse_.reset();
    coordinator_.Drain();
    server_.Shutdown(kGrace);
    http_.reset();
    loop_.Stop();
    executor_.Stop();
    return started;
  }

 private:
  static Coordinator::Options CoordinatorOptions(const ServeFlags& flags) {
    Coordinator::Options options;
    options.leases.term = absl::Seconds(flags.lease_seconds);
    options.holder = HolderName();
    options.gather = kGather;
    return options;
  }

  CoordinatorListener Listener() {
    CoordinatorListener listener = ListenerFor(events_, watchers_);
    listener.on_unused = [this](std::vector<std::string> checkpoints) {
      executor_.Run([this, checkpoints = std::move(checkpoints)] {
        for (const std::string& checkpoint : checkpoints) RemoveUnused(checkpoint);
      });
    };
    return listener;
  }

  // Removes an artifact that a trial has dropped, unless another trial has it.
  void RemoveUnused(const std::string& sha256) {
    const absl::StatusOr<bool> used = store_->IsCheckpointUsed(sha256);
    if (!used.ok() || *used) return;  // what stays though nobody uses it is an orphan, some day
    const absl::Status status = artifacts_->Remove(sha256);
    if (!status.ok()) spdlog::warn("cannot remove an artifact: {}", status.ToString());
  }

  absl::Status StartHttp() {
    if (flags_.http.empty()) return absl::OkStatus();
    HttpPages pages;
    pages.metrics = [this] { return MetricsPage(); };
    pages.health = [this] { return board_.Health(); };
    ASSIGN_OR_RETURN(http_, HttpServer::Start(flags_.http, std::move(pages)));
    return absl::OkStatus();
  }

  // Without the store there are no studies to show, but what was counted is still there.
  absl::StatusOr<std::string> MetricsPage() {
    ServerMetrics::State state;
    state.now = clock_.Now();
    state.healthy = board_.Health().ok();
    state.coordinator = board_.coordinator();
    absl::StatusOr<std::vector<StudyRecord>> studies = store_->Studies();
    if (studies.ok()) {
      for (StudyRecord& record : *studies) {
        std::optional<double> best;
        if (ServerMetrics::IsShown(record, state.now)) best = BestOf(record);
        state.studies.push_back({std::move(record), best});
      }
    }
    return metrics_.Text(state);
  }

  std::optional<double> BestOf(const StudyRecord& study) {
    const absl::StatusOr<std::vector<TrialRecord>> front = store_->FrontTrials(study.id);
    std::optional<double> best;
    if (!front.ok()) return best;
    for (const TrialRecord& trial : *front) {
      const auto metric = trial.metrics.find(study.objective.metric);
      if (metric == trial.metrics.end()) continue;
      const double value = metric->second.value;
      if (!best || (study.objective.maximize ? value > *best : value < *best)) best = value;
    }
    return best;
  }

  // About every second.
  void Look() {
    coordinator_.Inspect([this](absl::StatusOr<CoordinatorStatus> status) {
      if (status.ok()) board_.Hear(*std::move(status));
    });
    board_.HearStore(store_->LastCommit().status());
    server_.SetServing(board_.Health().ok());
    RefreshTokens();
    if (clock_.Monotonic() < next_sweep_ || !board_.Health().ok()) return;
    next_sweep_ = clock_.Monotonic() + kBetweenSweeps;
    executor_.Run([this] { SweepOrphans(); });
  }

  void RefreshTokens() {
    if (!tokens_) return;
    const absl::StatusOr<bool> read = tokens_->Refresh();
    if (read.ok() && *read) spdlog::info("the tokens were read anew");
    const std::string error = read.ok() ? "" : std::string(read.status().message());
    if (!error.empty() && error != token_error_) {
      spdlog::error("the tokens stay as they were: {}", error);
    }
    token_error_ = error;
  }

  void SweepOrphans() {
    const absl::StatusOr<int64_t> removed = orphans_.Run(clock_.Now() - kOrphanAge);
    if (!removed.ok()) spdlog::warn("orphaned artifacts stay: {}", removed.status().ToString());
    if (removed.ok() && *removed > 0) spdlog::info("removed {} orphaned artifacts", *removed);
  }

  // Waits for a signal that ends the program, or until nobody holds the other end of the parent's
  // pipe.
  void WaitForEnd(int signals) {
    pollfd waited[2] = {{signals, POLLIN, 0}, {flags_.parent_pipe, POLLIN, 0}};
    while (true) {
      if (poll(waited, 2, -1) < 0) continue;
      signalfd_siginfo info;
      if (waited[0].revents != 0 && read(signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo != SIGHUP) return spdlog::info("told to end");
        pulse_->WakeUp();
      }
      // What a parent writes means nothing; its end does.
      char byte;
      if (waited[1].revents != 0 && read(flags_.parent_pipe, &byte, 1) <= 0) {
        return spdlog::info("the parent is gone");
      }
    }
  }

  const ServeFlags& flags_;
  const Clock& clock_ = Clock::System();
  const StudyReader reader_ = NewStudyReader();
  const std::unique_ptr<TrialStore> store_;
  const std::unique_ptr<ArtifactStore> artifacts_;
  const std::unique_ptr<TokenFile> tokens_;
  ServerMetrics metrics_;
  StatusBoard board_;
  Door door_;
  EventTail events_;
  const Queries queries_;
  OrphanSweep orphans_{
      *artifacts_, [this](absl::string_view sha256) { return store_->IsCheckpointUsed(sha256); }};
  Executor executor_;
  Watchers watchers_;
  Coordinator coordinator_;
  RpcServer server_;
  DecisionLoop loop_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<Pulse> pulse_;
  // The pulse's thread only.
  absl::Duration next_sweep_ = -absl::InfiniteDuration();
  std::string token_error_;
};

}  // namespace

absl::Status Serve(const ServeFlags& flags) {
  const int signals = OurSignals();
  RETURN_IF_ERROR(SetUpLog(flags.log_format, flags.log_level));
  PreferThroughput();
  ASSIGN_OR_RETURN(const std::vector<ListenAddress> addresses, ParseListen(flags));
  RETURN_IF_ERROR(CheckHttp(flags));
  ASSIGN_OR_RETURN(const std::optional<TlsFiles> tls, ChosenTls(flags.tls));
  std::unique_ptr<TokenFile> tokens;
  if (!flags.tokens.empty()) {
    ASSIGN_OR_RETURN(tokens, TokenFile::Open(flags.tokens));
  }
  if (flags.artifacts.empty()) return absl::InvalidArgumentError("--artifacts is missing");
  ASSIGN_OR_RETURN(const std::string url, DatabaseUrl(flags.database));
  ASSIGN_OR_RETURN(std::unique_ptr<TrialStore> store, OpenStore(url));
  ASSIGN_OR_RETURN(std::unique_ptr<ArtifactStore> artifacts, OpenArtifactFiles(flags.artifacts));
  Program program(flags, std::move(store), std::move(artifacts), std::move(tokens));
  return program.Run(addresses, tls, WithoutPassword(url), signals);
}

}  // namespace cambrian
