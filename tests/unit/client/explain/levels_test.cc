#include "client/explain/levels.h"

#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

Decision Options(std::vector<std::string> options) {
  Decision decision;
  decision.options = std::move(options);
  return decision;
}

Decision Number(Decision::Kind kind, double low, double high, double step = 1, bool log = false) {
  Decision decision;
  decision.kind = kind;
  decision.low = low;
  decision.high = high;
  decision.step = step;
  decision.log_scale = log;
  return decision;
}

TEST(LevelsTest, OptionsAreALevelEach) {
  const Levels levels(Options({"none", "skip", "conv3x3"}), 2);
  EXPECT_EQ(levels.size(), 3);
  EXPECT_FALSE(levels.ordered());
  EXPECT_EQ(levels.Of(2), 2);
  EXPECT_EQ(levels.label(2), "conv3x3");
}

TEST(LevelsTest, ManyOrderedOptionsShareLevels) {
  Decision decision = Options({"1", "2", "4", "8", "16"});
  decision.ordered = true;
  const Levels levels(decision, 2);
  EXPECT_EQ(levels.size(), 2);
  EXPECT_EQ(levels.Of(0), 0);
  EXPECT_EQ(levels.Of(4), 1);
  EXPECT_EQ(levels.label(0), "1 … 4");
  EXPECT_EQ(levels.label(1), "8 … 16");
  EXPECT_DOUBLE_EQ(levels.shares()[0], 0.6);
}

TEST(LevelsTest, FewIntegersAreALevelEach) {
  const Levels levels(Number(Decision::Kind::kInteger, 8, 64, 8), 8);
  EXPECT_EQ(levels.size(), 8);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(levels.Of(8 + 8 * i), i);
  EXPECT_EQ(levels.label(3), "32");
}

TEST(LevelsTest, RangesFollowTheScale) {
  const Levels levels(Number(Decision::Kind::kReal, 0.001, 1, 1, /*log=*/true), 3);
  EXPECT_EQ(levels.size(), 3);
  EXPECT_EQ(levels.Of(0.001), 0);
  EXPECT_EQ(levels.Of(0.005), 0);
  EXPECT_EQ(levels.Of(0.05), 1);
  EXPECT_EQ(levels.Of(0.5), 2);
  EXPECT_EQ(levels.Of(1), 2);
  EXPECT_EQ(levels.label(1), "0.01 … 0.1");
  EXPECT_DOUBLE_EQ(std::accumulate(levels.shares().begin(), levels.shares().end(), 0.0), 1);
}

TEST(LevelsTest, ASetHasItsMembers) {
  Decision decision = Options({"0", "1", "0+1"});
  decision.is_set = true;
  const Levels levels(decision, 2);
  ASSERT_EQ(levels.items().size(), 2U);
  EXPECT_EQ(levels.items()[1].label, "from 1");
  EXPECT_THAT(levels.items()[1].levels, ::testing::ElementsAre(false, true, true));
  EXPECT_FALSE(levels.either_or());
}

TEST(LevelsTest, TwoOptionsAreEitherOr) {
  EXPECT_TRUE(Levels(Options({"relu", "gelu"}), 2).either_or());
  EXPECT_FALSE(Levels(Options({"a", "b", "c"}), 2).either_or());
}

}  // namespace
}  // namespace cambrian
