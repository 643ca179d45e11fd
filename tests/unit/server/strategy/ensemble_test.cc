#include "server/strategy/ensemble.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/strategy_host.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::StrategyHost;

StrategySpec Spec() {
  StrategySpec spec;
  spec.name = "ensemble";
  return spec;
}

double ValueOf(const Architecture& architecture) {
  double value = 0;
  for (const double option : architecture.values) value += option == 3;
  return value;
}

class EnsembleTest : public ::testing::Test {
 protected:
  const std::shared_ptr<const SearchSpace> space_ = testing::Builtin("nasbench201");
};

TEST_F(EnsembleTest, LearnsToRankAndThenTheResults) {
  StrategyHost host(Spec(), space_);
  double early = 0;  // of trials 11 to 40: ranking
  double late = 0;   // of trials 61 to 90
  host.Run(90, [&](const Architecture& architecture) {
    const int64_t trial = host.trials();
    if (trial > 10 && trial <= 40) early += ValueOf(architecture) / 30;
    if (trial > 60) late += ValueOf(architecture) / 30;
    return Outcome{{ValueOf(architecture)}, true};
  });
  // 1.2 at random, 6 at most; one neighbour of the best in four is as good as it.
  EXPECT_GT(early, 2);
  EXPECT_GT(late, 3.5);
}

TEST_F(EnsembleTest, SaysWhatItDrew) {
  StrategyHost host(Spec(), space_);
  for (int64_t trial = 1; trial <= 12; ++trial) {
    const Proposal proposal = host.Next().value();
    if (trial <= 10) {
      EXPECT_EQ(proposal.origin, "random");
    } else {
      EXPECT_THAT(proposal.origin, StartsWith("drew "));
      EXPECT_THAT(proposal.origin, HasSubstr(" deviations), "));
    }
    host.strategy().Tell(trial, {{ValueOf(proposal.candidate.architecture)}, true});
  }
}

TEST_F(EnsembleTest, AvoidsWhatIsInfeasible) {
  StrategyHost host(Spec(), space_);
  int infeasible = 0;
  host.Run(80, [&](const Architecture& architecture) {
    const bool feasible = architecture.values[0] != 3;
    if (host.trials() > 50) infeasible += !feasible;
    return Outcome{{ValueOf(architecture)}, feasible};
  });
  EXPECT_LE(infeasible, 12);  // of 30
}

// The kept trials are thinned out with every tenth result only, so that a restart between two
// trainings trains on the same ones.
TEST_F(EnsembleTest, ARestartBetweenTrainingsGoesOnIdenticallyBeyondTheMostTrials) {
  StrategyHost host(Spec(), space_);
  Random random(3);
  absl::flat_hash_set<std::string> drawn;
  while (host.trials() < 620) {
    const Architecture architecture = space_->Sample(random);
    if (!drawn.insert(testing::BytesOf(architecture)).second) continue;
    host.strategy().Tell(host.Adopt(architecture), {{ValueOf(architecture)}, true});
  }
  for (int i = 0; i < 4; ++i) {
    const Proposal proposal = host.Next().value();
    host.strategy().Tell(host.trials(), {{ValueOf(proposal.candidate.architecture)}, true});
  }
  StrategyHost other(Spec(), space_);
  ASSERT_TRUE(other.strategy().Restore(host.strategy().Snapshot()).ok());
  Random a(1);
  Random b(1);
  const Proposal here = host.strategy().Ask(1, a).proposals.at(0);
  const Proposal there = other.strategy().Ask(1, b).proposals.at(0);
  EXPECT_EQ(here.origin, there.origin);
  EXPECT_EQ(here.candidate.architecture, there.candidate.architecture);
}

}  // namespace
}  // namespace cambrian
