#include "server/strategy/targets.h"

#include "gtest/gtest.h"

namespace cambrian {
namespace {

TEST(WarpTest, HasMeanZeroDeviationOneAndKeepsTheOrder) {
  const std::vector<double> values = {0.1, 0.5, 0.8, 0.9, 0.93, 0.94};
  const Warp warp(values);
  double sum = 0;
  double squares = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double target = warp(values[i]);
    sum += target;
    squares += target * target;
    if (i > 1) {  // the first two are outliers alike
      EXPECT_GT(target, warp(values[i - 1]));
    }
  }
  EXPECT_NEAR(sum, 0, 1e-9);
  EXPECT_NEAR(squares / 6, 1, 1e-9);
}

TEST(WarpTest, SpreadsTheTop) {
  const Warp warp(std::vector<double>{0.5, 0.6, 0.7, 0.8, 0.9});
  EXPECT_GT(warp(0.9) - warp(0.8), 2 * (warp(0.7) - warp(0.6)));
}

TEST(WarpTest, ClipsWhatIsFarBelow) {
  const Warp warp(std::vector<double>{-1000, 0.7, 0.8, 0.9});
  EXPECT_EQ(warp(-1000), warp(0.8 - 3 * 0.1 - 1e-9));
}

TEST(WarpTest, GoesBack) {
  const Warp warp(std::vector<double>{0.5, 0.6, 0.7, 0.8, 0.9});
  for (const double value : {0.55, 0.7, 0.88}) EXPECT_NEAR(warp.Value(warp(value)), value, 1e-9);
  const double slope = (warp.Value(warp(0.7) + 1e-6) - warp.Value(warp(0.7) - 1e-6)) / 2e-6;
  EXPECT_NEAR(warp.Slope(warp(0.7)), slope, 1e-6);
}

TEST(WarpTest, EqualValuesAreAllZero) {
  const Warp warp(std::vector<double>{2, 2, 2});
  EXPECT_EQ(warp(2), 0);
  EXPECT_EQ(warp(1), 0);
  const Warp most(std::vector<double>{1, 2, 2, 2, 2});  // the median is the best
  EXPECT_LT(most(1), most(2));
}

TEST(ChebyshevTest, TheWorstWeightedLossCountsInSharesOfTheRange) {
  const std::vector<double> a = {1, 0};
  const std::vector<double> b = {0, -100};
  const std::vector<double> c = {0.5, -50};
  const Chebyshev chebyshev({&a, &b, &c}, {0.5, 0.5});
  EXPECT_NEAR(chebyshev(a), 0, 1e-12);
  EXPECT_NEAR(chebyshev(b), -0.5 - 0.05, 1e-12);
  EXPECT_NEAR(chebyshev(c), -0.25 - 0.05 * 0.5, 1e-12);
}

TEST(ChebyshevTest, WeightsDecideBetweenTheEndsOfAFront) {
  const std::vector<double> accurate = {1, 0};
  const std::vector<double> fast = {0, 1};
  const Chebyshev first({&accurate, &fast}, {0.9, 0.1});
  EXPECT_GT(first(accurate), first(fast));
  const Chebyshev second({&accurate, &fast}, {0.1, 0.9});
  EXPECT_LT(second(accurate), second(fast));
}

}  // namespace
}  // namespace cambrian
