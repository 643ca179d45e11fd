#include "common/nas/front.h"

#include <cmath>
#include <limits>

#include "common/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;

std::vector<int64_t> Ids(const Front& front) {
  std::vector<int64_t> ids;
  for (const Front::Point& point : front.points()) ids.push_back(point.id);
  return ids;
}

// Coordinates on a coarse grid, so that ties and equal points are common.
std::vector<Front::Point> RandomPoints(Random& random, int count, size_t dimensions) {
  std::vector<Front::Point> points;
  for (int i = 0; i < count; ++i) {
    Front::Point point{i, {}};
    for (size_t d = 0; d < dimensions; ++d) point.values.push_back(1.0 + random.Below(8));
    points.push_back(point);
  }
  return points;
}

// The unit cubes of the grid that some point dominates.
double CountCubes(const std::vector<Front::Point>& points, size_t dimensions) {
  size_t cubes = 1;
  for (size_t d = 0; d < dimensions; ++d) cubes *= 8;
  double count = 0;
  for (size_t cube = 0; cube < cubes; ++cube) {
    bool covered = false;
    for (const Front::Point& point : points) {
      bool under = true;
      size_t rest = cube;
      for (size_t d = 0; d < dimensions; ++d, rest /= 8) {
        under = under && static_cast<double>(rest % 8 + 1) <= point.values[d];
      }
      covered |= under;
    }
    count += covered ? 1 : 0;
  }
  return count;
}

TEST(FrontTest, DominanceNeedsOneBetterCoordinate) {
  EXPECT_TRUE(Dominates({2, 1}, {1, 1}));
  EXPECT_FALSE(Dominates({1, 1}, {1, 1}));
  EXPECT_FALSE(Dominates({2, 0}, {1, 1}));
}

TEST(FrontTest, KeepsTheBestFirst) {
  Front front;
  EXPECT_TRUE(front.Insert({1, {0.5, -10}}));
  EXPECT_TRUE(front.Insert({2, {0.9, -30}}));
  EXPECT_TRUE(front.Insert({3, {0.7, -20}}));
  EXPECT_FALSE(front.Insert({4, {0.6, -25}}));
  EXPECT_THAT(Ids(front), ElementsAre(2, 3, 1));
  EXPECT_TRUE(front.Insert({5, {0.8, -5}}));
  EXPECT_THAT(Ids(front), ElementsAre(2, 5));
}

TEST(FrontTest, OfEqualPointsTheFirstStays) {
  Front front;
  EXPECT_TRUE(front.Insert({1, {1, 1}}));
  EXPECT_FALSE(front.Insert({2, {1, 1}}));
  EXPECT_THAT(Ids(front), ElementsAre(1));
}

TEST(FrontTest, RefusesNotANumber) {
  Front front;
  EXPECT_FALSE(front.Insert({1, {std::nan(""), 1}}));
  EXPECT_TRUE(front.points().empty());
}

TEST(FrontTest, TakesInfinityAsAValue) {
  Front front;
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(front.Insert({1, {0.5, -inf}}));
  EXPECT_TRUE(front.Insert({2, {0.5, -1}}));
  EXPECT_THAT(Ids(front), ElementsAre(2));
}

TEST(FrontTest, EqualsBruteForce) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    const size_t dimensions = 1 + random.Below(4);
    const std::vector<Front::Point> points = RandomPoints(random, 30, dimensions);
    Front front;
    for (const Front::Point& point : points) front.Insert(point);
    std::vector<int64_t> expected;
    for (const Front::Point& point : points) {
      bool stays = true;
      for (const Front::Point& other : points) {
        stays &= !Dominates(other.values, point.values) &&
                 !(other.id < point.id && other.values == point.values);
      }
      if (stays) expected.push_back(point.id);
    }
    EXPECT_THAT(Ids(front), ::testing::UnorderedElementsAreArray(expected));
    for (size_t i = 1; i < front.points().size(); ++i) {
      EXPECT_GE(front.points()[i - 1].values[0], front.points()[i].values[0]);
    }
  }
}

TEST(FrontTest, HypervolumeOfTwoBoxes) {
  Front front;
  front.Insert({1, {3, 1}});
  front.Insert({2, {1, 2}});
  EXPECT_DOUBLE_EQ(front.Hypervolume({0, 0}), 4);
  EXPECT_DOUBLE_EQ(front.Hypervolume({1, 0}), 2);  // the second is no better than the reference
  EXPECT_DOUBLE_EQ(Front().Hypervolume({0, 0}), 0);
}

TEST(FrontTest, HypervolumeEqualsBruteForce) {
  Random random(2);
  for (int round = 0; round < 60; ++round) {
    const size_t dimensions = 1 + random.Below(4);
    const std::vector<Front::Point> points = RandomPoints(random, 20, dimensions);
    Front front;
    for (const Front::Point& point : points) front.Insert(point);
    const std::vector<double> reference(dimensions, 0);
    EXPECT_DOUBLE_EQ(front.Hypervolume(reference), CountCubes(points, dimensions));
  }
}

}  // namespace
}  // namespace cambrian
