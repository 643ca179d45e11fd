#include "server/study/study.h"

#include <set>

#include "common/wire/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/server_study.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ParseToy;
using testing::StudyText;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

absl::StatusOr<std::optional<TrialRecord>> NothingKnown(absl::string_view) {
  return std::optional<TrialRecord>();
}

class StudyTest : public ::testing::Test {
 protected:
  std::unique_ptr<Study> Begin(const std::string& text) {
    spec_ = ParseToy(text);
    StudyRecord record;
    record.id = 1;
    record.name = "toy-1";
    record.text = text;
    record.trial_budget = spec_->budget.trials;
    record.time_budget = spec_->budget.time;
    std::unique_ptr<Study> study = Study::Make(record, spec_, {}, {}).value();
    study->Announce(kNow);
    return study;
  }

  // The next trial, running; 0 if there is none.
  int64_t Run(Study& study) {
    const std::optional<int64_t> trial = study.Next(kNow, &NothingKnown).value();
    if (!trial) return 0;
    study.Start(*trial, ++token_, "w", kNow);
    return *trial;
  }

  static v1::Completion Success(double accuracy) {
    v1::Completion completion;
    completion.set_outcome(v1::OUTCOME_SUCCEEDED);
    completion.set_seconds(2);
    ToProto(Metrics{{"accuracy", {accuracy, {}, {}}}}, completion.mutable_metrics());
    return completion;
  }
  static v1::Completion Without(v1::OutcomeKind kind, absl::string_view reason) {
    v1::Completion completion;
    completion.set_outcome(kind);
    completion.set_reason(std::string(reason));
    return completion;
  }
  void Complete(Study& study, int64_t trial, const v1::Completion& completion) {
    study.Complete(trial, study.state().trial(trial).token, completion, kNow);
  }

  std::shared_ptr<const StudySpec> spec_;
  int64_t token_ = 0;
};

TEST_F(StudyTest, RunsItsBudgetAndIsComplete) {
  auto study = Begin(StudyText());
  for (int i = 1; i <= 8; ++i) {
    ASSERT_EQ(Run(*study), i);
    Complete(*study, i, Success(i / 10.0));
  }
  EXPECT_EQ(Run(*study), 0);
  study->Settle(kNow);
  EXPECT_EQ(study->record().state, v1::COMPLETED);
  EXPECT_EQ(study->record().succeeded, 8);
  EXPECT_EQ(study->record().device_seconds, 16);
  EXPECT_EQ(study->Best(), 8);
}

TEST_F(StudyTest, IsNotCompleteWhileATrialRuns) {
  auto study = Begin(StudyText());
  for (int i = 1; i <= 8; ++i) Run(*study);
  for (int i = 1; i <= 7; ++i) Complete(*study, i, Success(0.5));
  study->Settle(kNow);
  EXPECT_EQ(study->record().state, v1::ACTIVE);
}

TEST_F(StudyTest, AnalyticMetricsAreTheServersOwn) {
  auto study = Begin(StudyText());
  Run(*study);
  const double parameters = study->state().trial(1).metrics.at("parameters").value;
  v1::Completion completion = Success(0.5);
  ToProto(Metrics{{"accuracy", {0.5, {}, {}}}, {"parameters", {1, {}, {}}}},
          completion.mutable_metrics());
  Complete(*study, 1, completion);
  EXPECT_EQ(study->state().trial(1).metrics.at("parameters").value, parameters);
}

