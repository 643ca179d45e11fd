#include "server/simulate/summary.h"

#include <cmath>

#include "gtest/gtest.h"

namespace cambrian {
namespace {

SimulatedTrial Trial(double guided, double judged, int seconds) {
  return {true, guided, judged, absl::Seconds(seconds)};
}

TEST(SummaryTest, MeansComeWithTheirErrors) {
  const Estimate estimate = EstimateOf({1, 3, std::nan(""), 5});
  EXPECT_DOUBLE_EQ(estimate.mean, 3);
  EXPECT_DOUBLE_EQ(estimate.error, 2 / std::sqrt(3));
  EXPECT_EQ(EstimateOf({7}).error, 0);
  EXPECT_TRUE(std::isnan(EstimateOf({std::nan("")}).mean));
}

TEST(SummaryTest, TheJudgeLooksAtTheTrialThatTheSearchLikesBest) {
  SimulatedRun run;
  // The third is judged best, but the search prefers the second; the fourth is as good as that.
  run.trials = {Trial(1, 10, 1), Trial(5, 20, 2), Trial(2, 99, 3), Trial(5, 30, 4)};
  run.length = absl::Seconds(4);
  run.busy = absl::Seconds(6);
  const Summary summary = Summarize({run}, /*maximize=*/true, 2);
  ASSERT_EQ(summary.curve.size(), 4u);
  EXPECT_EQ(summary.curve[0].judged.mean, 10);
  EXPECT_EQ(summary.curve[1].judged.mean, 20);
  EXPECT_EQ(summary.curve[3].judged.mean, 20);
  EXPECT_EQ(summary.curve[2].guided.mean, 5);
  EXPECT_EQ(summary.curve[2].seconds.mean, 3);
  EXPECT_EQ(summary.utilization.mean, 0.75);
  EXPECT_EQ(Summarize({run}, /*maximize=*/false, 2).curve[3].judged.mean, 10);
}

TEST(SummaryTest, TrialsWithoutAResultCountAsTrialsOnly) {
  SimulatedRun run;
  run.trials = {SimulatedTrial{}, Trial(1, 10, 1)};
  const Summary summary = Summarize({run}, true, 1);
  EXPECT_TRUE(std::isnan(summary.curve[0].judged.mean));
  EXPECT_EQ(summary.curve[1].judged.mean, 10);
}

TEST(SummaryTest, ARunThatEndedEarlyKeepsItsLastPoint) {
  SimulatedRun a, b;
  a.trials = {Trial(1, 10, 1)};
  b.trials = {Trial(1, 10, 1), Trial(2, 30, 2)};
  const Summary summary = Summarize({a, b}, true, 1);
  ASSERT_EQ(summary.curve.size(), 2u);
  EXPECT_EQ(summary.curve[1].judged.mean, 20);
}

}  // namespace
}  // namespace cambrian
