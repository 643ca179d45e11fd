#include "server/study/merit.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

StudySpec TwoObjectives() {
  StudySpec study;
  study.objectives = {{"accuracy", true}, {"latency_ms", false}};
  return study;
}

Metrics Of(double accuracy, double latency) {
  return {{"accuracy", {accuracy, {}, {}}}, {"latency_ms", {latency, {}, {}}}};
}

TEST(MeritTest, LargerIsBetterInEveryCoordinate) {
  EXPECT_THAT(ObjectiveValues(TwoObjectives(), Of(0.9, 3)), ElementsAre(0.9, -3));
}

TEST(MeritTest, AMeasuredConstraintMakesAResultInfeasible) {
  StudySpec study = TwoObjectives();
  study.constraints = {{"latency_ms", Constraint::Bound::kAtMost, 2}};
  EXPECT_TRUE(OutcomeOf(study, Of(0.9, 2)).feasible);
  const Outcome outcome = OutcomeOf(study, Of(0.9, 3));
  EXPECT_FALSE(outcome.feasible);
  EXPECT_THAT(outcome.values, ElementsAre(0.9, -3));
}

TEST(MeritTest, TheStrategyClimbsTheScalarisation) {
  StudySpec study = TwoObjectives();
  study.scalarization = Scalarization{{{"accuracy", 1}, {"latency_ms", -0.05}}};
  EXPECT_THAT(OutcomeOf(study, Of(0.9, 2)).values, ElementsAre(0.9 - 0.1));
}

TEST(MeritTest, AMissingMetricIsNamedAndGivesNoResult) {
  const Metrics metrics = {{"accuracy", {0.9, {}, {}}}};
  EXPECT_EQ(MissingMetric(TwoObjectives(), metrics), "the evaluator reported no latency_ms");
  EXPECT_THAT(OutcomeOf(TwoObjectives(), metrics).values, IsEmpty());
}

TEST(MeritTest, HypervolumeIsAShareOfThePerfectPoint) {
  const std::vector<Objective> objectives = TwoObjectives().objectives;
  const std::vector<double> reference = {0.5, -4};  // accuracy 50 %, 4 ms
  Front front;
  EXPECT_EQ(ScaledHypervolume(objectives, front, reference), 0);
  front.Insert({1, {0.75, -2}});
  EXPECT_DOUBLE_EQ(ScaledHypervolume(objectives, front, reference), 0.25);
  front.Insert({2, {0.5, -1}});  // no better than the reference in accuracy
  EXPECT_DOUBLE_EQ(ScaledHypervolume(objectives, front, reference), 0.25);
  front.Insert({3, {1, 0}});
  EXPECT_DOUBLE_EQ(ScaledHypervolume(objectives, front, reference), 1);
}

TEST(MeritTest, HypervolumeOfAnyMetricStaysBelowOne) {
  const std::vector<Objective> objectives = {{"score", true}, {"regret", false}};
  Front front;
  front.Insert({1, {1e9, 5}});  // the regret is negative
  const double volume = ScaledHypervolume(objectives, front, {0, -1});
  EXPECT_GT(volume, 0);
  EXPECT_LT(volume, 1);
}

}  // namespace
}  // namespace cambrian
