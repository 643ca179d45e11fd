#include "server/strategy/reinforce.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/strategy_host.h"

namespace cambrian {
namespace {

using ::testing::StartsWith;
using testing::StrategyHost;

StrategySpec Spec(const std::string& controller, double rate = 0) {
  StrategySpec spec;
  spec.name = "reinforce";
  spec.controller = controller;
  spec.rate = rate;
  return spec;
}

double ValueOf(const Architecture& architecture) {
  double value = 0;
  for (const double option : architecture.values) value += option == 3;
  return value;
}

class ReinforceTest : public ::testing::Test {
 protected:
  // The mean value of the last 50 of so many trials; 1.2 at random, 6 at most.
  double Late(const StrategySpec& spec, int64_t trials, bool feasible_matters = false) const {
    StrategyHost host(spec, space_);
    double late = 0;
    host.Run(trials, [&](const Architecture& architecture) {
      const bool feasible = !feasible_matters || architecture.values[0] != 3;
      const double value = feasible ? ValueOf(architecture) : 0;
      if (host.trials() > trials - 50) late += value / 50;
      return Outcome{{ValueOf(architecture)}, feasible};
    });
    return late;
  }

  const std::shared_ptr<const SearchSpace> space_ = testing::Builtin("nasbench201");
};

TEST_F(ReinforceTest, LogitsLearnWithinTwoHundredTrials) {
  EXPECT_GT(Late(Spec("logits"), 200), 2.5);
}

TEST_F(ReinforceTest, TheLstmLearnsTooWithMoreTrials) {
  EXPECT_GT(Late(Spec("lstm", 0.005), 600), 2);
}

TEST_F(ReinforceTest, InfeasibleArchitecturesEarnTheLeast) {
  EXPECT_GT(Late(Spec("logits"), 300, /*feasible_matters=*/true), 2);
}

TEST_F(ReinforceTest, SeveralObjectivesAddUp) {
  StrategyHost host(Spec("logits"), space_);
  double late = 0;
  host.Run(300, [&](const Architecture& architecture) {
    const double value = ValueOf(architecture);
    if (host.trials() > 250) late += value / 50;
    return Outcome{{value, 1000 * value}, true};
  });
  EXPECT_GT(late, 2.5);
}

TEST_F(ReinforceTest, SaysHowLikelyItWas) {
  StrategyHost host(Spec("logits"), space_);
  // Nothing is learned yet: 6 · log 1/5.
  EXPECT_EQ(host.Next()->origin, "emitted, log-probability -9.66");
}

TEST_F(ReinforceTest, ARestartKeepsEveryBitOfWhatWasLearned) {
  for (const char* controller : {"logits", "lstm"}) {
    StrategyHost host(Spec(controller), space_);
    host.Run(30, [](const Architecture& architecture) {
      return Outcome{{ValueOf(architecture) / 3}, true};
    });
    StrategyHost other(Spec(controller), space_);
    const std::string snapshot = host.strategy().Snapshot();
    ASSERT_TRUE(other.strategy().Restore(snapshot).ok());
    EXPECT_EQ(other.strategy().Snapshot(), snapshot);
    EXPECT_TRUE(
        absl::IsInvalidArgument(other.strategy().Restore(snapshot.substr(0, snapshot.size() / 2))));
  }
}

}  // namespace
}  // namespace cambrian
