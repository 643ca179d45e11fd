#include "server/store/memory.h"

#include <limits>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"

namespace cambrian {
namespace {

class MemoryStore : public TrialStore {
 public:
  explicit MemoryStore(const Clock& clock) : clock_(clock) {}

  absl::StatusOr<Epoch> StartEpoch(absl::string_view holder, absl::Duration term) override {
    MutexLock lock(&mutex_);
    if (holder != holder_ && clock_.Monotonic() < until_) {
      return absl::AlreadyExistsError(absl::StrCat("the server ", holder_, " is active"));
    }
    ++epoch_;
    holder_ = std::string(holder);
    until_ = clock_.Monotonic() + term;
    return Epoch{epoch_, counters_};
  }

  absl::Status RenewEpoch(int64_t epoch, absl::Duration term) override {
    MutexLock lock(&mutex_);
    if (epoch != epoch_) return TakenOver();
    until_ = clock_.Monotonic() + term;
    return absl::OkStatus();
  }

  absl::Status EndEpoch(int64_t epoch) override {
    MutexLock lock(&mutex_);
    if (epoch == epoch_) until_ = clock_.Monotonic();
    return absl::OkStatus();
  }

  absl::Status Commit(const Batch& batch) override {
    MutexLock lock(&mutex_);
    if (batch.marker.epoch != epoch_) return TakenOver();
    if (absl::Status status = Check(batch); !status.ok()) return status;
    marker_ = batch.marker;
    counters_ = batch.counters;
    for (const StudyRecord& record : batch.studies) {
      Entry& entry = studies_[record.id];
      std::string text = std::move(entry.record.text);
      entry.record = record;
      if (record.text.empty()) entry.record.text = std::move(text);
    }
    for (const TrialRecord& trial : batch.trials) {
      studies_[trial.study].trials[trial.number] = trial;
    }
    for (const EventRecord& event : batch.events) {
      if (HasRow(event.kind)) studies_[event.study].events[event.number] = event;
    }
    for (const AttemptRecord& attempt : batch.attempts) {
      studies_[attempt.study].attempts[{attempt.trial, attempt.token}] = attempt;
    }
    for (const WorkerRecord& worker : batch.workers) workers_[worker.name] = worker;
    for (const SnapshotRecord& snapshot : batch.snapshots) {
      studies_[snapshot.study].snapshot = snapshot;
    }
    for (int64_t id : batch.deleted) studies_.erase(id);
    return absl::OkStatus();
  }

  absl::StatusOr<CommitMarker> LastCommit() override {
    MutexLock lock(&mutex_);
    return marker_;
  }

  absl::StatusOr<std::vector<StudyRecord>> Studies() override {
    MutexLock lock(&mutex_);
    std::vector<StudyRecord> result;
    for (const auto& [id, entry] : studies_) result.push_back(WithoutText(entry.record));
    return result;
  }

  absl::StatusOr<StudyRecord> Study(absl::string_view name) override {
    MutexLock lock(&mutex_);
    for (const auto& [id, entry] : studies_) {
      if (entry.record.name == name) return WithoutText(entry.record);
    }
    return absl::NotFoundError(absl::StrCat("no study \"", name, "\""));
  }

  absl::StatusOr<std::string> StudyText(int64_t study) override {
    MutexLock lock(&mutex_);
    auto it = studies_.find(study);
    if (it == studies_.end()) return absl::NotFoundError("no such study");
    return it->second.record.text;
  }

  absl::StatusOr<std::vector<TrialRecord>> Trials(int64_t study, int64_t after,
                                                  int64_t limit) override {
    MutexLock lock(&mutex_);
    std::vector<TrialRecord> result;
    const auto& trials = At(study).trials;
    for (auto it = trials.upper_bound(after);
         it != trials.end() && static_cast<int64_t>(result.size()) < limit; ++it) {
      result.push_back(it->second);
    }
    return result;
  }

