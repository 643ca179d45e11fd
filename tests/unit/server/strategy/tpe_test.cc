#include "server/strategy/tpe.h"

#include <algorithm>
#include <cmath>

#include "common/nas/front.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/mixed_space.h"
#include "tests/testing/strategy_host.h"

namespace cambrian {
namespace {

using testing::MixedSpace;
using ::testing::StartsWith;
using testing::StrategyHost;

StrategySpec Spec() {
  StrategySpec spec;
  spec.name = "tpe";
  return spec;
}

size_t Named(const SearchSpace& space, absl::string_view name) {
  for (size_t d = 0; d < space.decisions().size(); ++d) {
    if (space.decisions()[d].name == name) return d;
  }
  throw std::runtime_error("no such decision");
}

// 0 at best: sgd at a learning rate of 0.1, a.out 32, d: wide with kernel 5.
class MixedGoal {
 public:
  explicit MixedGoal(const SearchSpace& space)
      : out_(Named(space, "a.out")),
        d_(Named(space, "d")),
        kernel_(Named(space, "d.wide.kernel")),
        sgd_(Named(space, "recipe.optimizer.sgd.lr")) {}

  double operator()(const Architecture& a) const {
    double value = -std::abs(a.values[out_] - 32) / 32;
    value -= a.values[d_] != 2 ? 1 : a.values[kernel_] != 1 ? 0.5 : 0;
    return value - (a.Has(sgd_) ? std::abs(std::log10(a.values[sgd_]) + 1) : 2);
  }

