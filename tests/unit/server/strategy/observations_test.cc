#include "server/strategy/observations.h"

#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "tests/testing/spaces.h"

namespace cambrian {
namespace {

class ObservationsTest : public ::testing::Test {
 protected:
  void Fill(int64_t trials) {
    Random random(1);
    for (int64_t trial = 1; trial <= trials; ++trial) {
      observations_.Add(trial, space_->Sample(random));
      observations_.Tell(trial, {{ValueOf(trial)}, true});
    }
  }
  // In no order.
  static double ValueOf(int64_t trial) { return static_cast<double>(trial * 7919 % 10007); }

  const std::shared_ptr<const SearchSpace> space_ = testing::Builtin("nasbench201");
  Observations observations_;
};

TEST_F(ObservationsTest, KeepsEveryTrialInOrderWhileThereIsRoom) {
  Fill(500);
  ASSERT_EQ(observations_.trials().size(), 500U);
  EXPECT_EQ(observations_.trials().front().trial, 1);
  EXPECT_EQ(observations_.trials().back().trial, 500);
}

TEST_F(ObservationsTest, BeyondThatTheBestAndAFairShareOfTheRest) {
  Fill(3000);
  ASSERT_EQ(observations_.trials().size(), Observations::kMost);
  std::vector<double> values;
  for (int64_t trial = 1; trial <= 3000; ++trial) values.push_back(ValueOf(trial));
  std::sort(values.rbegin(), values.rend());
  std::vector<double> kept;
  for (const ToldTrial& told : observations_.trials()) kept.push_back(told.outcome.values[0]);
  std::sort(kept.rbegin(), kept.rend());
  values.resize(Observations::kBest);
  EXPECT_TRUE(std::equal(values.begin(), values.end(), kept.begin()));
  // The median of the others is near the median of all others.
  EXPECT_NEAR(kept[400], 4500, 1200);
}

TEST_F(ObservationsTest, IsTheSameAfterARestart) {
  Fill(600);
  Random random(9);
  observations_.Add(601, space_->Sample(random));
  Observations restored;
  ASSERT_TRUE(restored.Restore(*space_, observations_.ToJson()).ok());
  EXPECT_EQ(restored.ToJson(), observations_.ToJson());
  EXPECT_EQ(restored.added(), 601);
  EXPECT_TRUE(restored.Tell(601, {{1}, true}));
}

TEST_F(ObservationsTest, AResultThatIsNoNumberIsNone) {
  Fill(1);
  Random random(9);
  observations_.Add(2, space_->Sample(random));
  EXPECT_TRUE(observations_.Tell(2, {{std::nan("")}, true}));
  EXPECT_TRUE(observations_.trials().back().outcome.values.empty());
  EXPECT_FALSE(observations_.Tell(2, {{1}, true}));
}

}  // namespace
}  // namespace cambrian
