#include "client/explain/exact_test.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

// The lady who tasted tea (Fisher 1935): 3 of 4 right has probability 17/70 on one side.
TEST(ExactTestTest, FisherAsInTheBook) {
  EXPECT_NEAR(FisherTest({3, 1, 1, 3}), 2 * 17.0 / 70, 1e-9);
  EXPECT_NEAR(FisherTest({4, 0, 0, 4}), 2 * 1.0 / 70, 1e-9);
  EXPECT_EQ(FisherTest({2, 2, 2, 2}), 1);
  EXPECT_NEAR(FisherTest({0, 4, 4, 0}), 2 * 1.0 / 70, 1e-9);
}

TEST(ExactTestTest, FisherEqualsTheSumOfItsTerms) {
  const FourCounts counts{9, 21, 30, 240};
  const auto choose = [](double n, double k) {
    return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
  };
  double upper = 0;
  for (int k = 9; k <= 30; ++k) {
    upper += std::exp(choose(39, k) + choose(261, 30 - k) - choose(300, 30));
  }
  EXPECT_NEAR(FisherTest(counts), 2 * upper, 1e-9);
}

TEST(ExactTestTest, FisherBearsLargeAndEmptyCounts) {
  EXPECT_GE(FisherTest({2000, 0, 0, 18000}), 0);
  EXPECT_LT(FisherTest({2000, 0, 0, 18000}), 1e-300);
  EXPECT_NEAR(FisherTest({200, 1800, 1800, 16200}), 1, 0.05);
  EXPECT_EQ(FisherTest({0, 0, 0, 0}), 1);
  EXPECT_EQ(FisherTest({5, 0, 5, 0}), 1);
}

TEST(ExactTestTest, ZelenSeesWhetherOddsDiffer) {
  // Equal odds ratios, far from 1.
  EXPECT_GT(ZelenTest({20, 10, 10, 50}, {20, 10, 10, 50}), 0.9);
  // Opposite ones.
  EXPECT_LT(ZelenTest({20, 5, 5, 20}, {5, 20, 20, 5}), 1e-6);
  // By hand: both margins are 1 of 2, so a sum of 1 has two ways, of equal weight.
  EXPECT_EQ(ZelenTest({1, 0, 0, 1}, {0, 1, 1, 0}), 1);
  EXPECT_EQ(ZelenTest({3, 0, 3, 0}, {2, 2, 2, 2}), 1);  // nothing could be otherwise
}

TEST(ExactTestTest, LogOddsAreThoseOfHalfCounts) {
  const FourCounts counts{3, 1, 1, 3};
  EXPECT_NEAR(counts.LogOddsRatio(), std::log(3.5 * 3.5 / (1.5 * 1.5)), 1e-12);
  EXPECT_NEAR(counts.LogOddsError(), std::sqrt(2 / 3.5 + 2 / 1.5), 1e-12);
}

TEST(ExactTestTest, HolmCorrectsStepByStep) {
  EXPECT_THAT(
      HolmAdjusted({0.01, 0.04, 0.03}, 3),
      ElementsAre(DoubleNear(0.03, 1e-12), DoubleNear(0.06, 1e-12), DoubleNear(0.06, 1e-12)));
  EXPECT_THAT(HolmAdjusted({0.001}, 100), ElementsAre(DoubleNear(0.1, 1e-12)));
  EXPECT_THAT(HolmAdjusted({}, 3), ElementsAre());
  EXPECT_THAT(HolmAdjusted({0.9, 0.8}, 2), ElementsAre(1, 1));
}

}  // namespace
}  // namespace cambrian