  absl::StatusOr<TrialRecord> Trial(int64_t study, int64_t number) override {
    MutexLock lock(&mutex_);
    const auto& trials = At(study).trials;
    auto it = trials.find(number);
    if (it == trials.end()) return absl::NotFoundError(absl::StrCat("no trial ", number));
    return it->second;
  }

  absl::StatusOr<std::vector<TrialRecord>> TrialsWith(
      int64_t study, const std::vector<int64_t>& numbers) override {
    MutexLock lock(&mutex_);
    std::vector<TrialRecord> result;
    const auto& trials = At(study).trials;
    for (const int64_t number : std::set<int64_t>(numbers.begin(), numbers.end())) {
      const auto trial = trials.find(number);
      if (trial != trials.end()) result.push_back(trial->second);
    }
    return result;
  }

  absl::StatusOr<std::vector<TrialRecord>> FrontTrials(int64_t study) override {
    MutexLock lock(&mutex_);
    std::vector<TrialRecord> result;
    for (const auto& [number, trial] : At(study).trials) {
      if (trial.on_front) result.push_back(trial);
    }
    return result;
  }

  absl::StatusOr<std::vector<TrialRecord>> TrialsSince(int64_t study, int64_t event) override {
    MutexLock lock(&mutex_);
    std::vector<TrialRecord> result;
    for (const auto& [number, trial] : At(study).trials) {
      if (trial.IsOpen() || trial.on_front || trial.proposed_event > event ||
          trial.ended_event > event) {
        result.push_back(trial);
      }
    }
    return result;
  }

  absl::StatusOr<std::vector<ResultKey>> ResultKeys(int64_t study) override {
    MutexLock lock(&mutex_);
    std::vector<ResultKey> result;
    std::set<std::string> seen;
    for (const auto& [number, trial] : At(study).trials) {
      const bool has_result =
          trial.state == v1::TRIAL_SUCCEEDED || trial.state == v1::TRIAL_INFEASIBLE;
      if (has_result && seen.insert(trial.evaluation_key).second) {
        result.push_back({number, trial.evaluation_key});
      }
    }
    return result;
  }

  absl::StatusOr<std::optional<SnapshotRecord>> Snapshot(int64_t study) override {
    MutexLock lock(&mutex_);
    return At(study).snapshot;
  }

  absl::StatusOr<std::vector<AttemptRecord>> Attempts(int64_t study, int64_t trial) override {
    MutexLock lock(&mutex_);
    std::vector<AttemptRecord> result;
    const auto& attempts = At(study).attempts;
    for (auto it = attempts.lower_bound({trial, kFirst});
         it != attempts.end() && it->first.first == trial; ++it) {
      result.push_back(it->second);
      result.back().log.clear();
    }
    return result;
  }

  absl::StatusOr<std::vector<v1::Progress>> Curve(int64_t study, int64_t trial) override {
    MutexLock lock(&mutex_);
    std::vector<v1::Progress> result;
    const Entry& entry = At(study);
    auto it = entry.trials.find(trial);
    if (it == entry.trials.end()) return result;
    for (const auto& [number, record] : entry.events) {
      if (record.kind == EventKind::kProgress && record.trial == trial &&
          record.event.trial().attempts() == it->second.attempts) {
        result.push_back(record.event.trial().progress());
      }
    }
    return result;
  }

  absl::StatusOr<std::string> Log(int64_t study, int64_t trial) override {
    MutexLock lock(&mutex_);
    std::string log;
    const auto& attempts = At(study).attempts;
    for (auto it = attempts.lower_bound({trial, kFirst});
         it != attempts.end() && it->first.first == trial; ++it) {
      if (!it->second.log.empty()) log = it->second.log;
    }
    return log;
  }

