#include "tests/fault/faults.h"

#include <poll.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/status.h"

namespace cambrian::testing {
namespace {

constexpr absl::Duration kPace = absl::Milliseconds(700);  // between two faults, on average
constexpr absl::Duration kPatience = absl::Seconds(90);

void Sleep(absl::Duration time) {
  poll(nullptr, 0, static_cast<int>(absl::ToInt64Milliseconds(time)));
}

// Whether it is still there, stopped as we left it, and no other program under its number.
bool IsStopped(pid_t process) {
  std::ifstream file(absl::StrCat("/proc/", process, "/stat"));
  std::string id, name, state;
  return file >> id >> name >> state && absl::StrContains(name, "fast_evaluator") && state == "T";
}

}  // namespace

Faults::Faults(const Options& options, Cluster& cluster, const Ground& ground)
    : options_(options),
      cluster_(cluster),
      ground_(ground),
      faults_({{"kill -9 evaluator", &Faults::KillEvaluator, 5, true},
               {"hang evaluator", &Faults::HangEvaluator, 3, true},
               {"kill -9 worker", &Faults::KillWorker, 3, true},
               {"SIGTERM worker", &Faults::TerminateWorker, 3, true},
               {"freeze worker", &Faults::FreezeWorker, 1, true},
               {"kill -9 server", &Faults::KillServer, 3, true},
               {"SIGTERM server", &Faults::TerminateServer, 2, true},
               {"kill -9 stand-by server", &Faults::KillStandBy, 1, ground.postgres != nullptr},
               {"kill -9 database", &Faults::KillDatabase, 2, ground.postgres != nullptr},
               {"full disk", &Faults::FillDisk, 2, ground.disk != nullptr},
               {"cut connections", &Faults::Cut, 3, true},
               {"cut upload", &Faults::CutUpload, 3, true},
               {"lose answer", &Faults::LoseAnswer, 4, true},
               {"stall network", &Faults::Stall, 2, true},
               {"pause and resume", &Faults::PauseStudy, 1, true},
               {"the server's clock jumps", &Faults::ClockJumps, 4, true}}),
      random_(options.seed) {}

Faults::~Faults() {
  for (const pid_t evaluator : hung_) {
    if (IsStopped(evaluator)) kill(evaluator, SIGKILL);
  }
}

absl::Status Faults::Begin() {
  RETURN_IF_ERROR(cluster_.StartServer("first"));
  if (ground_.postgres != nullptr) {
    RETURN_IF_ERROR(cluster_.StartServer("second"));
    road_ = std::make_unique<Proxy>(cluster_.port("first"));
  }
  network_ = std::make_unique<Proxy>(cluster_.port("first"));
  RETURN_IF_ERROR(FindActive());
  for (int i = 0; i < options_.workers; ++i) StartWorker(i);
  return absl::OkStatus();
}

absl::Status Faults::DoOne(const std::string& study) {
  study_ = study;
  EndStallWhenDue();
  int total = 0;
  for (const Fault& fault : faults_) total += fault.possible ? fault.weight : 0;
  int drawn = Draw(total);
  for (const Fault& fault : faults_) {
    if (!fault.possible) continue;
    drawn -= fault.weight;
    if (drawn >= 0) continue;
    if (options_.list) std::cout << fault.name << std::endl;
    ++counts_[fault.name];
    return (this->*fault.act)();
  }
  return absl::OkStatus();
}

void Faults::Rest() {
  const double mean = absl::ToDoubleMilliseconds(kPace);
  const double rest = std::exponential_distribution<double>(1 / mean)(random_);
  Sleep(absl::Milliseconds(std::min(rest, 5 * mean)));
}

absl::Status Faults::Repair() {
  network_->Stall(false);
  stalled_until_ = absl::InfiniteDuration();
  if (ground_.disk != nullptr && !ground_.disk->Free()) {
    return absl::InternalError("the disk cannot be freed");
  }
  for (const std::string name : {"first", "second"}) {
    const bool is_ours = name == "first" || ground_.postgres != nullptr;
    if (is_ours && cluster_.server(name).HasEnded()) RETURN_IF_ERROR(cluster_.StartServer(name));
  }
  RETURN_IF_ERROR(FindActive());
  for (int i = 0; i < options_.workers; ++i) {
    if (cluster_.worker(WorkerName(i)).HasEnded()) StartWorker(i);
  }
  return absl::OkStatus();
}

std::string Faults::HungEvaluators() {
  const auto idle = std::count_if(hung_.begin(), hung_.end(), IsStopped);
  return absl::StrCat(hung_.size() - static_cast<size_t>(idle), " of ", hung_.size(),
                      " were replaced, the others were idle to the end");
}

int Faults::Draw(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

absl::Duration Faults::DrawDuration(absl::Duration from, absl::Duration to) {
  return from + (to - from) * std::uniform_real_distribution<double>(0, 1)(random_);
}

std::string Faults::WorkerName(int i) const { return absl::StrCat("worker-", i); }

void Faults::StartWorker(int i) {
  const std::string quiet = road_ != nullptr ? road_->address() : "";
  cluster_.StartWorker(WorkerName(i), 2, i % 2 == 0 ? network_->address() : quiet);
}

// ---- Servers

bool Faults::IsActive(const std::string& server) {
  if (cluster_.server(server).HasEnded()) return false;
  cluster_.SetServer(server);
  std::string error;
  cluster_.Client({"workers"}, &error);  // which one that stands by does not answer
  return error.empty();
}

// Leads client and workers to the server that is active, once there is one.
absl::Status Faults::FindActive() {
  const std::string before = active_;
  const bool found = Await(
      [&] {
        if (IsActive(active_)) return true;
        if (ground_.postgres == nullptr || !IsActive(StandBy())) return false;
        active_ = StandBy();
        return true;
      },
      kPatience);
  if (!found) return absl::UnavailableError("no server is active");
  cluster_.SetServer(active_);
  for (Proxy* const proxy : {network_.get(), road_.get()}) {
    if (proxy == nullptr) continue;
    proxy->SetTarget(cluster_.port(active_));
    if (active_ != before) proxy->Cut();
  }
  if (active_ != before) ++counts_["(another server took over)"];
  return absl::OkStatus();
}

// With two servers the other one takes over while this one is down.
absl::Status Faults::StopServer(int signal) {
  const std::string stopped = active_;
  cluster_.server(stopped).Signal(signal);
  if (!Await([&] { return cluster_.server(stopped).HasEnded(); }, kPatience)) {
    return absl::InternalError("a server that was told to end does not");
  }
  const int code = cluster_.server(stopped).Wait();
  if (signal == SIGTERM && code != 0) {
    return absl::InternalError(absl::StrCat("a server that was told to end ended with ", code));
  }
  if (ground_.postgres != nullptr) RETURN_IF_ERROR(FindActive());
  RETURN_IF_ERROR(cluster_.StartServer(stopped));
  return FindActive();
}

absl::Status Faults::KillStandBy() {
  cluster_.KillServer(StandBy());
  return cluster_.StartServer(StandBy());
}

absl::Status Faults::KillDatabase() {
  ground_.postgres->Kill9();
  Sleep(DrawDuration(absl::ZeroDuration(), absl::Milliseconds(500)));
  ground_.postgres->Restart();
  if (!ground_.postgres->IsUp()) return absl::InternalError("PostgreSQL does not start");
  return FindActive();
}

absl::Status Faults::FillDisk() {
  if (!ground_.disk->Fill()) return absl::InternalError("the disk cannot be filled");
  Sleep(DrawDuration(absl::ZeroDuration(), absl::Seconds(3)));
  if (!ground_.disk->Free()) return absl::InternalError("the disk cannot be freed");
  return absl::OkStatus();
}

// ---- Workers and evaluators

absl::Status Faults::KillEvaluator() {
  const std::vector<pid_t> evaluators = cluster_.Evaluators(AnyWorker());
  if (!evaluators.empty()) kill(evaluators[Draw(static_cast<int>(evaluators.size()))], SIGKILL);
  return absl::OkStatus();
}

// It stands still for ever: the study comes to its end only if the worker replaces it.
absl::Status Faults::HangEvaluator() {
  const std::vector<pid_t> evaluators = cluster_.Evaluators(AnyWorker());
  if (evaluators.empty()) return absl::OkStatus();
  hung_.push_back(evaluators[Draw(static_cast<int>(evaluators.size()))]);
  kill(hung_.back(), SIGSTOP);
  return absl::OkStatus();
}

absl::Status Faults::KillWorker() {
  const int i = Draw(options_.workers);
  cluster_.KillWorker(WorkerName(i));
  StartWorker(i);
  return absl::OkStatus();
}

absl::Status Faults::TerminateWorker() {
  const int i = Draw(options_.workers);
  Child& worker = cluster_.worker(WorkerName(i));
  worker.Signal(SIGTERM);
  Await([&] { return worker.HasEnded(); }, kPatience);
  const int code = worker.Wait(absl::ZeroDuration());
  if (code != 0) {
    return absl::InternalError(absl::StrCat("a worker that was told to leave ended with ", code));
  }
  StartWorker(i);
  return absl::OkStatus();
}

absl::Status Faults::FreezeWorker() {
  const Child& worker = cluster_.worker(AnyWorker());
  worker.Signal(SIGSTOP);
  Sleep(options_.lease + absl::Seconds(1));
  worker.Signal(SIGCONT);
  return absl::OkStatus();
}

// ---- The network

absl::Status Faults::Cut() {
  network_->Cut();
  return absl::OkStatus();
}

absl::Status Faults::CutUpload() {
  network_->CutAfterUpload(Draw(3000));
  return absl::OkStatus();
}

absl::Status Faults::LoseAnswer() {
  network_->LoseAnswer(Draw(300));
  return absl::OkStatus();
}

// For a while, beside other faults; it may be longer than a lease.
absl::Status Faults::Stall() {
  network_->Stall(true);
  stalled_until_ =
      Clock::System().Monotonic() + DrawDuration(absl::Milliseconds(200), options_.lease * 2);
  return absl::OkStatus();
}

void Faults::EndStallWhenDue() {
  if (Clock::System().Monotonic() < stalled_until_) return;
  network_->Stall(false);
  stalled_until_ = absl::InfiniteDuration();
}

bool Faults::Await(const std::function<bool()>& condition, absl::Duration limit) {
  return Eventually(
      [&] {
        EndStallWhenDue();
        return condition();
      },
      limit);
}

// ---- The rest

absl::Status Faults::PauseStudy() {
  if (study_.empty()) return absl::OkStatus();
  cluster_.Client({"pause", study_});
  std::string error;
  const bool resumed = Await(
      [&] {
        const nlohmann::json now = cluster_.Study(study_);
        if (now.is_object() && now["state"] != "paused") return true;
        cluster_.Client({"resume", study_}, &error);
        return false;
      },
      kPatience);
  if (!resumed) return absl::InternalError(absl::StrCat("the study stays paused: ", error));
  return absl::OkStatus();
}

// By seconds, minutes, hours or days, ahead or back.
absl::Status Faults::ClockJumps() {
  static constexpr absl::Duration kUnits[] = {absl::Seconds(1), absl::Minutes(1), absl::Hours(1),
                                              absl::Hours(24)};
  const absl::Duration ahead = kUnits[Draw(4)] * (1 + Draw(30));
  ground_.clock->Set(Draw(2) == 0 ? ahead : -ahead);
  return absl::OkStatus();
}

}  // namespace cambrian::testing
