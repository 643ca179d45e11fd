#include "server/strategy/local_search.h"

#include <algorithm>

#include "common/nas/front.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/strategy/change.h"
#include "tests/testing/mixed_space.h"
#include "tests/testing/strategy_host.h"

namespace cambrian {
namespace {

using ::testing::StartsWith;
using testing::StrategyHost;

StrategySpec Spec() {
  StrategySpec spec;
  spec.name = "local_search";
  return spec;
}

std::shared_ptr<const SearchSpace> Cells() { return testing::Builtin("nasbench201"); }

// One hill: every cell has a better neighbour but the one of all threes.
double Hill(const Architecture& a) {
  return static_cast<double>(std::count(a.values.begin(), a.values.end(), 3.0));
}

TEST(LocalSearchTest, ClimbsByNeighboursOfTheBest) {
  StrategyHost host(Spec(), Cells());
  Architecture best;
  double height = -1;
  for (int64_t trial = 1; height < 6; ++trial) {
    ASSERT_LE(trial, 6 * 24 + 1);  // each cell has 24 neighbours
    const Proposal proposal = *host.Next();
    const Architecture& a = proposal.candidate.architecture;
    if (trial > 1) {
      EXPECT_EQ(ChangedDecisions(best, a), 1);
      EXPECT_THAT(proposal.origin, StartsWith("neighbour of "));
    }
    host.strategy().Tell(trial, {{Hill(a)}, true});
    if (Hill(a) > height) {
      height = Hill(a);
      best = a;
    }
  }
}

TEST(LocalSearchTest, StartsAnewOnceNoNeighbourIsBetter) {
  StrategyHost host(Spec(), Cells());
  ASSERT_EQ(host.Next()->origin, "random");
  host.strategy().Tell(1, {{5}, true});
  for (int64_t trial = 2; trial <= 25; ++trial) {
    EXPECT_THAT(host.Next()->origin, StartsWith("neighbour of 1"));
    host.strategy().Tell(trial, {{trial == 9 ? 5.0 : 1.0}, true});  // as good is not better
  }
  EXPECT_EQ(host.Next()->origin, "random");
  // Worse than the first run's best, and yet the next run climbs from it.
  host.strategy().Tell(26, {{2}, true});
  EXPECT_THAT(host.Next()->origin, StartsWith("neighbour of 26"));
}

TEST(LocalSearchTest, WorkersBeyondTheNeighboursStartRunsOfTheirOwn) {
  StrategyHost host(Spec(), Cells());
  for (int worker = 0; worker < 4; ++worker) EXPECT_EQ(host.Next()->origin, "random");
  host.strategy().Tell(1, {{1}, true});
  host.strategy().Tell(2, {{3}, true});
  for (int worker = 0; worker < 24; ++worker) {
    EXPECT_THAT(host.Next()->origin, StartsWith("neighbour of 2"));
  }
  EXPECT_THAT(host.Next()->origin, StartsWith("neighbour of 1"));
}

TEST(LocalSearchTest, APendingNeighbourThatTurnsOutBetterReopensItsRun) {
  StrategyHost host(Spec(), Cells());
  host.Next();
  host.strategy().Tell(1, {{5}, true});
  for (int64_t trial = 2; trial <= 25; ++trial) host.Next();
  EXPECT_EQ(host.Next()->origin, "random");
  host.strategy().Tell(7, {{6}, true});
  EXPECT_THAT(host.Next()->origin, StartsWith("neighbour of 7"));
}

TEST(LocalSearchTest, FailuresBeginNothingAndTheFeasibleBeatTheInfeasible) {
  StrategyHost host(Spec(), Cells());
  host.Next();
  host.strategy().Tell(1, Outcome{});
  EXPECT_EQ(host.Next()->origin, "random");
  host.strategy().Tell(2, {{9}, false});
  EXPECT_THAT(host.Next()->origin, StartsWith("neighbour of 2"));
  host.strategy().Tell(3, {{1}, true});
  EXPECT_THAT(host.Next()->origin, StartsWith("neighbour of 3"));
  host.strategy().Tell(4, {{100}, false});
  EXPECT_THAT(host.Next()->origin, StartsWith("neighbour of 3"));
}

TEST(LocalSearchTest, SeveralObjectivesKeepAFrontAndTryTheNeighboursOfAllOfIt) {
  StrategyHost host(Spec(), Cells());
  host.Next();
  host.strategy().Tell(1, {{5, 1}, true});
  host.Next();
  host.strategy().Tell(2, {{1, 5}, true});
  bool of_first = false;
  bool of_second = false;
  for (int64_t trial = 3; trial <= 20; ++trial) {
    const std::string origin = host.Next()->origin;
    of_first = of_first || origin.starts_with("neighbour of 1:");
    of_second = of_second || origin.starts_with("neighbour of 2:");
    host.strategy().Tell(trial, {{0, 0}, true});
  }
  EXPECT_TRUE(of_first && of_second);
}

TEST(LocalSearchTest, ClimbsOverEveryKindOfDecision) {
  StrategyHost host(Spec(), testing::MixedSpace());
  double best = -1e9;
  double first = 0;
  host.Run(300, [&](const Architecture& a) {
    double value = 0;
    for (size_t d = 0; d < a.values.size(); ++d) {
      const Decision& decision = host.space().decisions()[d];
      if (!a.Has(d)) continue;
      value += decision.kind == Decision::Kind::kCategorical
                   ? a.values[d]
                   : (a.values[d] - decision.low) / (decision.high - decision.low);
    }
    if (host.trials() == 1) first = value;
    best = std::max(best, value);
    return Outcome{{value}, true};
  });
  // a.kernel 3, a.out 1, c.from 2, d 2 with kernel 1, adamw 1 with its lr 1, smoothing 1.
  EXPECT_GT(best, 11.5);
  EXPECT_LT(first, 11.5);
}

}  // namespace
}  // namespace cambrian
