#include "server/strategy/gp.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/strategy_host.h"

namespace cambrian {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::StrategyHost;

StrategySpec Spec(const std::string& kernel = "auto") {
  StrategySpec spec;
  spec.name = "gp";
  spec.kernel = kernel;
  return spec;
}

// The number of conv3x3 in the cell, with a bonus for one on the last edge.
double ValueOf(const Architecture& architecture) {
  double value = 0;
  for (const double option : architecture.values) value += option == 3;
  return value + (architecture.values.back() == 3 ? 0.5 : 0);
}

Outcome Judge(const Architecture& architecture) { return {{ValueOf(architecture)}, true}; }

class GpTest : public ::testing::TestWithParam<const char*> {
 protected:
  const std::shared_ptr<const SearchSpace> space_ = testing::Builtin("nasbench201");
};

TEST_P(GpTest, FindsTheBestOfFifteenThousandInFifty) {
  int found = 0;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    StrategyHost host(Spec(GetParam()), space_);
    double best = 0;
    host.Run(
        50,
        [&](const Architecture& architecture) {
          best = std::max(best, ValueOf(architecture));
          return Judge(architecture);
        },
        seed);
    found += best == 6.5;
  }
  EXPECT_GE(found, 2);
}

INSTANTIATE_TEST_SUITE_P(Kernels, GpTest,
                         ::testing::Values("auto", "hamming", "paths", "weisfeiler_lehman"),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(GpTest, BeginsAtRandomThenSaysWhatItExpects) {
  StrategyHost host(Spec(), space_);
  for (int64_t trial = 1; trial <= 12; ++trial) {
    const Proposal proposal = host.Next().value();
    if (trial <= 10) {
      EXPECT_EQ(proposal.origin, "random");
    } else {
      EXPECT_THAT(proposal.origin, StartsWith("expected improvement "));
      EXPECT_THAT(proposal.origin, HasSubstr(" ± "));
    }
    host.strategy().Tell(trial, Judge(proposal.candidate.architecture));
  }
}

TEST_F(GpTest, PendingTrialsTakeTheDoubtAway) {
  StrategyHost host(Spec(), space_);
  host.Run(15, Judge);
  Random random(1);
  // Were the first not believed, the others would crowd around the same point.
  const AskAnswer answer = host.strategy().Ask(8, random);
  ASSERT_EQ(answer.proposals.size(), 8U);
  std::vector<Architecture> seen;
  for (const Proposal& proposal : answer.proposals) {
    for (const Architecture& other : seen) EXPECT_FALSE(proposal.candidate.architecture == other);
    seen.push_back(proposal.candidate.architecture);
  }
}

TEST_F(GpTest, LearnsWhatIsInfeasible) {
  StrategyHost host(Spec(), space_);
  const auto feasible = [](const Architecture& architecture) {
    return architecture.values[0] != 3;  // the better half of the space is not
  };
  int infeasible = 0;
  host.Run(60, [&](const Architecture& architecture) {
    if (host.trials() > 30) infeasible += !feasible(architecture);
    return Outcome{{ValueOf(architecture)}, feasible(architecture)};
  });
  EXPECT_LE(infeasible, 12);  // of 30; without learning, nearly all
}

// How many edges are conv3x3, how many are none: seven results are on the front. A third
// objective is how many are skips.
Outcome JudgeSeveral(const Architecture& architecture, size_t objectives) {
  Outcome outcome{std::vector<double>(objectives), true};
  for (const double option : architecture.values) {
    outcome.values[0] += option == 3;
    outcome.values[1] += option == 0;
    for (size_t k = 2; k < objectives; ++k) outcome.values[k] += option == 1;
  }
  return outcome;
}

TEST_F(GpTest, TwoObjectivesAreAFrontThatGrows) {
  StrategyHost host(Spec(), space_);
  std::set<std::vector<double>> seen;
  host.Run(60, [&](const Architecture& architecture) {
    seen.insert(JudgeSeveral(architecture, 2).values);
    return JudgeSeveral(architecture, 2);
  });
  // Of seven; 60 random cells meet one of them in four runs.
  int met = 0;
  for (double a = 0; a <= 6; ++a) met += seen.contains({a, 6 - a});
  EXPECT_GE(met, 5);
  EXPECT_THAT(host.Next()->origin,
              ContainsRegex("^(expected hypervolume improvement .* and |random: no)"));
}

TEST_F(GpTest, ABudgetForTwoObjectivesKeepsToWhatIsFeasible) {
  StrategyHost host(Spec(), space_);
  int infeasible = 0;
  host.Run(60, [&](const Architecture& architecture) {
    Outcome outcome = JudgeSeveral(architecture, 2);
    outcome.feasible = architecture.values[0] != 3;
    if (host.trials() > 30) infeasible += !outcome.feasible;
    return outcome;
  });
  EXPECT_LE(infeasible, 12);  // of 30
}

TEST_F(GpTest, EightProposalsAtOnceSpreadOverTheFront) {
  StrategyHost host(Spec(), space_);
  host.Run(20, [](const Architecture& architecture) { return JudgeSeveral(architecture, 2); });
  Random random(1);
  std::set<std::vector<double>> values;
  for (const Proposal& proposal : host.strategy().Ask(8, random).proposals) {
    values.insert(JudgeSeveral(proposal.candidate.architecture, 2).values);
  }
  EXPECT_GE(values.size(), 4U);
}

TEST_F(GpTest, AnObjectiveThatNeverChangesIsNoTrouble) {
  StrategyHost host(Spec(), space_);
  double most = 0;
  host.Run(50, [&](const Architecture& architecture) {
    most = std::max(most, ValueOf(architecture));
    return Outcome{{1, ValueOf(architecture)}, true};
  });
  EXPECT_GE(most, 5.5);
}

TEST_F(GpTest, ThreeObjectivesAreClimbedByWeightsDrawnAnew) {
  StrategyHost host(Spec(), space_);
  double most[3] = {};
  host.Run(60, [&](const Architecture& architecture) {
    const Outcome outcome = JudgeSeveral(architecture, 3);
    for (size_t k = 0; k < 3; ++k) most[k] = std::max(most[k], outcome.values[k]);
    return outcome;
  });
  for (const double each : most) EXPECT_GE(each, 4);
  EXPECT_THAT(host.Next()->origin, HasSubstr(" with weights "));
}

TEST_F(GpTest, AKernelThatIsNoneIsRefused) {
  StrategyContext context;
  context.space = space_;
  EXPECT_TRUE(absl::IsInvalidArgument(NewGp(Spec("cosine"), std::move(context)).status()));
}

}  // namespace
}  // namespace cambrian
