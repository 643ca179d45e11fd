#include "worker/evaluator/evaluator_pool.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"

namespace cambrian {
namespace {

// Waits until a descriptor is ready or it is `deadline`.
void PollUntil(std::vector<pollfd>& descriptors, absl::Duration deadline, const Clock& clock) {
  const absl::Duration left = deadline - clock.Monotonic();
  int timeout = -1;
  if (left < absl::InfiniteDuration()) {
    // Rounded up: waking a moment too early would spin.
    timeout = static_cast<int>(std::clamp<int64_t>(
        absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1))), 0, 60'000));
  }
  poll(descriptors.data(), descriptors.size(), timeout);
}

// Closes the pipes of all and gives them a moment to end by themselves; the rest is killed by its
// destructor.
void EndAll(const std::vector<EvaluatorProcess*>& processes, absl::Duration grace,
            const Clock& clock) {
  for (EvaluatorProcess* process : processes) process->Close();
  const absl::Duration deadline = clock.Monotonic() + grace;
  for (EvaluatorProcess* process : processes) {
    bool exited = false;
    while (!exited && clock.Monotonic() < deadline) {
      for (const auto& event : process->Work()) {
        exited = exited || std::holds_alternative<EvaluatorExited>(event);
      }
      std::vector<pollfd> descriptors;
      process->AddTo(descriptors);
      if (!exited) PollUntil(descriptors, std::min(deadline, process->Deadline()), clock);
    }
  }
}

// "cuda" fits "cuda:0".
bool Fits(const std::string& device, const std::string& wanted) {
  return wanted.empty() || device == wanted || device.rfind(wanted + ":", 0) == 0;
}

constexpr absl::Duration kCloseGrace = absl::Milliseconds(500);

}  // namespace

EvaluatorPool::EvaluatorPool(Options options, Listener& listener, const Clock& clock)
    : options_(std::move(options)),
      listener_(listener),
      clock_(clock),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  for (const std::string& device : options_.devices) {
    slots_.emplace_back().device = device;
    gates_.try_emplace(device, options_.pause_grace);
  }
  thread_ = std::thread([this] { Loop(); });
}

EvaluatorPool::~EvaluatorPool() {
  {
    MutexLock lock(&mutex_);
    closing_ = true;
  }
  Wake();
  thread_.join();
  close(wake_);
}

void EvaluatorPool::Start(Job job) {
  {
    MutexLock lock(&mutex_);
    to_start_.push_back(std::move(job));
  }
  Wake();
}

void EvaluatorPool::Stop(absl::string_view assignment) {
  {
    MutexLock lock(&mutex_);
    to_stop_.emplace_back(assignment);
  }
  Wake();
}

absl::StatusOr<evaluator::Hello> EvaluatorPool::Probe(const EvaluatorProcess::Options& options,
                                                      const Clock& clock) {
  ASSIGN_OR_RETURN(std::unique_ptr<EvaluatorProcess> process,
                   EvaluatorProcess::Spawn(options, clock));
  while (true) {
    for (auto& event : process->Work()) {
      if (auto* hello = std::get_if<evaluator::Hello>(&event)) {
        EndAll({process.get()}, kCloseGrace, clock);
        return std::move(*hello);
      }
      if (auto* exited = std::get_if<EvaluatorExited>(&event)) {
        return absl::FailedPreconditionError(
            absl::StrCat(exited->reason, process->log().empty() ? "" : "\n", process->log()));
      }
    }
    std::vector<pollfd> descriptors;
    process->AddTo(descriptors);
    PollUntil(descriptors, process->Deadline(), clock);
  }
}

void EvaluatorPool::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));
}

void EvaluatorPool::Loop() {
  while (TakeCommands()) {
    StartPending();
    Wait();
    for (int i = 0; i < static_cast<int>(slots_.size()); ++i) {
      if (slots_[i].process == nullptr) continue;
      for (auto& event : slots_[i].process->Work()) Handle(i, std::move(event));
    }
    for (auto& [device, gate] : gates_) Apply(gate.Tick(clock_.Monotonic()));
  }
  std::vector<EvaluatorProcess*> processes;
  for (const Slot& slot : slots_) {
    if (slot.process != nullptr) processes.push_back(slot.process.get());
  }
  EndAll(processes, kCloseGrace, clock_);
}

bool EvaluatorPool::TakeCommands() {
  std::vector<std::string> to_stop;
  {
    MutexLock lock(&mutex_);
    if (closing_) return false;
    std::move(to_start_.begin(), to_start_.end(), std::back_inserter(pending_));
    to_start_.clear();
    to_stop.swap(to_stop_);
  }
  for (const std::string& assignment : to_stop) StopNow(assignment);
  return true;
}

void EvaluatorPool::StopNow(const std::string& assignment) {
  for (Slot& slot : slots_) {
    if (slot.assignment == assignment) slot.process->Stop();
  }
  const auto named = [&](const Job& job) { return job.start.assignment == assignment; };
  const auto found = std::find_if(pending_.begin(), pending_.end(), named);
  if (found == pending_.end()) return;
  pending_.erase(found);
  EvaluatorOutcome outcome;
  outcome.assignment = assignment;
  outcome.error = evaluator::Error::Kind::kStopped;
  outcome.reason = "stopped";
  listener_.OnEnd(outcome, absl::ZeroDuration());
}

