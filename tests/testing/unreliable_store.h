// A store in front of another one, which fails as a test wants.
#pragma once

#include <string>
#include <vector>

#include "server/store/interface.h"

namespace cambrian::testing {

// For tests on one thread.
class UnreliableStore : public TrialStore {
 public:
  explicit UnreliableStore(TrialStore& store) : store_(&store) {}

  void Use(TrialStore& store) { store_ = &store; }
  // The next commits fail: nothing is written, or everything is and nobody hears of it.
  void FailCommits(int count) { failing_ = count; }
  void ForgetCommits(int count) { forgetting_ = count; }
  void FailRenewals(int count) { failing_renewals_ = count; }
  // Every call fails.
  void SetAway(bool away) { away_ = away; }

  absl::StatusOr<Epoch> StartEpoch(absl::string_view holder, absl::Duration term) override {
    if (away_) return Away();
    return store_->StartEpoch(holder, term);
  }
  absl::Status RenewEpoch(int64_t epoch, absl::Duration term) override {
    if (away_ || failing_renewals_-- > 0) return Away();
    return store_->RenewEpoch(epoch, term);
  }
  absl::Status EndEpoch(int64_t epoch) override {
    if (away_) return Away();
    return store_->EndEpoch(epoch);
  }
  absl::Status Commit(const Batch& batch) override {
    if (away_ || failing_-- > 0) return Away();
    const absl::Status status = store_->Commit(batch);
    return forgetting_-- > 0 ? Away() : status;
  }
  absl::StatusOr<CommitMarker> LastCommit() override {
    if (away_) return Away();
    return store_->LastCommit();
  }
  absl::StatusOr<std::vector<StudyRecord>> Studies() override {
    if (away_) return Away();
    return store_->Studies();
  }
  absl::StatusOr<StudyRecord> Study(absl::string_view name) override {
    if (away_) return Away();
    return store_->Study(name);
  }
  absl::StatusOr<std::string> StudyText(int64_t study) override {
    if (away_) return Away();
    return store_->StudyText(study);
  }
  absl::StatusOr<std::vector<TrialRecord>> Trials(int64_t study, int64_t after,
                                                  int64_t limit) override {
    if (away_) return Away();
    return store_->Trials(study, after, limit);
  }
  absl::StatusOr<TrialRecord> Trial(int64_t study, int64_t number) override {
    if (away_) return Away();
    return store_->Trial(study, number);
  }
  absl::StatusOr<std::vector<TrialRecord>> TrialsWith(
      int64_t study, const std::vector<int64_t>& numbers) override {
    if (away_) return Away();
    return store_->TrialsWith(study, numbers);
  }
  absl::StatusOr<std::vector<TrialRecord>> FrontTrials(int64_t study) override {
    if (away_) return Away();
    return store_->FrontTrials(study);
  }
  absl::StatusOr<std::vector<TrialRecord>> TrialsSince(int64_t study, int64_t event) override {
    if (away_) return Away();
    return store_->TrialsSince(study, event);
  }
  absl::StatusOr<std::vector<ResultKey>> ResultKeys(int64_t study) override {
    if (away_) return Away();
    return store_->ResultKeys(study);
  }
  absl::StatusOr<std::optional<SnapshotRecord>> Snapshot(int64_t study) override {
    if (away_) return Away();
    return store_->Snapshot(study);
  }
  absl::StatusOr<std::vector<AttemptRecord>> Attempts(int64_t study, int64_t trial) override {
    if (away_) return Away();
    return store_->Attempts(study, trial);
  }
  absl::StatusOr<std::vector<v1::Progress>> Curve(int64_t study, int64_t trial) override {
    if (away_) return Away();
    return store_->Curve(study, trial);
  }
  absl::StatusOr<std::string> Log(int64_t study, int64_t trial) override {
    if (away_) return Away();
    return store_->Log(study, trial);
  }
  absl::StatusOr<std::vector<EventRecord>> Events(int64_t study, int64_t after,
                                                  int64_t limit) override {
    if (away_) return Away();
    return store_->Events(study, after, limit);
  }
  absl::StatusOr<std::vector<std::string>> Checkpoints(int64_t study) override {
    if (away_) return Away();
    return store_->Checkpoints(study);
  }
  absl::StatusOr<std::vector<std::string>> CheckpointTenants(absl::string_view sha256) override {
    if (away_) return Away();
    return store_->CheckpointTenants(sha256);
  }

 private:
  static absl::Status Away() { return absl::UnavailableError("the test took the store away"); }

  TrialStore* store_;
  int failing_ = 0;
  int failing_renewals_ = 0;
  int forgetting_ = 0;
  bool away_ = false;
};

}  // namespace cambrian::testing
