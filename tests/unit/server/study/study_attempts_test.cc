#include "tests/unit/server/study/study_fixture.h"

namespace cambrian {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::StudyText;

constexpr Offer kTrains = {.trains = true, .measures = false};
constexpr Offer kMeasures = {.trains = false, .measures = true};

v1::HandBack Back(const std::string& checkpoint) {
  v1::HandBack hand_back;
  hand_back.set_checkpoint(checkpoint);
  hand_back.set_reason("the worker was told to leave");
  return hand_back;
}

v1::Progress Step(int64_t step) {
  v1::Progress progress;
  progress.set_step(step);
  return progress;
}

class StudyAttemptsTest : public StudyTest {
 protected:
  std::vector<v1::AttemptEnd> Ends(Study& study) {
    Commit(study);
    std::vector<v1::AttemptEnd> ends;
    for (const AttemptRecord& attempt : attempts_) ends.push_back(attempt.end);
    return ends;
  }
};

TEST_F(StudyAttemptsTest, ThreeLossesAreAFailureButHandingBackCostsNothing) {
  auto study = Begin(StudyText());
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(Run(*study), 1);
    study->HandBack(1, token_, Back(""), kNow);
  }
  for (int attempt = 1; attempt <= 3; ++attempt) {
    ASSERT_EQ(Run(*study), 1);
    EXPECT_EQ(study->state().trial(1).attempts, attempt);
    study->Lose(1, token_, kNow);
  }
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_FAILED);
  EXPECT_THAT(study->state().trial(1).reason, HasSubstr("lost"));
}

TEST_F(StudyAttemptsTest, OnlyTheNewestTokenCounts) {
  auto study = Begin(StudyText());
  ASSERT_EQ(Run(*study), 1);
  study->Lose(1, 1, kNow);
  EXPECT_TRUE(study->IsCurrent(1, 1));  // nobody else has it yet: the late result is welcome
  ASSERT_EQ(Run(*study), 1);
  EXPECT_FALSE(study->IsCurrent(1, 1));
  study->Complete(1, 1, Success(0.9), kNow);
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_RUNNING);
  study->Complete(1, 2, Success(0.8), kNow);
  study->Complete(1, 2, Success(0.7), kNow);  // said again
  EXPECT_EQ(study->state().trial(1).metrics.at("accuracy").value, 0.8);
  EXPECT_THAT(Ends(*study), ElementsAre(v1::ATTEMPT_LOST, v1::ATTEMPT_SUCCEEDED));
}

TEST_F(StudyAttemptsTest, ALateResultEndsTheTrialAndTheLossStaysInItsHistory) {
  auto study = Begin(StudyText());
  ASSERT_EQ(Run(*study), 1);
  study->Lose(1, 1, kNow);
  study->Complete(1, 1, Success(0.9), kNow);
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_SUCCEEDED);
  EXPECT_THAT(Ends(*study), ElementsAre(v1::ATTEMPT_LOST));
}

TEST_F(StudyAttemptsTest, ACrashThatIsSaidTwiceCountsOnce) {
  auto study = Begin(StudyText());
  ASSERT_EQ(Run(*study), 1);
  study->Complete(1, 1, Without(v1::OUTCOME_CRASHED, "signal 9"), kNow);
  study->Complete(1, 1, Without(v1::OUTCOME_CRASHED, "signal 9"), kNow);
  EXPECT_EQ(study->state().trial(1).losses, 1);
}

