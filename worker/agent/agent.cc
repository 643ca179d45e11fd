#include "worker/agent/agent.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "common/base/status.h"
#include "common/base/version.h"
#include "common/wire/convert.h"
#include "spdlog/spdlog.h"
#include "worker/agent/job.h"

namespace cambrian {
namespace {

namespace fs = std::filesystem;

// Of each in one report, which must stay below gRPC's 4 MiB. While the server is away, the oldest
// progress beyond it is dropped; completions are kept.
constexpr int kMaxProgress = 2'000;
constexpr int kMaxCompletions = 32;

std::string Text(const absl::Status& status) { return status.ToString(); }

// Whether the same call may be taken later.
bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsAborted(status) || absl::IsCancelled(status);
}

std::string HostName() {
  char name[256] = {};
  gethostname(name, sizeof(name) - 1);
  return name;
}

v1::WorkerIdentity MakeIdentity(const Agent::Options& options) {
  v1::WorkerIdentity identity;
  identity.set_name(options.name);
  identity.set_host(HostName());
  identity.set_version(kVersion);
  identity.set_protocol(kWireProtocol);
  identity.set_slots(static_cast<int>(options.pool.devices.size()));
  for (const auto& [name, command] : options.pool.evaluators) identity.add_evaluators(name);
  const std::set<std::string> devices(options.pool.devices.begin(), options.pool.devices.end());
  for (const std::string& device : devices) identity.add_devices(device);
  for (const std::string& tag : options.offer.tags) identity.add_tags(tag);
  for (const std::string& target : options.offer.targets) identity.add_targets(target);
  for (const auto& [name, folder] : options.offer.data_roots) identity.add_data_roots(name);
  identity.set_any_path(options.offer.any_path);
  return identity;
}

}  // namespace

Agent::Agent(Options options, ServerClient& server, const Clock& clock)
    : options_(std::move(options)),
      identity_(MakeIdentity(options_)),
      server_(server),
      clock_(clock),
      studies_([this](const std::string& study) { return server_.GetStudySpec(study); }),
      table_(identity_.slots()) {}

Agent::~Agent() = default;

absl::Status Agent::Run() {
  std::error_code error;
  fs::remove_all(options_.folder + "/trials", error);  // of an earlier life
  fs::create_directories(options_.folder + "/trials", error);
  if (error) return absl::InternalError(absl::StrCat(options_.folder, ": ", error.message()));
  ASSIGN_OR_RETURN(std::unique_ptr<Outbox> outbox, Outbox::Open(options_.folder + "/outbox"));
  outbox_ = std::move(outbox);
  {
    MutexLock lock(&mutex_);
    for (const auto& [token, entry] : outbox_->entries()) table_.Restore(entry.completion);
  }
  states_ = std::make_unique<StateFiles>(
      options_.folder + "/states", server_,
      [this](int64_t token, const std::string& sha256) { OnUploaded(token, sha256); });
  pool_ = std::make_unique<EvaluatorPool>(options_.pool, *this, clock_);
  downloads_ = std::make_unique<TaskThread>();
  DeviceWatch::Options watch = options_.watch;
  watch.devices = options_.pool.devices;
  watch_ = std::make_unique<DeviceWatch>(
      watch, clock_, [this](const std::vector<v1::DeviceUse>& devices) { OnDevices(devices); });
  std::thread poller([this] { PollLoop(); });
  ReportLoop();
  server_.CancelPolls();
  poller.join();
  watch_ = nullptr;
  Leave();
  server_.CancelAll();  // transfers that nobody waits for any longer
  downloads_ = nullptr;
  pool_ = nullptr;
  states_ = nullptr;
  MutexLock lock(&mutex_);
  return failure_;
}

void Agent::Shutdown(Manner manner) {
  {
    MutexLock lock(&mutex_);
    if (leaving_ != Manner::kAtOnce) leaving_ = manner;
    news_.SignalAll();
  }
  if (manner == Manner::kOrderly) {
    server_.CancelPolls();
  } else {
    server_.CancelAll();
  }
}

