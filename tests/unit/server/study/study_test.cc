#include "server/study/study.h"

#include <set>

#include "tests/unit/server/study/study_fixture.h"

namespace cambrian {
namespace {

using ::testing::IsEmpty;
using testing::StudyText;

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
  EXPECT_FALSE(Ask(*study, kBoth, find).value().has_value());
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
  EXPECT_EQ(Ask(*study, kBoth, find).value()->trial, 1);
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
  study->Lose(2, token_, kNow);
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

TEST_F(StudyTest, WhilePausedNothingIsGrantedAndNoTimePasses) {
  auto study =
      Begin(StudyText("strategy: random\nobjectives: [{maximize: accuracy}]\n"
                      "budget: {trials: 8, time: 1 min}\n"));
  ASSERT_EQ(Run(*study), 1);
  ASSERT_EQ(Run(*study), 2);
  study->Advance(absl::Seconds(10));
  ASSERT_TRUE(study->Pause(kNow).ok());
  const int64_t event = study->record().event;
  ASSERT_TRUE(study->Pause(kNow).ok());
  EXPECT_EQ(study->record().event, event);  // it was paused already
  EXPECT_TRUE(study->IsOpen());
  EXPECT_FALSE(study->MayHaveWork(kBoth));
  EXPECT_EQ(Run(*study), 0);
  EXPECT_EQ(study->TimeLeft(), std::nullopt);
  study->Advance(absl::Seconds(500));
  EXPECT_EQ(study->record().elapsed, absl::ZeroDuration());
  EXPECT_EQ(study->record().running, 2);
  study->HandBack(1, 1, {}, kNow);
  Complete(*study, 2, Success(0.5));
  study->Settle(kNow);
  EXPECT_EQ(study->record().queued, 1);
  EXPECT_EQ(study->record().succeeded, 1);
  ASSERT_TRUE(study->Resume(kNow).ok());
  ASSERT_EQ(Run(*study), 1);
  study->Advance(absl::Seconds(600));
  study->Advance(absl::Seconds(601));
  EXPECT_EQ(study->record().elapsed, absl::Seconds(1));
}

TEST_F(StudyTest, APausedStudyCanBeCancelledAndAnEndedOneNotPaused) {
  auto study = Begin(StudyText());
  ASSERT_EQ(Run(*study), 1);
  ASSERT_TRUE(study->Pause(kNow).ok());
  study->End(v1::CANCELLED, "cancelled", kNow);
  EXPECT_EQ(study->record().state, v1::CANCELLED);
  EXPECT_EQ(study->record().cancelled, 1);
  EXPECT_TRUE(absl::IsFailedPrecondition(study->Pause(kNow)));
  EXPECT_TRUE(absl::IsFailedPrecondition(study->Resume(kNow)));
}

TEST_F(StudyTest, OnlyOpenTrialsAndTheFrontStayInMemory) {
  auto study = Begin(StudyText());
  for (int i = 1; i <= 5; ++i) Complete(*study, Run(*study), Success(0.1 * i));
  ASSERT_EQ(Run(*study), 6);
  Commit(*study);
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(study->state().Find(i), nullptr) << i;
  EXPECT_EQ(study->Best(), 5);
  EXPECT_NE(study->state().Find(5), nullptr);
  EXPECT_NE(study->state().Find(6), nullptr);
  EXPECT_EQ(rows_.size(), 6);
  EXPECT_EQ(rows_[1].state, v1::TRIAL_SUCCEEDED);
}

TEST_F(StudyTest, ATwinOfATrialThatIsOnlyInTheStoreTakesItsResult) {
  const std::string a = R"({"edge_0_1": skip, "edge_0_2": skip, "edge_1_2": conv3x3})";
  const std::string b = R"({"edge_0_1": skip, "edge_0_2": skip, "edge_1_2": conv1x1})";
  auto study = Begin(
      StudyText(absl::StrCat("strategy: {listed: {architectures: [", a, ", ", b, ", ", a,
                             "]}}\nobjectives: [{maximize: accuracy}]\nbudget: {trials: 3}\n")));
  Complete(*study, Run(*study), Success(0.5));
  Complete(*study, Run(*study), Success(0.6));
  Commit(*study);
  ASSERT_EQ(study->state().Find(1), nullptr);
  EXPECT_EQ(Run(*study), 0);
  EXPECT_EQ(study->state().trial(3).same_as, 1);
  EXPECT_EQ(study->state().trial(3).metrics.at("accuracy").value, 0.5);
}

TEST_F(StudyTest, ATwinWhoseOriginalCannotBeReadChangesNothing) {
  const std::string a = R"({"edge_0_1": skip, "edge_0_2": skip, "edge_1_2": conv3x3})";
  const std::string b = R"({"edge_0_1": skip, "edge_0_2": skip, "edge_1_2": conv1x1})";
  auto study = Begin(
      StudyText(absl::StrCat("strategy: {listed: {architectures: [", a, ", ", b, ", ", a,
                             "]}}\nobjectives: [{maximize: accuracy}]\nbudget: {trials: 3}\n")));
  Complete(*study, Run(*study), Success(0.5));
  Complete(*study, Run(*study), Success(0.6));
  Commit(*study);
  rows_.clear();
  const int64_t event = study->record().event;
  EXPECT_TRUE(absl::IsNotFound(Ask(*study).status()));
  EXPECT_EQ(study->record().event, event);
}

}  // namespace
}  // namespace cambrian
