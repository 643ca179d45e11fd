#include "server/study/committer.h"

#include <pthread.h>

#include <iterator>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace cambrian {
namespace {

constexpr absl::Duration kLongestWait = absl::Seconds(1);
constexpr size_t kMostTrials = 4000;  // commits in tens of milliseconds

template <typename T>
void Append(std::vector<T> from, std::vector<T>& to) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

void Group::Join(Group later) {
  if (!later.batch.empty()) {
    batch.marker = later.batch.marker;
    batch.counters = later.batch.counters;
  }
  absl::flat_hash_map<int64_t, size_t> places;
  for (size_t i = 0; i < batch.studies.size(); ++i) places[batch.studies[i].id] = i;
  for (StudyRecord& study : later.batch.studies) {
    const auto place = places.find(study.id);
    if (place == places.end()) {
      batch.studies.push_back(std::move(study));
    } else {
      StudyRecord& before = batch.studies[place->second];
      if (study.text.empty()) study.text = std::move(before.text);  // it is new in this group
      before = std::move(study);
    }
  }
  Append(std::move(later.batch.trials), batch.trials);
  Append(std::move(later.batch.events), batch.events);
  Append(std::move(later.batch.attempts), batch.attempts);
  Append(std::move(later.batch.workers), batch.workers);
  Append(std::move(later.batch.snapshots), batch.snapshots);
  Append(std::move(later.batch.deleted), batch.deleted);
  requests += later.requests;
  Append(std::move(later.replies), replies);
  Append(std::move(later.attempts), attempts);
  Append(std::move(later.unused), unused);
}

Committer::Committer(TrialStore& store, const Clock& clock, CoordinatorListener listener,
                     CoordinatorObserver& observer, std::function<void()> on_free)
    : store_(store),
      clock_(clock),
      listener_(std::move(listener)),
      observer_(observer),
      on_free_(std::move(on_free)) {}

Committer::~Committer() { Stop(); }

void Committer::Start() {
  committing_ = std::thread([this] { CommitAll(); });
  answering_ = std::thread([this] { AnswerAll(); });
}

void Committer::Stop() {
  if (!has_threads()) return;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  committing_.join();
  answering_.join();
}

void Committer::Submit(std::unique_ptr<Group> group) {
  if (!has_threads()) {
    const absl::Status committed = Commit(*group);
    return Answer(*group, committed);
  }
  MutexLock lock(&mutex_);
  while (next_ != nullptr && !CanJoinNext()) changed_.Wait(&mutex_);
  if (next_ != nullptr) return next_->Join(std::move(*group));
  next_ = std::move(group);
  next_since_ = clock_.Monotonic();
  changed_.SignalAll();
}

bool Committer::CanJoinNext() const {
  return clock_.Monotonic() - next_since_ < kLongestWait && next_->batch.deleted.empty() &&
         next_->batch.trials.size() < kMostTrials;
}

bool Committer::IsBusy() const {
  MutexLock lock(&mutex_);
  return group_ != nullptr || next_ != nullptr;
}

void Committer::Wait() const {
  MutexLock lock(&mutex_);
  while (group_ != nullptr || next_ != nullptr) changed_.Wait(&mutex_);
}

absl::Status Committer::status() const {
  MutexLock lock(&mutex_);
  return status_;
}

void Committer::Reset() {
  {
    MutexLock lock(&mutex_);
    status_ = absl::OkStatus();
  }
  listener_.on_drop();
}

void Committer::CommitAll() {
  pthread_setname_np(pthread_self(), "commits");
  while (true) {
    const Group* group = nullptr;
    {
      MutexLock lock(&mutex_);
      while (next_ == nullptr && !stopping_) changed_.Wait(&mutex_);
      group_ = std::move(next_);
      group = group_.get();
      committed_all_ = group == nullptr;
      changed_.SignalAll();
    }
    if (group == nullptr) return;
    absl::Status committed = Commit(*group);
    bool is_free = false;
    {
      MutexLock lock(&mutex_);
      done_.emplace_back(std::move(group_), std::move(committed));
      is_free = next_ == nullptr;
      changed_.SignalAll();
    }
    if (is_free) on_free_();
  }
}

void Committer::AnswerAll() {
  pthread_setname_np(pthread_self(), "answers");
  while (true) {
    std::pair<std::unique_ptr<Group>, absl::Status> next;
    {
      MutexLock lock(&mutex_);
      while (done_.empty() && !committed_all_) changed_.Wait(&mutex_);
      if (done_.empty()) return;
      next = std::move(done_.front());
      done_.pop_front();
    }
    Answer(*next.first, next.second);
  }
}

void Committer::Answer(Group& group, const absl::Status& committed) {
  const absl::Status told = committed.ok() ? committed : StoreFailed(committed);
  if (committed.ok()) listener_.on_commit(group.batch);
  for (Reply& reply : group.replies) reply(told);
  if (!committed.ok()) return;
  for (const auto& [study, end] : group.attempts) observer_.OnAttempt(study, end);
  if (!group.unused.empty()) listener_.on_unused(std::move(group.unused));
}

absl::Status Committer::Commit(const Group& group) {
  absl::Status committed = status();
  if (!committed.ok() || group.batch.empty()) return committed;
  const absl::Duration start = clock_.Monotonic();
  committed = store_.Commit(group.batch);
  if (!committed.ok() && !absl::IsFailedPrecondition(committed)) {
    // Its outcome may be unknown: the marker tells.
    const absl::StatusOr<CommitMarker> last = store_.LastCommit();
    if (last.ok() && *last == group.batch.marker) committed = absl::OkStatus();
  }
  observer_.OnCommit(clock_.Monotonic() - start, group.requests, committed.ok());
  MutexLock lock(&mutex_);
  status_.Update(committed);
  return committed;
}

absl::Status StoreFailed(const absl::Status& status) {
  return absl::UnavailableError(absl::StrCat("the store failed: ", status.message()));
}

}  // namespace cambrian