void Agent::Fail(absl::Status status) {
  MutexLock lock(&mutex_);
  if (failure_.ok()) failure_ = std::move(status);
  news_.SignalAll();
}

void Agent::OnProgress(const evaluator::Progress& progress) {
  const int64_t token = TokenOf(progress.assignment);
  if (!progress.checkpoint.empty()) {
    states_->Submit(token, FolderOf(token) + "/" + progress.checkpoint);
  }
  MutexLock lock(&mutex_);
  const v1::Assignment* assignment = table_.Find(token);
  // One without metrics only names a checkpoint.
  if (assignment == nullptr || progress.metrics.empty()) return;
  if (progress_.size() >= static_cast<size_t>(kMaxProgress)) progress_.erase(progress_.begin());
  v1::ProgressReport& report = progress_.emplace_back();
  report.set_assignment(assignment->assignment());
  report.set_token(assignment->token());
  report.mutable_progress()->set_step(progress.step);
  report.mutable_progress()->set_steps(progress.steps);
  ToProto(progress.metrics, report.mutable_progress()->mutable_metrics());
  latest_[token] = report.progress();
  news_.SignalAll();
}

void Agent::OnDevices(const std::vector<v1::DeviceUse>& devices) {
  MutexLock lock(&mutex_);
  devices_ = devices;
  news_.SignalAll();
}

void Agent::OnUploaded(int64_t token, const std::string& sha256) {
  MutexLock lock(&mutex_);
  const v1::Assignment* assignment = table_.Find(token);
  if (assignment == nullptr) return;
  v1::ProgressReport& report = progress_.emplace_back();
  report.set_assignment(assignment->assignment());
  report.set_token(token);
  if (const auto found = latest_.find(token); found != latest_.end()) {
    *report.mutable_progress() = found->second;
  }
  report.set_checkpoint(sha256);
  news_.SignalAll();
}

void Agent::OnEnd(const EvaluatorOutcome& outcome, absl::Duration busy) {
  MutexLock lock(&mutex_);
  ended_.push_back({outcome, busy});
  news_.SignalAll();
}

// ---- Polling

void Agent::PollLoop() {
  Backoff backoff(options_.first_retry, options_.last_retry, std::random_device()());
  bool away = false;
  while (true) {
    v1::PollRequest request;
    {
      MutexLock lock(&mutex_);
      if (Ending()) return;
      *request.mutable_worker() = identity_;
      request.set_free_slots(table_.FreeSlots());
      request.set_revision(table_.revision());
      for (v1::Held& held : table_.Held()) *request.add_held() = std::move(held);
    }
    const absl::StatusOr<v1::Assignments> answer = server_.Poll(request);
    absl::Status status = answer.ok() ? TakeAnswer(*answer) : answer.status();
    if (status.ok() && answer->revision() < request.revision()) {
      status = absl::UnavailableError(
          "it knows less than before; if its database was replaced, start this worker anew");
    }
    if (absl::IsFailedPrecondition(status)) return Fail(status);
    if (status.ok()) {
      if (away) spdlog::info("the server is back");
      away = false;
      backoff.Reset();
      continue;
    }
    {
      MutexLock lock(&mutex_);
      if (Ending()) return;
    }
    if (!away) spdlog::warn("waiting for the server: {}", Text(status));
    away = true;
    Pause(backoff.Next());
  }
}

void Agent::Pause(absl::Duration wait) {
  const absl::Duration until = clock_.Monotonic() + wait;
  MutexLock lock(&mutex_);
  while (!Ending() && clock_.Monotonic() < until) {
    news_.WaitWithTimeout(&mutex_, until - clock_.Monotonic());
  }
}

// ---- Reporting

void Agent::ReportLoop() {
  Backoff backoff(options_.first_retry, options_.last_retry, std::random_device()());
  absl::Duration not_before = clock_.Monotonic();
  while (true) {
    AwaitNews(not_before);
    {
      MutexLock lock(&mutex_);
      if (Ending()) return;
    }
    CollectEnded();
    UploadCheckpoints();
    if (SendReport()) {
      backoff.Reset();
      not_before = clock_.Monotonic() + options_.report_interval;
    } else {
      Pause(backoff.Next());
    }
  }
}

