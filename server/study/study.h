// One active study: its state, its strategy, and the decisions about its trials.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cambrian/v1/worker_service.pb.h"
#include "common/spec/study_spec.h"
#include "server/strategy/interface.h"
#include "server/study/study_state.h"

namespace cambrian {

// Pure but for what is handed in. Not thread-safe: it lives on the decision loop. `now` is wall
// time, for people and for the store.
class Study {
 public:
  struct Options {
    int max_losses = 3;         // of a worker or of an evaluator; then a trial is FAILED
    int max_out_of_memory = 2;  // then a trial is INFEASIBLE
  };
  // A succeeded trial of any study that did this work.
  using FindKnown =
      std::function<absl::StatusOr<std::optional<TrialRecord>>(absl::string_view evaluation_key)>;

  // A study as the store has it, its strategy told everything in order; a new one without trials.
  // \error kInvalidArgument if the strategy cannot be made.
  static absl::StatusOr<std::unique_ptr<Study>> Make(StudyRecord record,
                                                     std::shared_ptr<const StudySpec> spec,
                                                     std::vector<TrialRecord> trials,
                                                     Options options);

  const StudyState& state() const { return state_; }
  const StudyRecord& record() const { return state_.record(); }
  const StudySpec& spec() const { return *spec_; }
  bool IsActive() const { return record().state == v1::ACTIVE; }

  // Announces a new study: its first event.
  void Announce(absl::Time now);

  // Whether `Next` could give work.
  bool MayHaveWork() const;

  // The trial that should run next: the first that is queued, else what the strategy proposes.
  // Proposals that need no work (infeasible, known) are settled on the way. Nothing if there is
  // none, or after kMaxSettled such; then `IsUnfinished` says to ask again.
  absl::StatusOr<std::optional<int64_t>> Next(absl::Time now, const FindKnown& find_known);
  bool IsUnfinished() const { return unfinished_; }

  // The trial runs under a lease.
  void Start(int64_t trial, int64_t token, absl::string_view worker, absl::Time now);

  // Whether `token` is the newest of an open trial: only then do these three change anything.
  bool IsCurrent(int64_t trial, int64_t token) const;
  void Progress(int64_t trial, int64_t token, const v1::Progress& progress, absl::Time now);
  void Complete(int64_t trial, int64_t token, const v1::Completion& completion, absl::Time now);
  // The lease was lost, or handed back, which costs no attempt.
  void Requeue(int64_t trial, int64_t token, bool lost, absl::Time now);

  // Ends the study, and its open trials as CANCELLED.
  void End(v1::StudyState state, absl::string_view reason, absl::Time now);
  // Raises the budget; a completed study is active again. \error kFailedPrecondition,
  // kInvalidArgument
  absl::Status Extend(int64_t trials, absl::Time now);
  void SetSuccessor(absl::string_view name) { state_.SetSuccessor(name); }

  // Time goes on: counts it from the first trial's start.
  void Advance(absl::Duration monotonic);
  // Until the time budget is used up; nothing without one, or before the first start.
  std::optional<absl::Duration> TimeLeft() const;
  // Completes the study if nothing is left to do.
  void Settle(absl::Time now);

  // The best trial of the front in the first objective.
  std::optional<int64_t> Best() const;

  void TakeChanges(Batch& batch, std::vector<std::string>& dropped_checkpoints) {
    state_.TakeChanges(batch, dropped_checkpoints);
  }
  // Trials, with the tokens of their leases, that ended without their workers' word since the last
  // call.
  std::vector<std::pair<int64_t, int64_t>> TakeCancelled() { return std::exchange(cancelled_, {}); }

 private:
  static constexpr int kMaxSettled = 64;

  Study(StudyRecord record, std::shared_ptr<const StudySpec> spec, std::vector<TrialRecord> trials,
        Options options);
  // Tells the strategy what the store remembers, in the order of the sequence.
  absl::Status Replay();
  bool IsOutOfTime() const;
  absl::string_view WhyEarly() const;
  bool MayAsk() const;
  // Makes a trial of the proposal. Returns its number if it has to run.
  absl::StatusOr<std::optional<int64_t>> Adopt(Proposal proposal, absl::Time now,
                                               const FindKnown& find_known);
  void ApplyTrial(EventKind kind, TrialRecord trial, absl::Time now);
  void ApplyState(v1::StudyState state, absl::string_view reason, int64_t budget, absl::Time now);
  // The trial waits for its next attempt.
  void Retry(TrialRecord trial, absl::Time now);
  // The trial ends as it is: the strategy hears of it, its twins take its result.
  void EndTrial(TrialRecord trial, absl::Time now);
  void EndOne(TrialRecord trial, absl::Time now);
  void Succeed(TrialRecord trial, const v1::Completion& completion, absl::Time now);

  const std::shared_ptr<const StudySpec> spec_;
  const Options options_;
  StudyState state_;
  std::unique_ptr<SearchStrategy> strategy_;
  bool exhausted_ = false;  // the strategy has nothing more
  bool waiting_ = false;    // the strategy waits for a result
  bool unfinished_ = false;
  std::optional<absl::Duration> last_advance_;  // set while time counts
  std::vector<std::pair<int64_t, int64_t>> cancelled_;
};

}  // namespace cambrian