TEST_F(StudyTest, ANotANumberOrAMissingMetricIsNoSuccess) {
  auto study = Begin(StudyText());
  Run(*study);
  Complete(*study, 1, Success(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_INFEASIBLE);
  EXPECT_EQ(study->state().trial(1).reason, "accuracy is not a finite number");
  Run(*study);
  Complete(*study, 2, Without(v1::OUTCOME_SUCCEEDED, ""));
  EXPECT_EQ(study->state().trial(2).state, v1::TRIAL_FAILED);
  EXPECT_EQ(study->state().trial(2).reason, "the evaluator reported no accuracy");
}

TEST_F(StudyTest, StopsAfterFailuresInARowWithTheCommonestReason) {
  auto study =
      Begin(StudyText("strategy: random\nobjectives: [{maximize: accuracy}]\n"
                      "budget: {trials: 20, failures: 3}\n"));
  for (const char* reason : {"odd", "disk full"}) {
    Complete(*study, Run(*study), Without(v1::OUTCOME_FAILED, reason));
  }
  Complete(*study, Run(*study), Success(0.5));  // the row is broken
  const int64_t open = Run(*study);
  for (const char* reason : {"disk full", "odd", "disk full"}) {
    ASSERT_EQ(study->record().state, v1::ACTIVE);
    Complete(*study, Run(*study), Without(v1::OUTCOME_FAILED, reason));
  }
  EXPECT_EQ(study->record().state, v1::FAILED);
  EXPECT_EQ(study->record().reason, "disk full");
  EXPECT_EQ(study->state().trial(open).state, v1::TRIAL_CANCELLED);
  EXPECT_THAT(study->TakeCancelled(), ::testing::SizeIs(1));
  EXPECT_THAT(study->TakeCancelled(), IsEmpty());
}

TEST_F(StudyTest, BadDataEndTheStudyAtOnce) {
  auto study = Begin(StudyText());
  Complete(*study, Run(*study), Without(v1::OUTCOME_BAD_DATA, "toy.csv: record 3: no number"));
  EXPECT_EQ(study->record().state, v1::FAILED);
  EXPECT_EQ(study->record().reason, "toy.csv: record 3: no number");
}

TEST_F(StudyTest, OutOfMemoryTwiceIsInfeasible) {
  auto study = Begin(StudyText());
  Complete(*study, Run(*study), Without(v1::OUTCOME_OUT_OF_MEMORY, "5 GB of 4 GB"));
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_QUEUED);
  ASSERT_EQ(Run(*study), 1);
  EXPECT_EQ(study->state().trial(1).attempts, 2);
  Complete(*study, 1, Without(v1::OUTCOME_OUT_OF_MEMORY, "5 GB of 4 GB"));
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_INFEASIBLE);
  EXPECT_EQ(study->state().trial(1).reason, "5 GB of 4 GB");
}

TEST_F(StudyTest, ACrashCostsAnAttemptAndThreeTheTrial) {
  auto study = Begin(StudyText());
  for (int attempt = 1; attempt <= 3; ++attempt) {
    ASSERT_EQ(Run(*study), 1);
    EXPECT_EQ(study->state().trial(1).attempts, attempt);
    Complete(*study, 1, Without(v1::OUTCOME_CRASHED, "ended by signal 9"));
  }
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_FAILED);
  EXPECT_EQ(study->state().trial(1).reason, "ended by signal 9");
}

TEST_F(StudyTest, ThreeLossesAreAFailureButHandingBackCostsNothing) {
  auto study = Begin(StudyText());
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(Run(*study), 1);
    study->Requeue(1, token_, /*lost=*/false, kNow);
  }
  for (int attempt = 1; attempt <= 3; ++attempt) {
    ASSERT_EQ(Run(*study), 1);
    EXPECT_EQ(study->state().trial(1).attempts, attempt);
    study->Requeue(1, token_, /*lost=*/true, kNow);
  }
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_FAILED);
  EXPECT_THAT(study->state().trial(1).reason, HasSubstr("lost"));
}

TEST_F(StudyTest, OnlyTheNewestTokenCounts) {
  auto study = Begin(StudyText());
  ASSERT_EQ(Run(*study), 1);
  study->Requeue(1, 1, /*lost=*/true, kNow);
  EXPECT_TRUE(study->IsCurrent(1, 1));  // nobody else has it yet: the late result is welcome
  ASSERT_EQ(Run(*study), 1);
  EXPECT_FALSE(study->IsCurrent(1, 1));
  study->Complete(1, 1, Success(0.9), kNow);
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_RUNNING);
  study->Complete(1, 2, Success(0.8), kNow);
  study->Complete(1, 2, Success(0.7), kNow);  // said again
  EXPECT_EQ(study->state().trial(1).metrics.at("accuracy").value, 0.8);
}

TEST_F(StudyTest, ATwinWaitsAndTakesTheResult) {
  const std::string cell = R"({"edge_0_1": skip, "edge_0_2": skip, "edge_1_2": conv3x3})";
  auto study = Begin(
      StudyText(absl::StrCat("strategy: {listed: {architectures: [", cell, ", ", cell, ", ", cell,
                             "]}}\nobjectives: [{maximize: accuracy}]\nbudget: {trials: 3}\n")));
  ASSERT_EQ(Run(*study), 1);
  EXPECT_EQ(Run(*study), 0);  // both others are the same work
  EXPECT_EQ(study->record().queued, 2);
  Complete(*study, 1, Success(0.5));
  for (int64_t twin : {2, 3}) {
    EXPECT_EQ(study->state().trial(twin).state, v1::TRIAL_SUCCEEDED);
    EXPECT_EQ(study->state().trial(twin).same_as, 1);
    EXPECT_EQ(study->state().trial(twin).metrics.at("accuracy").value, 0.5);
  }
  EXPECT_EQ(study->record().known, 2);
  study->Settle(kNow);
  EXPECT_EQ(study->record().state, v1::COMPLETED);
}