void Agent::AwaitNews(absl::Duration not_before) {
  MutexLock lock(&mutex_);
  while (!Ending() && ended_.empty() && hand_backs_.empty() && outbox_->entries().empty()) {
    if (progress_.empty() && devices_.empty()) {
      news_.Wait(&mutex_);
    } else {
      const absl::Duration left = not_before - clock_.Monotonic();
      if (left <= absl::ZeroDuration()) return;
      news_.WaitWithTimeout(&mutex_, left);
    }
  }
}

void Agent::CollectEnded() {
  while (true) {
    Ended ended;
    v1::Assignment assignment;
    AssignmentTable::Ending ending;
    {
      MutexLock lock(&mutex_);
      if (ended_.empty()) return;
      ended = std::move(ended_.front());
      ended_.pop_front();
      const int64_t token = TokenOf(ended.outcome.assignment);
      if (const v1::Assignment* found = table_.Find(token)) assignment = *found;
      // What ends an evaluator while the worker leaves may be what ends the worker.
      const auto& error = ended.outcome.error;
      const bool finished = !error || error == evaluator::Error::Kind::kInfeasible ||
                            error == evaluator::Error::Kind::kData;
      ending = table_.End(token, finished);
      latest_.erase(token);
    }
    const std::string checkpoint = CheckpointOf(assignment, ended.outcome, ending);
    if (ending == AssignmentTable::Ending::kReport) Keep(assignment, ended, checkpoint);
    if (ending == AssignmentTable::Ending::kHandBack) {
      v1::HandBack hand_back;
      hand_back.set_assignment(assignment.assignment());
      hand_back.set_token(assignment.token());
      hand_back.set_reason("preempted");
      left_.emplace_back(std::move(hand_back), checkpoint);
    }
    std::error_code ignored;
    fs::remove_all(FolderOf(assignment.token()), ignored);
  }
}

std::string Agent::CheckpointOf(const v1::Assignment& assignment, const EvaluatorOutcome& outcome,
                                AssignmentTable::Ending ending) {
  const int64_t token = assignment.token();
  const std::string file =
      outcome.checkpoint.empty() ? "" : FolderOf(token) + "/" + outcome.checkpoint;
  if (outcome.error && !file.empty()) states_->Keep(token, file);
  const std::string state = states_->Take(token);
  std::error_code error;
  if (outcome.error == evaluator::Error::Kind::kStopped &&
      ending != AssignmentTable::Ending::kForget) {
    return state;  // the newest that the server does not have yet
  }
  if (ending == AssignmentTable::Ending::kHandBack) return state;
  if (!state.empty()) fs::remove(state, error);
  // A link could lead anywhere.
  const bool kept = !outcome.error && assignment.keep_checkpoint() && !file.empty() &&
                    fs::is_regular_file(fs::symlink_status(file, error));
  return kept ? file : "";
}

void Agent::Keep(const v1::Assignment& assignment, const Ended& ended,
                 const std::string& checkpoint) {
  spdlog::info("{}: {}", assignment.assignment(),
               ended.outcome.error
                   ? ended.outcome.reason
                   : absl::StrCat("done in ", absl::FormatDuration(
                                                  absl::Trunc(ended.busy, absl::Milliseconds(1)))));
  const absl::Status status =
      outbox_->Add(MakeCompletion(assignment, ended.outcome, ended.busy), checkpoint);
  if (!status.ok()) spdlog::error("a result could not be kept on disk: {}", Text(status));
}

void Agent::UploadCheckpoints() {
  std::map<int64_t, absl::Status> uploaded;
  for (const auto& [token, entry] : outbox_->entries()) {
    if (entry.checkpoint.empty()) continue;
    uploaded[token] = server_.Upload(entry.checkpoint, entry.completion.checkpoint());
  }
  for (const auto& [token, status] : uploaded) {
    if (status.ok()) {
      outbox_->Uploaded(token);
      continue;
    }
    spdlog::warn("{}: {}", outbox_->entries().at(token).completion.assignment(), Text(status));
    // A result without its checkpoint is better than one that never arrives.
    if (!MayPass(status)) outbox_->DropCheckpoint(token);
  }
}