 private:
  const size_t out_, d_, kernel_, sgd_;
};

double BestOf(StrategyHost& host, int64_t trials, uint64_t seed) {
  const MixedGoal goal(host.space());
  double best = -1e9;
  host.Run(
      trials,
      [&](const Architecture& a) {
        best = std::max(best, goal(a));
        return Outcome{{goal(a)}, true};
      },
      seed);
  return best;
}

TEST(TpeTest, BeginsAtRandomThenSaysHowGoodItExpectsThemToBe) {
  StrategyHost host(Spec(), MixedSpace());
  const MixedGoal goal(host.space());
  for (int trial = 1; trial <= 30; ++trial) {
    const Proposal proposal = *host.Next();
    if (trial <= 10) {
      EXPECT_EQ(proposal.origin, "random");
    } else {
      EXPECT_THAT(proposal.origin, StartsWith("density ratio e^"));
    }
    host.strategy().Tell(trial, {{goal(proposal.candidate.architecture)}, true});
  }
}

// The reason to have it, over every kind of decision.
TEST(TpeTest, FindsBetterThanRandomSearch) {
  StrategySpec random = Spec();
  random.name = "random";
  double tpe_mean = 0;
  double random_mean = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    StrategyHost tpe(Spec(), MixedSpace());
    StrategyHost drawn(random, MixedSpace());
    tpe_mean += BestOf(tpe, 80, seed) / 20;
    random_mean += BestOf(drawn, 80, seed) / 20;
  }
  EXPECT_GT(tpe_mean, -0.2);
  EXPECT_LT(random_mean, 3 * tpe_mean);
}

// Share of `asks` proposals that have option `value` of the decision.
double Share(StrategyHost& host, size_t decision, double value, int asks) {
  int found = 0;
  for (int i = 0; i < asks; ++i) {
    Random random(5, static_cast<uint64_t>(i));
    const AskAnswer answer = host.strategy().Ask(1, random);
    found += answer.proposals.at(0).candidate.architecture.values[decision] == value;
  }
  return static_cast<double>(found) / asks;
}

TEST(TpeTest, PendingTrialsCountAsBad) {
  StrategyHost host(Spec(), MixedSpace());
  host.Run(12, [](const Architecture&) { return Outcome{{1}, true}; });
  const size_t d = Named(host.space(), "d");
  const double before = Share(host, d, 1, 100);
  Random random(9);
  for (int pending = 0; pending < 30;) {
    const Architecture architecture = host.space().Sample(random);
    if (architecture.values[d] != 1) continue;
    host.Adopt(architecture);
    ++pending;
  }
  EXPECT_LT(Share(host, d, 1, 100), before / 2);
}

TEST(TpeTest, InfeasibleOnesAndFailuresAreBadHoweverLargeTheirValues) {
  StrategyHost host(Spec(), MixedSpace());
  const size_t d = Named(host.space(), "d");
  host.Run(60, [&](const Architecture& a) {
    if (a.values[d] == 0) return Outcome{{100}, false};
    if (a.values[d] == 1) return Outcome{};
    return Outcome{{-1}, true};
  });
  EXPECT_GT(Share(host, d, 2, 100), 0.9);
}

// A decision that rarely exists is judged by the trials in which it does, not by its absence.
TEST(TpeTest, ADecisionCountsOnlyWhereItExists) {
  StrategyHost host(Spec(), MixedSpace());
  const size_t d = Named(host.space(), "d");
  const size_t kernel = Named(host.space(), "d.wide.kernel");
  // Wide is neither better nor worse than the rest, but with wide kernel 5 is better.
  host.Run(150, [&](const Architecture& a) {
    if (a.values[d] != 2) return Outcome{{a.values[d] == 0 ? 1.0 : 0.0}, true};
    return Outcome{{a.values[kernel] == 1 ? 1.0 : 0.0}, true};
  });
  int wide = 0;
  int five = 0;
  for (int i = 0; i < 300; ++i) {
    Random random(6, static_cast<uint64_t>(i));
    const Architecture a = host.strategy().Ask(1, random).proposals.at(0).candidate.architecture;
    wide += a.values[d] == 2;
    five += a.values[d] == 2 && a.values[kernel] == 1;
  }
  EXPECT_GT(wide, 15);
  EXPECT_GT(five, wide * 9 / 10);
}

TEST(TpeTest, SeveralObjectivesSpreadAlongTheFront) {
  StrategyHost host(Spec(), MixedSpace());
  const size_t out = Named(host.space(), "a.out");
  const size_t smoothing = Named(host.space(), "recipe.label_smoothing");
  // Half of the value of either objective is the smoothing's, where they agree: less is better.
  const auto judge = [&](const Architecture& a) {
    const double share = a.values[out] / 64;
    return Outcome{{share - 5 * a.values[smoothing], -share - 5 * a.values[smoothing]}, true};
  };
  host.Run(150, judge);
  double smoothed = 0;
  std::vector<int> outs(9);
  for (int i = 0; i < 200; ++i) {
    Random random(6, static_cast<uint64_t>(i));
    const Architecture a = host.strategy().Ask(1, random).proposals.at(0).candidate.architecture;
    smoothed += a.values[smoothing] / 200;
    ++outs[static_cast<size_t>(a.values[out] / 8)];
  }
  EXPECT_LT(smoothed, 0.03);  // by chance 0.1
  EXPECT_GT(std::count_if(outs.begin(), outs.end(), [](int n) { return n > 0; }), 4);
}

TEST(TpeTest, ASnapshotDoesNotGrowWithTheTrialsThatAreNoLongerGood) {
  StrategyHost host(Spec(), MixedSpace());
  const MixedGoal goal(host.space());
  const auto judge = [&](const Architecture& a) { return Outcome{{goal(a)}, true}; };
  host.Run(1500, judge);
  const size_t before = host.strategy().Snapshot().size();
  host.Run(1500, judge);
  EXPECT_LT(host.strategy().Snapshot().size(), before + before / 10);
}

TEST(TpeTest, WithoutCandidatesItIsRefused) {
  StrategySpec spec = Spec();
  spec.candidates = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(NewTpe(spec, {}).status()));
}

}  // namespace
}  // namespace cambrian