TEST_F(StudyTest, ATwinRunsItselfIfTheFirstEndsWithoutAResult) {
  const std::string cell = R"({"edge_0_1": skip, "edge_0_2": skip, "edge_1_2": conv3x3})";
  auto study = Begin(
      StudyText(absl::StrCat("strategy: {listed: {architectures: [", cell, ", ", cell,
                             "]}}\nobjectives: [{maximize: accuracy}]\nbudget: {trials: 2}\n")));
  ASSERT_EQ(Run(*study), 1);
  ASSERT_EQ(Run(*study), 0);
  Complete(*study, 1, Without(v1::OUTCOME_FAILED, "crash"));
  EXPECT_EQ(study->state().trial(2).state, v1::TRIAL_QUEUED);
  EXPECT_EQ(Run(*study), 2);
}

TEST_F(StudyTest, WorkThatAnotherStudyDidIsNotDoneAgain) {
  auto study = Begin(StudyText());
  const auto find = [](absl::string_view) -> absl::StatusOr<std::optional<TrialRecord>> {
    TrialRecord known;
    known.state = v1::TRIAL_SUCCEEDED;
    known.metrics = {{"accuracy", {0.25, {}, {}}}};
    return std::optional<TrialRecord>(known);
  };
  EXPECT_EQ(study->Next(kNow, find).value(), std::nullopt);
  EXPECT_EQ(study->record().known, 8);
  EXPECT_EQ(study->record().device_seconds, 0);
  EXPECT_EQ(study->state().trial(1).same_as, 0);
  study->Settle(kNow);
  EXPECT_EQ(study->record().state, v1::COMPLETED);
}

TEST_F(StudyTest, AKnownResultThatLacksAMetricIsNoResult) {
  auto study = Begin(StudyText());
  const auto find = [](absl::string_view) -> absl::StatusOr<std::optional<TrialRecord>> {
    TrialRecord known;
    known.state = v1::TRIAL_SUCCEEDED;
    known.metrics = {{"other", {0.25, {}, {}}}};
    return std::optional<TrialRecord>(known);
  };
  EXPECT_EQ(study->Next(kNow, find).value(), 1);
}

TEST_F(StudyTest, WhatCannotWorkIsInfeasibleAtOnceAndCounts) {
  auto study = Begin(
      StudyText("strategy: random\nobjectives: [{maximize: accuracy}]\nbudget: {trials: 27}\n",
                "[none, skip, conv3x3]"));
  while (const int64_t trial = Run(*study)) Complete(*study, trial, Success(0.5));
  study->Settle(kNow);
  EXPECT_EQ(study->record().state, v1::COMPLETED);
  EXPECT_EQ(study->record().reason, "there is nothing more to try");  // some cells are isomorphic
  EXPECT_GT(study->record().infeasible, 0);
  EXPECT_GT(study->record().succeeded, 0);
  std::set<std::string> keys;
  for (int64_t i = 1; i <= study->record().trials; ++i) {
    const TrialRecord& trial = study->state().trial(i);
    EXPECT_TRUE(keys.insert(trial.evaluation_key).second) << "the same work twice";
    if (trial.state == v1::TRIAL_INFEASIBLE) {
      EXPECT_NE(trial.reason, "");
      EXPECT_EQ(trial.attempts, 0);
    }
  }
}

TEST_F(StudyTest, AnalyticConstraintsCostNoTrialWhileThereIsSomethingElse) {
  auto study =
      Begin(StudyText("strategy: random\nobjectives: [{maximize: accuracy}]\n"
                      "constraints: [parameters <= 400]\nbudget: {trials: 3}\n"));
  while (const int64_t trial = Run(*study)) Complete(*study, trial, Success(0.5));
  EXPECT_EQ(study->record().trials, 3);
  EXPECT_EQ(study->record().infeasible, 0);
}

TEST_F(StudyTest, AMeasuredConstraintKeepsATrialOffTheFront) {
  auto study =
      Begin(StudyText("strategy: random\nobjectives: [{minimize: loss}]\n"
                      "constraints: [accuracy >= 0.5]\nbudget: {trials: 8}\n"));
  const auto complete = [&](double loss, double accuracy) {
    v1::Completion completion = Success(accuracy);
    ToProto(Metrics{{"loss", {loss, {}, {}}}, {"accuracy", {accuracy, {}, {}}}},
            completion.mutable_metrics());
    Complete(*study, Run(*study), completion);
  };
  complete(0.1, 0.4);
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_SUCCEEDED);
  EXPECT_EQ(study->Best(), std::nullopt);
  complete(0.2, 0.6);
  EXPECT_EQ(study->Best(), 2);
}