void Agent::UploadLeft() {
  for (auto& [hand_back, file] : left_) {
    if (!file.empty()) {
      const absl::StatusOr<std::string> sha256 = Sha256OfFile(file);
      const absl::Status status =
          sha256.ok() ? server_.Upload(file, *sha256, options_.farewell_upload) : sha256.status();
      if (status.ok()) hand_back.set_checkpoint(*sha256);
      if (!status.ok()) spdlog::warn("{}: {}", hand_back.assignment(), Text(status));
      std::error_code ignored;
      fs::remove(file, ignored);
    }
    MutexLock lock(&mutex_);
    hand_backs_.push_back(std::move(hand_back));
  }
  left_.clear();
}

bool Agent::SendReport() {
  v1::ReportRequest request;
  *request.mutable_worker() = identity_;
  bool all_uploaded = true;
  for (const auto& [token, entry] : outbox_->entries()) {
    all_uploaded = all_uploaded && entry.checkpoint.empty();
    if (!entry.checkpoint.empty() || request.completions_size() == kMaxCompletions) continue;
    *request.add_completions() = entry.completion;
  }
  {
    MutexLock lock(&mutex_);
    request.set_free_slots(Ending() ? 0 : table_.FreeSlots());
    for (v1::Held& held : table_.Held()) {
      // Not what this report completes: the server would find it held, but given to nobody.
      const bool completes = std::any_of(
          request.completions().begin(), request.completions().end(),
          [&](const v1::Completion& completion) { return completion.token() == held.token(); });
      if (!completes) *request.add_held() = std::move(held);
    }
    for (const v1::ProgressReport& report : progress_) *request.add_progress() = report;
    for (const v1::HandBack& hand_back : hand_backs_) *request.add_hand_backs() = hand_back;
    for (const v1::DeviceUse& use : std::exchange(devices_, {})) *request.add_devices() = use;
  }
  const absl::StatusOr<v1::Assignments> answer = server_.Report(request);
  if (!answer.ok()) {
    // That the server is away, the poll says once.
    if (!absl::IsUnavailable(answer.status())) {
      spdlog::warn("a report was not taken: {}", Text(answer.status()));
    }
    return false;
  }
  {
    MutexLock lock(&mutex_);
    progress_.erase(progress_.begin(), progress_.begin() + request.progress_size());
    hand_backs_.erase(hand_backs_.begin(), hand_backs_.begin() + request.hand_backs_size());
    for (const int64_t token : answer->settled()) table_.Settle(token);
  }
  for (const int64_t token : answer->settled()) outbox_->Settle(token);
  const absl::Status status = TakeAnswer(*answer);
  if (absl::IsFailedPrecondition(status)) Fail(status);
  return status.ok() && all_uploaded && answer->settled_size() >= request.completions_size();
}

void Agent::Leave() {
  const auto orderly = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return leaving_ == Manner::kOrderly && failure_.ok();
  };
  {
    MutexLock lock(&mutex_);
    if (!orderly()) return;
    for (const v1::Assignment& assignment : table_.Drain()) pool_->Stop(JobName(assignment));
    // The pool ends them within its grace; a second more is for a busy machine.
    const absl::Duration until = clock_.Monotonic() + options_.pool.stop_grace + absl::Seconds(1);
    while (orderly() && static_cast<int>(ended_.size()) < identity_.slots() - table_.FreeSlots() &&
           clock_.Monotonic() < until) {
      news_.WaitWithTimeout(&mutex_, until - clock_.Monotonic());
    }
  }
  CollectEnded();
  UploadLeft();
  UploadCheckpoints();
  const absl::Duration until = clock_.Monotonic() + options_.farewell;
  Backoff backoff(options_.first_retry, options_.last_retry, std::random_device()());
  while (!SendReport()) {
    MutexLock lock(&mutex_);
    if (!orderly() || clock_.Monotonic() >= until) return;
    news_.WaitWithTimeout(&mutex_, backoff.Next());
  }
}

}  // namespace cambrian