void EvaluatorPool::Wait() {
  std::vector<pollfd> descriptors = {{wake_, POLLIN, 0}};
  absl::Duration deadline = absl::InfiniteDuration();
  for (const Slot& slot : slots_) {
    if (slot.process == nullptr) continue;
    slot.process->AddTo(descriptors);
    deadline = std::min(deadline, slot.process->Deadline());
  }
  for (const auto& [device, gate] : gates_) deadline = std::min(deadline, gate.Deadline());
  PollUntil(descriptors, deadline, clock_);
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t drained = read(wake_, &count, sizeof(count));
}

void EvaluatorPool::StartPending() {
  for (auto job = pending_.begin(); job != pending_.end();) {
    const int slot = FreeSlot(*job);
    if (slot < 0) {
      ++job;
      continue;
    }
    Begin(slot, std::move(*job));
    job = pending_.erase(job);
  }
}

int EvaluatorPool::FreeSlot(const Job& job) const {
  int best = -1;
  for (int i = 0; i < static_cast<int>(slots_.size()); ++i) {
    const Slot& slot = slots_[i];
    if (!slot.assignment.empty() || !Fits(slot.device, job.device)) continue;
    if (!gates_.at(slot.device).Idle()) continue;
    if (slot.process != nullptr && slot.evaluator == job.evaluator) return i;
    if (best < 0 || slot.process == nullptr) best = i;
  }
  return best;
}

void EvaluatorPool::Begin(int index, Job job) {
  Slot& slot = slots_[index];
  slot.assignment = job.start.assignment;
  slot.since = clock_.Monotonic();
  if (slot.process == nullptr || slot.evaluator != job.evaluator) {
    Apply(GateOf(index).Forget(index, slot.since));
    slot.process = nullptr;
    slot.evaluator = job.evaluator;
    EvaluatorOutcome failed;
    failed.assignment = slot.assignment;
    failed.error = evaluator::Error::Kind::kFailed;
    const auto found = options_.evaluators.find(job.evaluator);
    if (found == options_.evaluators.end()) {
      failed.reason = absl::StrCat("this worker offers no evaluator \"", job.evaluator, "\"");
      return EndJob(index, std::move(failed));
    }
    auto process = EvaluatorProcess::Spawn({.name = found->first,
                                            .command = found->second,
                                            .threads = options_.threads,
                                            .hello_timeout = options_.hello_timeout,
                                            .stop_grace = options_.stop_grace,
                                            .silence = options_.silence},
                                           clock_);
    if (!process.ok()) {
      failed.reason = std::string(process.status().message());
      return EndJob(index, std::move(failed));
    }
    slot.process = *std::move(process);
  }
  GateOf(index).Join(index);
  job.start.device = slot.device;
  job.start.threads = options_.threads;
  slot.process->Start(job.start);
}

void EvaluatorPool::Handle(int index, EvaluatorProcess::Event event) {
  DeviceGate& gate = GateOf(index);
  const absl::Duration now = clock_.Monotonic();
  if (const auto* progress = std::get_if<evaluator::Progress>(&event)) {
    listener_.OnProgress(*progress);
  } else if (std::holds_alternative<evaluator::Acquire>(event)) {
    Apply(gate.Acquire(index, now));
  } else if (std::holds_alternative<evaluator::Release>(event)) {
    Apply(gate.Release(index, now));
  } else if (std::holds_alternative<evaluator::Paused>(event)) {
    Apply(gate.Paused(index));
  } else if (auto* outcome = std::get_if<EvaluatorOutcome>(&event)) {
    EndJob(index, std::move(*outcome));
  } else if (std::holds_alternative<EvaluatorExited>(event)) {
    Apply(gate.Forget(index, now));
    slots_[index].process = nullptr;
  }
}

void EvaluatorPool::EndJob(int index, EvaluatorOutcome outcome) {
  Slot& slot = slots_[index];
  slot.assignment.clear();
  const absl::Duration now = clock_.Monotonic();
  Apply(GateOf(index).Leave(index, now));
  listener_.OnEnd(outcome, now - slot.since);
}

void EvaluatorPool::Apply(const DeviceGate::Actions& actions) {
  using Kind = DeviceGate::Action::Kind;
  for (const DeviceGate::Action& action : actions) {
    EvaluatorProcess* process = slots_[action.member].process.get();
    if (process == nullptr) continue;
    switch (action.kind) {
      case Kind::kPause:
        process->Pause();
        break;
      case Kind::kResume:
        process->Resume();
        break;
      case Kind::kGrant:
        process->Acquired();
        break;
      case Kind::kFreeze:
        process->Freeze();
        break;
      case Kind::kThaw:
        process->Thaw();
        break;
    }
  }
}

}  // namespace cambrian
