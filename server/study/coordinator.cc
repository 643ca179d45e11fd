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
      listener_(std::move(listener)),
      observer_(observer != nullptr ? *observer : default_observer_) {}

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
  const int64_t count = static_cast<int64_t>(requests.size());
  Decide(std::move(requests));
  const absl::Status committed = failure_.ok() ? Commit(count) : failure_;
  if (committed.ok()) {
    AnswerGroup();
  } else {
    spdlog::error("a commit failed, studies are read again: {}", committed.ToString());
    FailGroup(committed);
  }
  return NextRun();
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
  const auto item = [this](const Lease& lease) {
    const Study& study = *studies_.at(lease.assignment.study)->study;
    return AssignmentSet::Item{FormatAssignment(study.record().name, lease.assignment.trial),
                               lease.assignment, lease.token, study.IsPaused(), 0};
  };
  for (Worker* worker : touched_workers_) workers_->Renumber(*worker, *leases_, item);
  for (Entry* entry : touched_studies_) entry->study->TakeChanges(batch_, unused_);
}

absl::Status Coordinator::Commit(int64_t requests) {
  if (batch_.empty()) return absl::OkStatus();
  batch_.marker = {epoch_, commits_ + 1};
  batch_.counters = {last_study_, leases_->last_token()};
  const absl::Duration start = clock_.Monotonic();
  absl::Status status = store_.Commit(batch_);
  if (!status.ok() && !absl::IsFailedPrecondition(status)) {
    const absl::StatusOr<CommitMarker> last = store_.LastCommit();
    if (last.ok() && *last == batch_.marker) status = absl::OkStatus();
  }
  observer_.OnCommit(clock_.Monotonic() - start, requests, status.ok());
  if (status.ok()) ++commits_;
  return status;
}

void Coordinator::AnswerGroup() {
  for (Reply& reply : replies_) reply(absl::OkStatus());
  replies_.clear();
  for (Worker* worker : touched_workers_) {
    worker->touched = worker->reports = false;
    if (worker->poll && worker->poll->revision != worker->set.revision) AnswerPoll(*worker);
  }
  touched_workers_.clear();
  for (Worker* worker : draining_ ? workers_->Hanging() : workers_->Due(now_)) AnswerPoll(*worker);
  for (const StudyRecord& record : batch_.studies) listener_.on_events(record.id);
  for (int64_t id : batch_.deleted) listener_.on_events(id);
  for (const AttemptRecord& attempt : batch_.attempts) {
    auto entry = studies_.find(attempt.study);
    if (entry == studies_.end()) continue;
    observer_.OnAttempt(entry->second->study->record().name, attempt.end);
  }
  batch_ = Batch();
  ForgetEnded();
  if (!unused_.empty()) listener_.on_unused(std::exchange(unused_, {}));
  if (now_ >= forget_at_) {
    workers_->Forget(now_ - kRememberWorkers, *leases_);
    forget_at_ = now_ + kForgetEvery;
  }
}

// Drops what the group decided, and with it all that is in memory.
void Coordinator::FailGroup(const absl::Status& status) {
  const absl::Status told =
      absl::UnavailableError(absl::StrCat("the store failed: ", status.message()));
  for (Reply& reply : replies_) reply(told);
  for (Worker* worker : workers_->Hanging()) worker->poll->answer(told);
  replies_.clear();
  touched_workers_.clear();
  touched_studies_.clear();
  unfinished_.clear();
  unused_.clear();
  workers_ = std::make_unique<WorkerTable>(0);
  batch_ = Batch();
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
