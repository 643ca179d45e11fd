#include "server/study/committer.h"

#include "absl/strings/str_cat.h"

namespace cambrian {

Committer::Committer(TrialStore& store, const Clock& clock, CoordinatorListener listener,
                     CoordinatorObserver& observer)
    : store_(store), clock_(clock), listener_(std::move(listener)), observer_(observer) {}

Committer::~Committer() { Stop(); }

void Committer::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Committer::Stop() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  thread_.join();
}

void Committer::Submit(std::unique_ptr<Group> group) {
  if (!thread_.joinable()) return Handle(*group);
  MutexLock lock(&mutex_);
  group_ = std::move(group);
  changed_.SignalAll();
}

void Committer::Wait() const {
  MutexLock lock(&mutex_);
  while (group_ != nullptr) changed_.Wait(&mutex_);
}

absl::Status Committer::status() const {
  MutexLock lock(&mutex_);
  return status_;
}

void Committer::Reset() {
  MutexLock lock(&mutex_);
  status_ = absl::OkStatus();
}

void Committer::Run() {
  while (true) {
    Group* group = nullptr;
    {
      MutexLock lock(&mutex_);
      while (group_ == nullptr && !stopping_) changed_.Wait(&mutex_);
      group = group_.get();
    }
    if (group == nullptr) return;
    Handle(*group);
    const std::unique_ptr<Group> done = TakeDone();
  }
}

std::unique_ptr<Group> Committer::TakeDone() {
  MutexLock lock(&mutex_);
  changed_.SignalAll();
  return std::move(group_);
}

void Committer::Handle(Group& group) {
  absl::Status committed = status();
  if (committed.ok() && !group.batch.empty()) committed = Commit(group);
  if (!committed.ok()) {
    {
      MutexLock lock(&mutex_);
      status_.Update(committed);
    }
    const absl::Status told = StoreFailed(committed);
    for (Reply& reply : group.replies) reply(told);
    return;
  }
  for (Reply& reply : group.replies) reply(absl::OkStatus());
  for (const StudyRecord& record : group.batch.studies) listener_.on_events(record.id);
  for (const int64_t id : group.batch.deleted) listener_.on_events(id);
  for (const auto& [study, end] : group.attempts) observer_.OnAttempt(study, end);
  if (!group.unused.empty()) listener_.on_unused(std::move(group.unused));
}

absl::Status Committer::Commit(const Group& group) {
  const absl::Duration start = clock_.Monotonic();
  absl::Status status = store_.Commit(group.batch);
  if (!status.ok() && !absl::IsFailedPrecondition(status)) {
    // Its outcome may be unknown: the marker tells.
    const absl::StatusOr<CommitMarker> last = store_.LastCommit();
    if (last.ok() && *last == group.batch.marker) status = absl::OkStatus();
  }
  observer_.OnCommit(clock_.Monotonic() - start, group.requests, status.ok());
  return status;
}

absl::Status StoreFailed(const absl::Status& status) {
  return absl::UnavailableError(absl::StrCat("the store failed: ", status.message()));
}

}  // namespace cambrian
