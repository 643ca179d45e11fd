#include "server/strategy/plane_front.h"

#include <algorithm>
#include <cmath>

#include "common/base/random.h"
#include "common/nas/front.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using Point = PlaneFront::Point;

TEST(PlaneFrontTest, KeepsWhatNothingDominates) {
  PlaneFront front({0, 0});
  front.Insert({2, 2});
  front.Insert({1, 3});
  front.Insert({3, 1});
  front.Insert({1.5, 2});  // dominated
  front.Insert({3, 0.5});
  front.Insert({2, 2});
  EXPECT_THAT(front.points(), ElementsAre(Pair(1, 3), Pair(2, 2), Pair(3, 1)));
  front.Insert({3, 2});  // the last two are
  EXPECT_THAT(front.points(), ElementsAre(Pair(1, 3), Pair(3, 2)));
  front.Insert({3, 3});
  EXPECT_THAT(front.points(), ElementsAre(Pair(3, 3)));
}

TEST(PlaneFrontTest, WhatDoesNotExceedTheReferenceIsNotOnIt) {
  PlaneFront front({0, 0});
  front.Insert({5, 0});
  front.Insert({-1, 5});
  EXPECT_THAT(front.points(), IsEmpty());
}

TEST(PlaneFrontTest, IsTheFrontOfRandomPoints) {
  Random random(1);
  for (int round = 0; round < 50; ++round) {
    PlaneFront front({-1, -1});
    Front expected;
    for (int64_t i = 0; i < 30; ++i) {  // a grid, so that there are ties
      const Point point = {static_cast<double>(random.Below(8)),
                           static_cast<double>(random.Below(8))};
      front.Insert(point);
      expected.Insert({i, {point[0], point[1]}});
    }
    ASSERT_EQ(front.points().size(), expected.points().size());
    for (const Front::Point& point : expected.points()) {
      EXPECT_EQ(front.points().at(point.values[0]), point.values[1]);
    }
  }
}

TEST(ExpectedGainTest, WithoutDoubtItIsTheAreaThatThePointAdds) {
  PlaneFront front({0, 0});
  EXPECT_NEAR(front.ExpectedGain({3, 2}, {0, 0}), 6, 1e-12);
  front.Insert({1, 3});
  front.Insert({3, 1});
  EXPECT_NEAR(front.ExpectedGain({2, 2}, {0, 0}), 1, 1e-12);  // between the two
  EXPECT_NEAR(front.ExpectedGain({4, 2}, {0, 0}), 4, 1e-12);  // beyond the right one
  EXPECT_NEAR(front.ExpectedGain({0.5, 4}, {0, 0}), 0.5, 1e-12);
  EXPECT_EQ(front.ExpectedGain({1, 1}, {0, 0}), 0);   // dominated
  EXPECT_EQ(front.ExpectedGain({-1, 9}, {0, 0}), 0);  // below the reference
}

TEST(ExpectedGainTest, IsTheMeanOverDraws) {
  Random random(7);
  for (int round = 0; round < 5; ++round) {
    const Point reference = {-1.5, -2};
    PlaneFront front(reference);
    Front drawn_upon;
    for (int64_t i = 0; i < 6; ++i) {
      const Point point = {random.Normal(), random.Normal()};
      front.Insert(point);
      drawn_upon.Insert({i, {point[0], point[1]}});
    }
    const Point mean = {random.Normal(), random.Normal()};
    const Point deviation = {0.2 + random.Uniform(), 0.2 + random.Uniform()};
    const double before = drawn_upon.Hypervolume(reference);
    constexpr int kDraws = 40'000;
    double sum = 0;
    double squares = 0;
    for (int draw = 0; draw < kDraws; ++draw) {
      Front with = drawn_upon;
      with.Insert(
          {99,
           {mean[0] + deviation[0] * random.Normal(), mean[1] + deviation[1] * random.Normal()}});
      const double gain = with.Hypervolume(reference) - before;
      sum += gain;
      squares += gain * gain;
    }
    const double expected = sum / kDraws;
    const double error = std::sqrt((squares / kDraws - expected * expected) / kDraws);
    EXPECT_NEAR(front.ExpectedGain(mean, deviation), expected, 4 * error);
  }
}

// What lets a search skip candidates whose doubt it has only bounded.
TEST(ExpectedGainTest, MoreDoubtIsNeverLess) {
  Random random(3);
  PlaneFront front({-2, -2});
  for (int i = 0; i < 8; ++i) front.Insert({random.Normal(), random.Normal()});
  for (int round = 0; round < 200; ++round) {
    const Point mean = {random.Normal(), random.Normal()};
    const Point less = {random.Uniform(), random.Uniform()};
    const Point more = {less[0] + random.Uniform(), less[1] + random.Uniform()};
    EXPECT_LE(front.ExpectedGain(mean, less), front.ExpectedGain(mean, more) + 1e-12);
  }
}

}  // namespace
}  // namespace cambrian