TEST_F(StudyAttemptsTest, EveryEndIsKeptApartWithItsLog) {
  auto study = Begin(StudyText());
  const auto complete = [&](const v1::Completion& completion) {
    Complete(*study, Run(*study), completion);
  };
  v1::Completion crash = Without(v1::OUTCOME_CRASHED, "ended by signal 11");
  crash.set_log(std::string(70'000, 'x') + "the end");
  crash.set_seconds(3);
  complete(crash);
  complete(Without(v1::OUTCOME_OUT_OF_MEMORY));
  const int64_t second = Run(*study);
  study->HandBack(second, token_, Back(""), kNow);
  complete(Without(v1::OUTCOME_STOPPED));
  const int64_t third = Run(*study);
  study->Lose(third, token_, kNow);
  complete(Without(v1::OUTCOME_FAILED, "no disk"));
  complete(Without(v1::OUTCOME_INFEASIBLE, "the loss is NaN"));
  complete(Success(0.5));
  Run(*study);
  study->End(v1::CANCELLED, "cancelled", kNow);
  EXPECT_THAT(Ends(*study),
              ElementsAre(v1::ATTEMPT_CRASHED, v1::ATTEMPT_OUT_OF_MEMORY, v1::ATTEMPT_PREEMPTED,
                          v1::ATTEMPT_PREEMPTED, v1::ATTEMPT_LOST, v1::ATTEMPT_FAILED,
                          v1::ATTEMPT_INFEASIBLE, v1::ATTEMPT_SUCCEEDED, v1::ATTEMPT_CANCELLED));
  EXPECT_EQ(attempts_[0].reason, "ended by signal 11");
  EXPECT_EQ(attempts_[0].log.size(), 64 << 10);
  EXPECT_THAT(attempts_[0].log, ::testing::EndsWith("the end"));
  EXPECT_EQ(attempts_[0].seconds, 3);
  EXPECT_EQ(attempts_[0].token, 1);
  EXPECT_EQ(attempts_[0].worker, "w");
  EXPECT_EQ(attempts_[2].reason, "the worker was told to leave");
}

TEST_F(StudyAttemptsTest, ProgressComesOnceForEachStepOfTheNewestAttempt) {
  auto study = Begin(StudyText());
  ASSERT_EQ(Run(*study), 1);
  const int64_t before = study->record().event;
  study->Progress(1, token_, Step(1), "", kNow);
  study->Progress(1, token_, Step(1), "", kNow);
  study->Progress(1, token_ - 1, Step(2), "", kNow);
  EXPECT_EQ(study->record().event, before + 1);
  EXPECT_EQ(study->state().trial(1).progress.step(), 1);
}

TEST_F(StudyAttemptsTest, AnAttemptGoesOnFromTheNewestCheckpoint) {
  auto study = Begin(StudyText());
  ASSERT_EQ(Run(*study), 1);
  study->Progress(1, token_, Step(1), "first", kNow);
  EXPECT_EQ(study->state().trial(1).resume_from, "first");
  study->Progress(1, token_, Step(2), "second", kNow);
  EXPECT_EQ(study->state().trial(1).resume_from, "second");
  study->HandBack(1, token_, Back("third"), kNow);
  ASSERT_EQ(Run(*study), 1);
  v1::Completion stopped = Without(v1::OUTCOME_STOPPED);
  stopped.set_checkpoint("fourth");
  Complete(*study, 1, stopped);
  EXPECT_EQ(study->state().trial(1).resume_from, "fourth");
  Commit(*study);
  EXPECT_THAT(dropped_, ElementsAre("first", "second", "third"));
  EXPECT_EQ(rows_[1].resume_from, "fourth");
  ASSERT_EQ(Run(*study), 1);
  study->Progress(1, token_, Step(2), "", kNow);  // was said by the attempt before
  EXPECT_EQ(study->state().trial(1).progress.step(), 2);
  study->Progress(1, token_, Step(3), "", kNow);
  EXPECT_EQ(study->state().trial(1).progress.step(), 3);
  Complete(*study, 1, Success(0.5));
  Commit(*study);
  EXPECT_EQ(rows_[1].resume_from, "");
  EXPECT_THAT(dropped_, Contains("fourth"));
}

TEST_F(StudyAttemptsTest, WithoutACheckpointAnAttemptBeginsAtTheFirstStep) {
  auto study = Begin(StudyText());
  ASSERT_EQ(Run(*study), 1);
  study->Progress(1, token_, Step(2), "", kNow);
  study->Lose(1, token_, kNow);
  ASSERT_EQ(Run(*study), 1);
  study->Progress(1, token_, Step(1), "", kNow);
  EXPECT_EQ(study->state().trial(1).progress.step(), 1);
}

TEST_F(StudyAttemptsTest, ANewerCheckpointForgivesTheLosses) {
  auto study = Begin(StudyText());
  for (int round = 1; round <= 4; ++round) {
    for (int loss = 0; loss < 2; ++loss) {
      ASSERT_EQ(Run(*study), 1);
      study->Lose(1, token_, kNow);
    }
    ASSERT_EQ(Run(*study), 1);
    study->Progress(1, token_, Step(round), absl::StrCat("after ", round), kNow);
    EXPECT_EQ(study->state().trial(1).losses, 0);
    study->HandBack(1, token_, Back(""), kNow);
  }
  for (int loss = 0; loss < 3; ++loss) {
    ASSERT_EQ(Run(*study), 1);
    // The same checkpoint, said again, is not a newer one.
    study->Progress(1, token_, Step(4), "after 4", kNow);
    study->Lose(1, token_, kNow);
  }
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_FAILED);
}

class MeasuredApartTest : public StudyAttemptsTest {
 protected:
  std::unique_ptr<Study> BeginApart() {
    return Begin(
        StudyText("strategy: random\nobjectives: [{maximize: accuracy}, {minimize: latency_ms, on: "
                  "{target: pi4}}]\n"
                  "budget: {trials: 4}\n"));
  }
  static v1::Completion Measured(double latency) {
    v1::Completion completion = Without(v1::OUTCOME_SUCCEEDED);
    completion.set_seconds(1);
    ToProto(Metrics{{"latency_ms", {latency, {}, {}}}}, completion.mutable_metrics());
    return completion;
  }
};

TEST_F(MeasuredApartTest, WhoTrainsAndMeasuresDoesAll) {
  auto study = BeginApart();
  ASSERT_EQ(Run(*study, kBoth), 1);
  EXPECT_EQ(work_, v1::WORK_ALL);
  EXPECT_EQ(study->WorkOf(1), v1::WORK_ALL);
  Complete(*study, 1, Success(0.5, {{"latency_ms", {3, {}, {}}}}));
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_SUCCEEDED);
}