  absl::StatusOr<std::vector<EventRecord>> Events(int64_t study, int64_t after,
                                                  int64_t limit) override {
    MutexLock lock(&mutex_);
    const Entry& entry = At(study);
    std::map<int64_t, EventRecord> events(entry.events.upper_bound(after), entry.events.end());
    for (const auto& [number, trial] : entry.trials) {
      for (const auto& [event, kind] : {std::pair(trial.proposed_event, EventKind::kProposed),
                                        {trial.ended_event, EventKind::kEnded}}) {
        if (event > after) events[event] = {study, event, kind, number, {}};
      }
    }
    std::vector<EventRecord> result;
    for (auto& [number, event] : events) {
      if (std::ssize(result) == limit) break;
      result.push_back(std::move(event));
    }
    return result;
  }

  absl::StatusOr<std::vector<std::string>> Checkpoints(int64_t study) override {
    MutexLock lock(&mutex_);
    std::set<std::string> distinct;
    AddArtifacts(At(study), distinct);
    return std::vector<std::string>(distinct.begin(), distinct.end());
  }

  absl::StatusOr<std::vector<std::string>> CheckpointTenants(absl::string_view sha256) override {
    MutexLock lock(&mutex_);
    std::set<std::string> tenants;
    for (const auto& [id, entry] : studies_) {
      for (const auto& [number, trial] : entry.trials) {
        if (sha256.empty() || (trial.checkpoint != sha256 && trial.resume_from != sha256)) continue;
        tenants.insert(entry.record.tenant);
      }
    }
    return std::vector<std::string>(tenants.begin(), tenants.end());
  }

 private:
  struct Entry {
    StudyRecord record;
    std::map<int64_t, TrialRecord> trials;
    std::map<int64_t, EventRecord> events;
    std::map<std::pair<int64_t, int64_t>, AttemptRecord> attempts;  // by trial, token
    std::optional<SnapshotRecord> snapshot;
  };

  static constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();

  static void AddArtifacts(const Entry& entry, std::set<std::string>& artifacts) {
    for (const auto& [number, trial] : entry.trials) {
      for (const std::string& artifact : {trial.checkpoint, trial.resume_from}) {
        if (!artifact.empty()) artifacts.insert(artifact);
      }
    }
  }

  // An empty entry if there is no such study.
  const Entry& At(int64_t study) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    static const Entry& kNone = *new Entry;
    auto it = studies_.find(study);
    return it == studies_.end() ? kNone : it->second;
  }

  // Rows belong to studies that exist, and no event is written twice.
  absl::Status Check(const Batch& batch) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::set<int64_t> known;
    for (const StudyRecord& record : batch.studies) known.insert(record.id);
    for (const auto& [id, entry] : studies_) known.insert(id);
    for (const TrialRecord& trial : batch.trials) {
      if (!known.contains(trial.study)) return absl::UnavailableError("a trial of no study");
    }
    for (const EventRecord& event : batch.events) {
      if (!known.contains(event.study)) return absl::UnavailableError("an event of no study");
      if (At(event.study).events.contains(event.number)) {
        return absl::UnavailableError("an event was written before");
      }
    }
    for (const AttemptRecord& attempt : batch.attempts) {
      if (!known.contains(attempt.study)) return absl::UnavailableError("an attempt of no study");
      if (At(attempt.study).attempts.contains({attempt.trial, attempt.token})) {
        return absl::UnavailableError("an attempt was written before");
      }
    }
    for (const SnapshotRecord& snapshot : batch.snapshots) {
      if (!known.contains(snapshot.study)) return absl::UnavailableError("a snapshot of no study");
    }
    return absl::OkStatus();
  }

  static absl::Status TakenOver() {
    return absl::FailedPreconditionError("another server has taken over this store");
  }

  static StudyRecord WithoutText(StudyRecord record) {
    record.text.clear();
    return record;
  }

  const Clock& clock_;
  Mutex mutex_;
  int64_t epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string holder_ ABSL_GUARDED_BY(mutex_);
  absl::Duration until_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();  // the epoch's term
  CommitMarker marker_ ABSL_GUARDED_BY(mutex_);
  Counters counters_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, Entry> studies_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, WorkerRecord> workers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<TrialStore> NewMemoryStore(const Clock& clock) {
  return std::make_unique<MemoryStore>(clock);
}

}  // namespace cambrian
