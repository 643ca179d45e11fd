#include "server/strategy/nsga2.h"

#include <algorithm>

#include "common/nas/front.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/mixed_space.h"
#include "tests/testing/strategy_host.h"

namespace cambrian {
namespace {

using ::testing::AnyOf;
using ::testing::Not;
using ::testing::StartsWith;
using testing::StrategyHost;

StrategySpec Spec(int64_t population) {
  StrategySpec spec;
  spec.name = "nsga2";
  spec.population = population;
  return spec;
}

std::shared_ptr<const SearchSpace> Darts() { return testing::Builtin("darts"); }

// How many edges are option 0, and how many are option 1: no more than all can be either.
Outcome TwoGoals(const Architecture& architecture) {
  double zeros = 0;
  double ones = 0;
  for (const double value : architecture.values) {
    zeros += value == 0;
    ones += value == 1;
  }
  return {{zeros, ones}, true};
}

double HypervolumeAfter(StrategyHost& host, int64_t trials, uint64_t seed) {
  Front front;
  host.Run(
      trials,
      [&](const Architecture& a) {
        front.Insert({0, TwoGoals(a).values});
        return TwoGoals(a);
      },
      seed);
  return front.Hypervolume({0, 0});
}

TEST(Nsga2Test, BeginsAtRandomThenBreeds) {
  StrategyHost host(Spec(10), Darts());
  for (int64_t trial = 1; trial <= 40; ++trial) {
    const Proposal proposal = *host.Next();
    if (trial <= 10) {
      EXPECT_EQ(proposal.origin, "random");
    } else {
      EXPECT_THAT(proposal.origin, AnyOf(StartsWith("crossover of "), StartsWith("mutation of ")));
    }
    host.strategy().Tell(trial, TwoGoals(proposal.candidate.architecture));
  }
}

// The reason to have it.
TEST(Nsga2Test, DominatesMoreThanRandomSearch) {
  StrategySpec random = Spec(20);
  random.name = "random";
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    StrategyHost bred(Spec(20), Darts());
    StrategyHost drawn(random, Darts());
    EXPECT_GT(HypervolumeAfter(bred, 300, seed), 1.3 * HypervolumeAfter(drawn, 300, seed));
  }
}

TEST(Nsga2Test, OnlyTheBestHaveChildren) {
  StrategyHost host(Spec(2), Darts());
  // Trials 1 and 2 dominate all that come later.
  host.Run(30, [&](const Architecture&) {
    return host.trials() <= 2 ? Outcome{{10, 10}, true} : Outcome{{1, 1}, true};
  });
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(host.Next()->origin,
                AnyOf(StartsWith("crossover of 1 and 2"), StartsWith("crossover of 2 and 1")));
  }
}

TEST(Nsga2Test, FeasibleMembersDriveOutInfeasibleOnesAndFailuresNeverJoin) {
  StrategyHost host(Spec(2), Darts());
  for (int trial = 1; trial <= 6; ++trial) host.Next();
  host.strategy().Tell(1, Outcome{});
  host.strategy().Tell(2, {{9, 9}, false});
  host.strategy().Tell(3, {{8, 9}, false});
  EXPECT_THAT(host.Next()->origin,
              AnyOf(StartsWith("crossover of 2"), StartsWith("crossover of 3")));
  host.strategy().Tell(4, {{1, 1}, true});
  host.strategy().Tell(5, {{1, 2}, true});
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(host.Next()->origin,
                AnyOf(StartsWith("crossover of 4 and 5"), StartsWith("crossover of 5 and 4")));
  }
}

TEST(Nsga2Test, WithoutMutationChildrenHaveTheirParentsValues) {
  StrategySpec spec = Spec(10);
  spec.mutation = 0;
  StrategyHost host(spec, Darts());
  std::vector<Architecture> parents;
  host.Run(10, [&](const Architecture& a) {
    parents.push_back(a);
    return TwoGoals(a);
  });
  const Proposal child = *host.Next();
  ASSERT_THAT(child.origin, Not(::testing::HasSubstr("mutated")));
  for (size_t d = 0; d < child.candidate.architecture.values.size(); ++d) {
    if (!child.candidate.architecture.Has(d)) continue;
    EXPECT_TRUE(std::any_of(parents.begin(), parents.end(), [&](const Architecture& parent) {
      return parent.values[d] == child.candidate.architecture.values[d];
    }));
  }
}

TEST(Nsga2Test, AloneNobodyHasChildren) {
  EXPECT_TRUE(absl::IsInvalidArgument(NewNsga2(Spec(1), {}).status()));
}

}  // namespace
}  // namespace cambrian