TEST_F(MeasuredApartTest, OneTrainsAndAnotherMeasures) {
  auto study = BeginApart();
  EXPECT_FALSE(study->MayHaveWork(kMeasures));
  ASSERT_EQ(Run(*study, kTrains), 1);
  EXPECT_EQ(work_, v1::WORK_TRAIN);
  EXPECT_EQ(study->WorkOf(1), v1::WORK_TRAIN);
  study->Progress(1, token_, Step(1), "saved", kNow);
  v1::Completion trained = Success(0.5);
  trained.set_checkpoint("network");
  Complete(*study, 1, trained);
  const TrialRecord& trial = study->state().trial(1);
  EXPECT_EQ(trial.state, v1::TRIAL_WAITING);
  EXPECT_TRUE(trial.trained);
  EXPECT_EQ(trial.metrics.at("accuracy").value, 0.5);
  EXPECT_EQ(trial.checkpoint, "network");
  EXPECT_EQ(trial.resume_from, "");
  EXPECT_EQ(study->record().queued, 1);
  Complete(*study, 1, trained);  // said again
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_WAITING);

  ASSERT_EQ(Run(*study, kTrains), 2);  // who only trains goes on
  ASSERT_EQ(Run(*study, kMeasures), 1);
  EXPECT_EQ(work_, v1::WORK_MEASURE);
  EXPECT_EQ(study->WorkOf(1), v1::WORK_MEASURE);
  Complete(*study, 1, Measured(3));
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_SUCCEEDED);
  EXPECT_EQ(study->state().trial(1).metrics.at("latency_ms").value, 3);
  EXPECT_EQ(study->state().trial(1).metrics.at("accuracy").value, 0.5);
  EXPECT_EQ(study->state().trial(1).seconds, 3);
  Commit(*study);
  ASSERT_EQ(attempts_.size(), 2);
  EXPECT_FALSE(attempts_[0].measures);
  EXPECT_TRUE(attempts_[1].measures);
  EXPECT_THAT(dropped_, ElementsAre("saved"));
}

TEST_F(MeasuredApartTest, ALossWhileMeasuringRepeatsTheMeasuringOnly) {
  auto study = BeginApart();
  ASSERT_EQ(Run(*study, kTrains), 1);
  study->Lose(1, token_, kNow);
  ASSERT_EQ(Run(*study, kTrains), 1);
  Complete(*study, 1, Success(0.5));
  for (int loss = 0; loss < 2; ++loss) {
    ASSERT_EQ(Run(*study, kBoth), 1);
    EXPECT_EQ(work_, v1::WORK_MEASURE);
    study->Lose(1, token_, kNow);
    EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_WAITING);
  }
  ASSERT_EQ(Run(*study, kMeasures), 1);
  study->HandBack(1, token_, Back("no use"), kNow);
  EXPECT_EQ(study->state().trial(1).resume_from, "");
  ASSERT_EQ(Run(*study, kMeasures), 1);
  study->Lose(1, token_, kNow);
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_FAILED);
}

TEST_F(MeasuredApartTest, AFailureWhileMeasuringEndsTheTrialAndItsCheckpointGoes) {
  auto study = BeginApart();
  ASSERT_EQ(Run(*study, kTrains), 1);
  v1::Completion trained = Success(0.5);
  trained.set_checkpoint("network");
  Complete(*study, 1, trained);
  ASSERT_EQ(Run(*study, kMeasures), 1);
  Complete(*study, 1, Without(v1::OUTCOME_INFEASIBLE, "the target has no such operation"));
  Commit(*study);
  EXPECT_EQ(rows_[1].state, v1::TRIAL_INFEASIBLE);
  EXPECT_EQ(rows_[1].checkpoint, "");
  EXPECT_THAT(dropped_, ElementsAre("network"));
}

TEST_F(MeasuredApartTest, WithoutATargetAllIsOneWork) {
  auto study = Begin(
      StudyText("strategy: random\nobjectives: [{maximize: accuracy}, {minimize: latency_ms}]\n"
                "budget: {trials: 4}\n"));
  ASSERT_EQ(Run(*study, kTrains), 1);
  EXPECT_EQ(work_, v1::WORK_ALL);
  Complete(*study, 1, Success(0.5));
  EXPECT_EQ(study->state().trial(1).state, v1::TRIAL_FAILED);
  EXPECT_EQ(study->state().trial(1).reason, "the evaluator reported no latency_ms");
}

}  // namespace
}  // namespace cambrian
