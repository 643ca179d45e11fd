#include "server/strategy/elite.h"

#include <algorithm>

#include "common/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

std::vector<int64_t> Trials(const Elite& elite) {
  std::vector<int64_t> numbers;
  for (const ToldTrial& told : elite.trials()) numbers.push_back(told.trial);
  return numbers;
}

TEST(EliteTest, WithOneObjectiveItIsExactlyTheBest) {
  Elite elite(10);
  Random random(1);
  std::vector<double> values;
  for (int64_t trial = 1; trial <= 500; ++trial) {
    values.push_back(random.Uniform());
    elite.Insert({trial, {}, {{values.back()}, true}});
  }
  std::sort(values.rbegin(), values.rend());
  ASSERT_THAT(elite.trials(), SizeIs(10));
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(elite.trials()[i].outcome.values[0], values[i]);
}

TEST(EliteTest, OfEqualsTheOlderStays) {
  Elite elite(2);
  for (int64_t trial = 1; trial <= 4; ++trial) elite.Insert({trial, {}, {{1}, true}});
  EXPECT_THAT(Trials(elite), ElementsAre(1, 2));
}

TEST(EliteTest, TheInfeasibleLeaveFirst) {
  Elite elite(2);
  elite.Insert({1, {}, {{9}, false}});
  elite.Insert({2, {}, {{1}, true}});
  elite.Insert({3, {}, {{2}, true}});
  EXPECT_THAT(Trials(elite), ElementsAre(3, 2));
}

TEST(EliteTest, WithTwoObjectivesTheDominatedLeaveFirstThenTheCrowded) {
  Elite elite(3);
  elite.Insert({1, {}, {{0, 0}, true}});
  elite.Insert({2, {}, {{10, 1}, true}});
  elite.Insert({3, {}, {{1, 10}, true}});
  elite.Insert({4, {}, {{5, 5}, true}});
  EXPECT_THAT(Trials(elite), ElementsAre(2, 3, 4));
  elite.Insert({5, {}, {{9, 1.1}, true}});  // close to 2, which is an end
  EXPECT_THAT(Trials(elite), ElementsAre(2, 3, 4));
}

TEST(EliteTest, TakesOverNoMoreThanItHolds) {
  Elite elite(1);
  EXPECT_TRUE(elite.Assign({{1, {}, {{1}, true}}}).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(elite.Assign({{1, {}, {}}, {2, {}, {}}})));
}

}  // namespace
}  // namespace cambrian
