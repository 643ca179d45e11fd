#include "client/explain/ancestry.h"

#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

class AncestryTest : public ::testing::Test {
 protected:
  void Add(int64_t number, std::vector<double> values, const std::string& origin) {
    trials_[number] = {number, Architecture{std::move(values)}, ParseOrigin(origin)};
  }
  Ancestry Trace(int64_t number) {
    return TraceAncestry(trials_.at(number), [this](int64_t other) -> const ProposedTrial* {
      const auto it = trials_.find(other);
      return it == trials_.end() ? nullptr : &it->second;
    });
  }
  std::vector<int64_t> Line(int64_t number) {
    std::vector<int64_t> numbers;
    for (const AncestryStep& step : Trace(number).line) numbers.push_back(step.trial->number);
    return numbers;
  }

  std::map<int64_t, ProposedTrial> trials_;
};

TEST_F(AncestryTest, GoesBackToTheFounder) {
  Add(1, {0, 0, 0}, "random");
  Add(2, {0, 1, 0}, "mutation of 1: b");
  Add(5, {0, 1, 2}, "expected improvement 0.1 (0.5 ± 0.1), mutant of 2");
  EXPECT_THAT(Line(5), ::testing::ElementsAre(5, 2, 1));
  const Ancestry ancestry = Trace(5);
  EXPECT_EQ(ancestry.ancestors, 2U);
  ASSERT_EQ(ancestry.line[0].changes.size(), 1U);
  EXPECT_EQ(ancestry.line[0].changes[0].decision, 2U);
  EXPECT_EQ(ancestry.line[0].changes[0].from, 0);
  EXPECT_EQ(ancestry.line[0].changes[0].to, 2);
  EXPECT_EQ(ancestry.line[2].parent, nullptr);
  EXPECT_TRUE(ancestry.line[2].changes.empty());
}

TEST_F(AncestryTest, FollowsTheNearerOfTwoParents) {
  Add(1, {0, 0, 0}, "random");
  Add(2, {1, 1, 1}, "random");
  Add(3, {0, 1, 1}, "crossover of 1 and 2, mutated");
  EXPECT_THAT(Line(3), ::testing::ElementsAre(3, 2));
  const Ancestry ancestry = Trace(3);
  EXPECT_EQ(ancestry.line[0].other->number, 1);
  EXPECT_EQ(ancestry.ancestors, 2U);
  Add(4, {0, 1, 9}, "crossover of 1 and 2");
  EXPECT_THAT(Line(4), ::testing::ElementsAre(4, 1));  // the first where both are as near
}

TEST_F(AncestryTest, WhatOpensAndClosesIsAChange) {
  const double none = Architecture::kInactive;
  Add(1, {0, none, 3}, "random");
  Add(2, {1, 7, none}, "neighbour of 1: a");
  const std::vector<DecisionChange> changes = Trace(2).line[0].changes;
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[1].from, std::nullopt);
  EXPECT_EQ(changes[1].to, 7);
  EXPECT_EQ(changes[2].to, std::nullopt);
}

TEST_F(AncestryTest, AncestorsOfAllLinesCountOnce) {
  Add(1, {0}, "random");
  Add(2, {1}, "mutation of 1: a");
  Add(3, {2}, "mutation of 1: a");
  Add(4, {3}, "crossover of 2 and 3");
  EXPECT_EQ(Trace(4).ancestors, 3U);
}

TEST_F(AncestryTest, StopsAtWhatIsNotThere) {
  Add(3, {0}, "from toy-1/2");  // 2 is a trial of another study
  Add(2, {0}, "mutation of 2: a");
  Add(5, {0}, "mutation of 4: a");
  Add(6, {0}, "an origin of the future");
  Add(7, {0}, "mutation of 9: a");
  Add(9, {0}, "mutation of 7: a");
  for (const int64_t number : {2, 3, 5, 6, 7}) {
    EXPECT_THAT(Line(number), ::testing::ElementsAre(number));
  }
  EXPECT_THAT(Line(9), ::testing::ElementsAre(9, 7));
}

}  // namespace
}  // namespace cambrian
