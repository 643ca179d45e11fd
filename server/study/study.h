// One open study: its state, its strategy, and the decisions about its trials.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cambrian/v1/worker_service.pb.h"
#include "common/spec/study_spec.h"
#include "server/strategy/interface.h"
#include "server/study/study_state.h"

namespace cambrian {

// What one worker can do for a study.
struct Offer {
  bool trains = false;
  bool measures = false;  // latency, as the study asks for it
};

struct NextWork {
  int64_t trial = 0;
  v1::Work work = v1::WORK_ALL;
};

// Pure but for what is handed in. Not thread-safe: it lives on the decision loop. `now` is wall
// time, for people and for the store.
//
// Where the study names a target for its latency, training and measuring may be two pieces of work
// for two workers. Between them the trial is TRIAL_WAITING, with its metrics and its checkpoint.
class Study {
 public:
  struct Options {
    int max_losses = 3;         // of a worker or an evaluator, without a newer checkpoint: FAILED
    int max_out_of_memory = 2;  // then a trial is INFEASIBLE
    // The next snapshot is taken after so many events, or a quarter of the trials if that is more.
    int64_t snapshot_events = 10'000;
  };
  // A succeeded trial of any study that did this work.
  using FindKnown =
      std::function<absl::StatusOr<std::optional<TrialRecord>>(absl::string_view evaluation_key)>;
  // An ended trial of this study, from the store.
  using FindTrial = std::function<absl::StatusOr<TrialRecord>(int64_t number)>;

  // A new study. \error kInvalidArgument if its strategy cannot be made.
  static absl::StatusOr<std::unique_ptr<Study>> Make(StudyRecord record,
                                                     std::shared_ptr<const StudySpec> spec,
                                                     Options options);
  // A study as the store has it: its newest snapshot, `TrialsSince` that snapshot's event (0
  // without one), and its `ResultKeys`. \error kInvalidArgument
  static absl::StatusOr<std::unique_ptr<Study>> Load(StudyRecord record,
                                                     std::shared_ptr<const StudySpec> spec,
                                                     std::optional<SnapshotRecord> snapshot,
                                                     std::vector<TrialRecord> trials,
                                                     const std::vector<ResultKey>& results,
                                                     Options options);

  const StudyState& state() const { return state_; }
  const StudyRecord& record() const { return state_.record(); }
  const StudySpec& spec() const { return *spec_; }
  bool IsActive() const { return record().state == v1::ACTIVE; }
  bool IsPaused() const { return record().state == v1::PAUSED; }
  bool IsOpen() const { return IsActive() || IsPaused(); }

  // Announces a new study: its first event.
  void Announce(absl::Time now);
  // Begins a new study with the ended trials of another one, in the order in which they ended: as
  // known results, told to the strategy. They count in the budget; cancelled ones, and those whose
  // metrics do not say what this study needs, are left out. \error kInvalidArgument, and then it is
  // of no use any longer
  absl::Status Inherit(const std::vector<TrialRecord>& trials, absl::string_view name,
                       absl::Time now);

  // Whether `Next` could give work.
  bool MayHaveWork(Offer offer) const;

  // The work that should be done next: to measure what waits for it, to train the first that is
  // queued, else what the strategy proposes. Proposals that need no work (infeasible, known) are
  // settled on the way. Nothing if there is none, or after kMaxSettled such; then `IsUnfinished`
  // says to ask again. \error of the functions
  absl::StatusOr<std::optional<NextWork>> Next(absl::Time now, Offer offer,
                                               const FindKnown& find_known,
                                               const FindTrial& find_trial);
  bool IsUnfinished() const { return unfinished_; }
  // The trial runs under a lease.
  void Start(int64_t trial, v1::Work work, int64_t token, absl::string_view worker, absl::Time now);
  // What a running trial's worker was given. After a restart WORK_TRAIN stands for WORK_ALL where
  // measuring may be apart: what that worker does not measure, another one will.
  v1::Work WorkOf(int64_t trial) const;

  // Whether `token` is the newest of an open trial: only then do these change anything. A result
  // that comes after its lease was lost counts; that an attempt was given up counts while it runs
  // only.
  bool IsCurrent(int64_t trial, int64_t token) const;
  void Progress(int64_t trial, int64_t token, const v1::Progress& progress,
                absl::string_view checkpoint, absl::Time now);
  void Complete(int64_t trial, int64_t token, const v1::Completion& completion, absl::Time now);
  void HandBack(int64_t trial, int64_t token, const v1::HandBack& hand_back, absl::Time now);
  void Lose(int64_t trial, int64_t token, absl::Time now);

