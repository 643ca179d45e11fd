#include "server/study/coordinator.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "server/study/messages.h"
#include "spdlog/spdlog.h"

namespace cambrian {
namespace {

constexpr absl::Duration kIdle = absl::Seconds(60);  // between two looks at nothing
constexpr absl::Duration kForgetEvery = absl::Minutes(1);
constexpr absl::Duration kRememberWorkers = absl::Minutes(10);

}  // namespace

Coordinator::Coordinator(Options options, TrialStore& store, const Clock& clock, StudyReader reader,
                         CoordinatorListener listener, CoordinatorObserver* observer)
    : options_(std::move(options)),
      store_(store),
      clock_(clock),
      reader_(std::move(reader)),
      on_load_(listener.on_load),
      observer_(observer != nullptr ? *observer : default_observer_),
      committer_(store, clock, std::move(listener), observer_, [this] { Wake(); }) {}

absl::Duration Coordinator::RunOnce() {
  wall_ = clock_.Now();
  now_ = clock_.Monotonic();
  // First of all: nothing may be answered once another server is active.
  KeepEpoch();
  std::vector<Request> requests = TakeRequests();
  if (!loaded_) {
    const absl::Status away = absl::UnavailableError(why_not_loaded_);
    for (Request& request : requests) request(away);
    return retry_at_;
  }
  gathered_at_ = now_ + options_.gather;
  group_->requests += static_cast<int64_t>(requests.size());
  Decide(std::move(requests));
  FinishGroup();
  return NextRun();
}

// Hands what was decided to the committer.
void Coordinator::FinishGroup() {
  failure_.Update(committer_.status());
  if (failure_.ok()) CloseGroup();
  if (!committer_.has_threads()) failure_.Update(committer_.status());
  if (!failure_.ok()) {
    spdlog::error("a commit failed, studies are read again: {}", failure_.ToString());
    FailGroup(failure_);
  }
}

// The requests, and what follows from them and from time.
void Coordinator::Decide(std::vector<Request> requests) {
  again_ = false;
  without_work_.clear();
  AdvanceStudies();
  for (Request& request : requests) request(absl::OkStatus());
  ExpireLeases();
  SettleStudies();
  if (!draining_) GrantWork();
  SettleStudies();  // a study whose last proposals needed no work is complete
  AnswerPolls();
}

// Those that have hung long enough.
void Coordinator::AnswerPolls() {
  if (draining_) {
    for (Worker* worker : workers_->Hanging()) {
      workers_->TakePoll(*worker).answer(absl::UnavailableError("the server is going down"));
    }
  }
  for (Worker* worker : workers_->Due(now_)) {
    answers_.push_back({worker, {}, workers_->TakePoll(*worker).answer});
  }
}

// What was decided becomes a group for the committer, and memory is ready for the next one.
void Coordinator::CloseGroup() {
  const auto item = [this](const Lease& lease) {
    const Study& study = *studies_.at(lease.assignment.study)->study;
    return AssignmentSet::Item{FormatAssignment(study.record().name, lease.assignment.trial),
                               lease.assignment, lease.token, study.IsPaused(), 0};
  };
  for (Worker* worker : touched_workers_) {
    worker->touched = worker->reports = false;
    workers_->Renumber(*worker, *leases_, item);
    if (worker->poll && worker->poll->revision != worker->set.revision) {
      answers_.push_back({worker, {}, workers_->TakePoll(*worker).answer});
    }
  }
  touched_workers_.clear();
  for (WorkerAnswer& answer : answers_) {
    ReplyWith(std::move(answer.answer),
              absl::StatusOr<v1::Assignments>(AssignmentsOf(*answer.worker, answer.settled)));
  }
  answers_.clear();
  Batch& batch = group_->batch;
  for (Entry* entry : touched_studies_) entry->study->TakeChanges(batch, group_->unused);
  for (const AttemptRecord& attempt : batch.attempts) {
    group_->attempts.emplace_back(studies_.at(attempt.study)->study->record().name, attempt.end);
  }
  ForgetEnded();
  if (now_ >= forget_at_) {
    workers_->Forget(now_ - kRememberWorkers, *leases_);
    forget_at_ = now_ + kForgetEvery;
  }
  ForgetDeleted();
  if (batch.empty() && group_->replies.empty()) {
    group_->requests = 0;
    return;
  }
  if (!batch.empty()) {
    batch.marker = {epoch_, ++commits_};
    batch.counters = {last_study_, leases_->last_token()};
  }
  committer_.Submit(std::exchange(group_, std::make_unique<Group>()));
}

TrialStore& Coordinator::Settled() {
  committer_.Wait();
  return store_;
}

// Drops what the group decided, and with it all that is in memory.
void Coordinator::FailGroup(const absl::Status& status) {
  committer_.Wait();
  committer_.Reset();
  const absl::Status told = StoreFailed(status);
  for (Reply& reply : group_->replies) reply(told);
  for (WorkerAnswer& answer : answers_) answer.answer(told);
  for (Worker* worker : workers_->Hanging()) worker->poll->answer(told);
  group_ = std::make_unique<Group>();
  answers_.clear();
  touched_workers_.clear();
  touched_studies_.clear();
  unfinished_.clear();
  deleted_names_.clear();
  workers_ = std::make_unique<WorkerTable>(0);
  failure_ = absl::OkStatus();
  loaded_ = false;
  why_not_loaded_ = std::string(told.message());
  retry_at_ = now_;
}

absl::Duration Coordinator::NextRun() const {
  if (!loaded_) return retry_at_;
  if (again_) return now_;
  absl::Duration next = std::min(now_ + kIdle, renew_at_);
  if (const auto expiry = leases_->NextExpiry()) next = std::min(next, *expiry);
  if (const auto due = workers_->NextDue()) next = std::min(next, *due);
  if (!study_dues_.empty()) next = std::min(next, study_dues_.begin()->first);
  return next;
}

}  // namespace cambrian