TEST_F(StudyTest, TimeCountsFromTheFirstStartAndEndsTheStudy) {
  auto study =
      Begin(StudyText("strategy: random\nobjectives: [{maximize: accuracy}]\n"
                      "budget: {trials: 8, time: 1 min}\n"));
  study->Advance(absl::Seconds(100));
  study->Advance(absl::Seconds(200));
  EXPECT_EQ(study->record().elapsed, absl::ZeroDuration());
  ASSERT_EQ(Run(*study), 1);
  study->Advance(absl::Seconds(300));
  study->Advance(absl::Seconds(350));
  EXPECT_EQ(study->TimeLeft(), absl::Seconds(10));
  ASSERT_EQ(Run(*study), 2);
  study->Requeue(2, token_, /*lost=*/true, kNow);
  study->Advance(absl::Seconds(360));
  EXPECT_EQ(Run(*study), 0);
  study->Settle(kNow);
  EXPECT_EQ(study->state().trial(2).state, v1::TRIAL_CANCELLED);  // it never gets its slot
  EXPECT_EQ(study->record().state, v1::ACTIVE);                   // but what runs may end
  Complete(*study, 1, Success(0.5));
  study->Settle(kNow);
  EXPECT_EQ(study->record().state, v1::COMPLETED);
  EXPECT_EQ(study->record().reason, "its time is over");
}

TEST_F(StudyTest, ALargerBudgetMakesACompletedStudyActive) {
  auto study = Begin(StudyText());
  while (const int64_t trial = Run(*study)) Complete(*study, trial, Success(0.5));
  study->Settle(kNow);
  EXPECT_TRUE(absl::IsInvalidArgument(study->Extend(8, kNow)));
  ASSERT_TRUE(study->Extend(9, kNow).ok());
  EXPECT_EQ(Run(*study), 9);
  study->End(v1::CANCELLED, "cancelled", kNow);
  EXPECT_TRUE(absl::IsFailedPrecondition(study->Extend(20, kNow)));
}

TEST_F(StudyTest, ProgressComesOnceForEachStepOfTheNewestAttempt) {
  auto study = Begin(StudyText());
  ASSERT_EQ(Run(*study), 1);
  const int64_t before = study->record().event;
  v1::Progress progress;
  progress.set_step(1);
  study->Progress(1, token_, progress, kNow);
  study->Progress(1, token_, progress, kNow);
  study->Progress(1, token_ - 1, progress, kNow);
  EXPECT_EQ(study->record().event, before + 1);
  EXPECT_EQ(study->state().trial(1).progress.step(), 1);
}

// Whatever the store has, the study that is read back goes on as if nothing had happened.
TEST_F(StudyTest, ReadBackItProposesTheSame) {
  const std::string text = StudyText(
      "strategy: {regularized_evolution: {population: 4, sample: 2}}\n"
      "objectives: [{maximize: accuracy}, {minimize: parameters}]\nbudget: {trials: 20}\n");
  auto study = Begin(text);
  Random random(3);
  std::vector<int64_t> running;
  for (int step = 0; step < 12; ++step) {
    running.push_back(Run(*study));
    if (step % 3 == 2) continue;
    Complete(*study, running.front(), Success(random.Uniform()));
    running.erase(running.begin());
  }
  std::vector<TrialRecord> trials;
  for (int64_t i = 1; i <= study->record().trials; ++i) trials.push_back(study->state().trial(i));
  auto copy = Study::Make(study->record(), spec_, trials, {}).value();
  Batch unchanged;
  std::vector<std::string> dropped;
  copy->TakeChanges(unchanged, dropped);
  EXPECT_TRUE(unchanged.empty());
  EXPECT_EQ(copy->Best(), study->Best());
  for (int step = 0; step < 5; ++step) {
    const int64_t trial = Run(*study);
    ASSERT_EQ(Run(*copy), trial);
    EXPECT_EQ(copy->state().trial(trial).architecture, study->state().trial(trial).architecture);
    EXPECT_EQ(copy->state().trial(trial).origin, study->state().trial(trial).origin);
    const double accuracy = random.Uniform();
    Complete(*study, trial, Success(accuracy));
    Complete(*copy, trial, Success(accuracy));
  }
  EXPECT_EQ(copy->record().hypervolume, study->record().hypervolume);
  EXPECT_EQ(copy->record().event, study->record().event);
}

}  // namespace
}  // namespace cambrian
