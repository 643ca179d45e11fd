#include "server/strategy/merit_order.h"

#include <limits>

#include "common/base/random.h"
#include "common/nas/front.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;

std::vector<Merit> Merits(const std::vector<Outcome>& outcomes) {
  std::vector<const Outcome*> pointers;
  for (const Outcome& outcome : outcomes) pointers.push_back(&outcome);
  return MeritsOf(pointers);
}

std::vector<int> Fronts(const std::vector<Outcome>& outcomes) {
  std::vector<int> fronts;
  for (const Merit& merit : Merits(outcomes)) fronts.push_back(merit.front);
  return fronts;
}

int ClassOf(const Outcome& outcome) {
  return outcome.values.empty() ? 2 : outcome.feasible ? 0 : 1;
}

// By the definition: a front is what no other of the class dominates once the fronts before it are
// gone.
std::vector<int> NaiveFronts(const std::vector<Outcome>& outcomes) {
  std::vector<int> fronts(outcomes.size(), -1);
  int front = 0;
  for (int of_class = 0; of_class < 3; ++of_class) {
    for (bool any = true; any;) {
      any = false;
      std::vector<size_t> taken;
      for (size_t i = 0; i < outcomes.size(); ++i) {
        if (fronts[i] >= 0 || ClassOf(outcomes[i]) != of_class) continue;
        bool dominated = false;
        for (size_t j = 0; j < outcomes.size(); ++j) {
          dominated = dominated || (fronts[j] < 0 && ClassOf(outcomes[j]) == of_class &&
                                    Dominates(outcomes[j].values, outcomes[i].values));
        }
        if (!dominated) taken.push_back(i);
      }
      for (const size_t i : taken) fronts[i] = front;
      any = !taken.empty();
      front += any;
    }
  }
  return fronts;
}

TEST(MeritOrderTest, FeasibleBeforeInfeasibleBeforeNoResult) {
  EXPECT_THAT(Fronts({{}, {{0.9}, false}, {{0.1}, true}, {{0.2}, true}}), ElementsAre(3, 2, 1, 0));
}

TEST(MeritOrderTest, FrontsAreThoseOfTheDefinition) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    const size_t objectives = 1 + random.Below(4);
    std::vector<Outcome> outcomes(1 + random.Below(30));
    for (Outcome& outcome : outcomes) {
      outcome.feasible = random.Chance(0.7);
      if (random.Chance(0.1)) continue;
      // Few values, so that there are ties.
      for (size_t k = 0; k < objectives; ++k) {
        outcome.values.push_back(static_cast<double>(random.Below(6)));
      }
    }
    ASSERT_EQ(Fronts(outcomes), NaiveFronts(outcomes)) << round;
  }
}

TEST(MeritOrderTest, CrowdingIsTheGapBetweenNeighboursInSharesOfTheRange) {
  const std::vector<Merit> merits =
      Merits({{{0, 10}, true}, {{1, 6}, true}, {{2, 5}, true}, {{4, 0}, true}});
  const double ends = std::numeric_limits<double>::infinity();
  EXPECT_EQ(merits[0], (Merit{0, ends}));
  EXPECT_EQ(merits[1], (Merit{0, 2.0 / 4 + 5.0 / 10}));
  EXPECT_EQ(merits[2], (Merit{0, 3.0 / 4 + 6.0 / 10}));
  EXPECT_EQ(merits[3], (Merit{0, ends}));
  EXPECT_TRUE(Better(merits[2], merits[1]));
}

TEST(MeritOrderTest, WithOneObjectiveNobodyIsLonely) {
  for (const Merit& merit : Merits({{{1}, true}, {{2}, true}})) EXPECT_EQ(merit.crowding, 0);
}

}  // namespace
}  // namespace cambrian
