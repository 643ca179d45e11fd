#include "client/live/progress.h"

#include "common/wire/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/studies.h"

namespace cambrian {
namespace {

using testing::ElementsAre;

v1::Study Summary(absl::Duration elapsed) {
  v1::Study summary;
  summary.set_state(v1::ACTIVE);
  summary.set_trial_budget(40);
  *summary.mutable_elapsed() = ToProto(elapsed);
  summary.set_hypervolume(0.5);
  return summary;
}

class ProgressTest : public testing::Test {
 protected:
  const std::unique_ptr<StudySpec> study_ = TestStudy();
  StudyProgress progress_{*study_};
};

TEST_F(ProgressTest, CountsEachTrialOnceHoweverOftenItIsHeard) {
  progress_.SetSummary(Summary(absl::Seconds(60)), absl::ZeroDuration());
  const v1::Trial trial = Succeeded(1, 0.8, 0.4, 100, true);
  EXPECT_TRUE(progress_.Apply(EventOf(1, trial)));
  EXPECT_FALSE(progress_.Apply(EventOf(2, trial)));
  v1::Trial infeasible;
  infeasible.set_number(2);
  infeasible.set_state(v1::TRIAL_INFEASIBLE);
  EXPECT_TRUE(progress_.Apply(EventOf(3, infeasible)));
  v1::Trial known = Succeeded(3, 0.8, 0.4, 100, false);
  known.set_attempts(0);
  EXPECT_TRUE(progress_.Apply(EventOf(4, known)));
  EXPECT_EQ(progress_.finished(), 3);
  EXPECT_EQ(progress_.infeasible(), 1);
  EXPECT_EQ(progress_.known(), 1);
}

TEST_F(ProgressTest, TheFrontDropsWhatIsDominated) {
  progress_.Apply(EventOf(1, Succeeded(1, 0.80, 0.40, 100, true)));
  progress_.Apply(EventOf(2, Succeeded(2, 0.85, 0.50, 100, true)));
  progress_.Apply(EventOf(3, Succeeded(3, 0.81, 0.30, 100, true)));   // dominates 1
  progress_.Apply(EventOf(4, Succeeded(4, 0.10, 0.10, 100, false)));  // not feasible
  std::vector<int64_t> numbers;
  for (const v1::Trial* trial : progress_.FrontTrials()) numbers.push_back(trial->number());
  EXPECT_THAT(numbers, ElementsAre(2, 3));
}

TEST_F(ProgressTest, TimeLeftFollowsTheRateAndTheTimeBudget) {
  progress_.SetSummary(Summary(absl::Seconds(60)), absl::Seconds(100));
  EXPECT_EQ(progress_.Left(absl::Seconds(100)), absl::InfiniteDuration());
  for (int i = 1; i <= 10; ++i) progress_.AddTrial(Succeeded(i, 0.8, 0.4, 100, false));
  // 10 trials in 60 + 60 seconds; 30 to go.
  EXPECT_DOUBLE_EQ(progress_.Rate(absl::Seconds(160)), 5);
  EXPECT_EQ(progress_.Left(absl::Seconds(160)), absl::Seconds(360));
  v1::Study limited = Summary(absl::Seconds(60));
  *limited.mutable_time_budget() = ToProto(absl::Seconds(150));
  progress_.SetSummary(limited, absl::Seconds(100));
  EXPECT_EQ(progress_.Left(absl::Seconds(160)), absl::Seconds(30));
}

TEST_F(ProgressTest, ElapsedStandsStillWhenTheStudyHasEnded) {
  v1::Study summary = Summary(absl::Seconds(60));
  summary.set_state(v1::COMPLETED);
  progress_.SetSummary(summary, absl::Seconds(100));
  EXPECT_EQ(progress_.Elapsed(absl::Seconds(500)), absl::Seconds(60));
}

TEST_F(ProgressTest, TheHypervolumesGainIsOverTenTrials) {
  v1::Study summary = Summary(absl::Seconds(60));
  progress_.SetSummary(summary, absl::ZeroDuration());
  EXPECT_EQ(progress_.HypervolumeGain(), std::nullopt);
  for (int i = 1; i <= 12; ++i) progress_.AddTrial(Succeeded(i, 0.8, 0.4, 100, false));
  summary.set_hypervolume(0.52);
  progress_.SetSummary(summary, absl::ZeroDuration());
  ASSERT_TRUE(progress_.HypervolumeGain().has_value());
  EXPECT_NEAR(*progress_.HypervolumeGain(), 0.02, 1e-12);
}

TEST_F(ProgressTest, KeepsTheCurvesOfRunningTrials) {
  progress_.AddTrial(Training(1, 1, 3, 0.5));
  progress_.AddTrial(Training(1, 2, 3, 0.7));
  progress_.AddTrial(Training(1, 2, 3, 0.7));  // heard twice
  EXPECT_THAT(progress_.Curve(1), ElementsAre(0.5, 0.7));
  progress_.AddTrial(Succeeded(1, 0.7, 0.4, 100, false));
  EXPECT_THAT(progress_.Curve(1), ElementsAre());
}

}  // namespace
}  // namespace cambrian