  // While a study is paused nothing is granted and no time passes for it. Trials that run stay
  // RUNNING until their workers hand them back, complete or lose them. No-op if it is so already.
  // \error kFailedPrecondition if it has ended.
  absl::Status Pause(absl::Time now);
  absl::Status Resume(absl::Time now);
  // Ends the study, and its open trials as CANCELLED. No-op if it has ended.
  void End(v1::StudyState state, absl::string_view reason, absl::Time now);
  // Raises the budget; a completed study is active again. \error kFailedPrecondition,
  // kInvalidArgument
  absl::Status Extend(int64_t trials, absl::Time now);
  void SetSuccessor(absl::string_view name) { state_.SetSuccessor(name); }

  // Time goes on: counts it from the first trial's start.
  void Advance(absl::Duration monotonic);
  // Until the time budget is used up; nothing without one, or while no time counts.
  std::optional<absl::Duration> TimeLeft() const;
  // Completes the study if nothing is left to do.
  void Settle(absl::Time now);

  // The best trial of the front in the first objective.
  std::optional<int64_t> Best() const;

  // Adds every row that changed, attempts that ended, and a snapshot when it is time for one; and
  // the artifacts that the trials do not need any longer.
  void TakeChanges(Batch& batch, std::vector<std::string>& dropped_artifacts);
  // Trials, with the tokens of their leases, that ended without their workers' word since the last
  // call.
  std::vector<std::pair<int64_t, int64_t>> TakeCancelled() { return std::exchange(cancelled_, {}); }

 private:
  using Edit = absl::FunctionRef<void(TrialRecord&)>;
  static constexpr int kMaxSettled = 64;

  Study(StudyRecord record, std::shared_ptr<const StudySpec> spec, Options options);

  // study_restore.cc
  absl::Status MakeStrategy();
  absl::Status TellSince(int64_t event, const std::vector<TrialRecord>& trials);
  absl::Status InheritOne(const TrialRecord& from, absl::string_view name, absl::Time now);

  // study.cc
  bool IsOutOfTime() const;
  absl::string_view WhyEarly() const;
  bool MayAsk() const;
  bool MeasuresApart() const { return spec_->latency && !spec_->latency->target.empty(); }
  v1::Work WorkFor(const TrialRecord& trial, bool measures) const;
  std::optional<NextWork> FirstReady(Offer offer) const;
  // Makes a trial of the proposal, and ends it if it needs no work.
  absl::Status Adopt(Proposal proposal, absl::Time now, const FindKnown& find_known,
                     const FindTrial& find_trial);
  // The trial ends as `edit` makes it: the strategy hears of it, its twins take its result.
  void EndTrial(int64_t number, absl::Time now, Edit edit);
  void EndOne(int64_t number, absl::Time now, Edit edit);

  // study_attempts.cc
  void EndAttempt(const TrialRecord& trial, v1::AttemptEnd end, absl::string_view reason,
                  double seconds, absl::string_view log, absl::Time now);
  void EndAttempt(const TrialRecord& trial, v1::AttemptEnd end, const v1::Completion& completion,
                  absl::Time now);
  // The trial waits for its next attempt.
  void Retry(int64_t number, absl::Time now, Edit edit);
  void Preempt(int64_t number, absl::string_view checkpoint, double seconds, absl::Time now);
  void TakeCheckpoint(TrialRecord& trial, absl::string_view checkpoint);
  void Succeed(const TrialRecord& trial, const v1::Completion& completion, absl::Time now);
  void FinishTraining(int64_t number, Metrics metrics, const v1::Completion& completion,
                      absl::Time now);
  void Break(const TrialRecord& trial, const v1::Completion& completion, absl::Time now);

  const std::shared_ptr<const StudySpec> spec_;
  const Options options_;
  StudyState state_;
  std::unique_ptr<SearchStrategy> strategy_;
  bool exhausted_ = false;  // the strategy has nothing more
  bool waiting_ = false;    // the strategy waits for a result
  bool unfinished_ = false;
  int64_t last_snapshot_ = 0;                   // its event
  std::optional<absl::Duration> last_advance_;  // set while time counts
  absl::flat_hash_set<int64_t> whole_;          // running, given as WORK_ALL
  std::vector<std::pair<int64_t, int64_t>> cancelled_;
};

}  // namespace cambrian
