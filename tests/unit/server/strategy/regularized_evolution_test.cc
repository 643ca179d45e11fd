#include "server/strategy/regularized_evolution.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/server_study.h"

namespace cambrian {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using testing::ParseToy;
using ::testing::StartsWith;
using testing::StudyText;

class RegularizedEvolutionTest : public ::testing::Test {
 protected:
  RegularizedEvolutionTest()
      // Ten edges of 4 options: a million cells.
      : study_(ParseToy(StudyText("strategy: random\nobjectives: [{maximize: accuracy}]\n"
                                  "budget: {trials: 500}\n",
                                  "[none, skip, conv1x1, conv3x3]"),
                        {"space.cells.cell.graph.nodes=4"})) {}

  std::unique_ptr<SearchStrategy> Make(int64_t population, int64_t sample, double crossover) {
    known_.clear();
    StrategySpec spec;
    spec.population = population;
    spec.sample = sample;
    spec.crossover = crossover;
    return NewRegularizedEvolution(
               spec, {study_->space,
                      [this](Architecture architecture) {
                        Candidate candidate;
                        candidate.evaluation_key = study_->space->ToJson(architecture).dump();
                        candidate.architecture = std::move(architecture);
                        return candidate;
                      },
                      [this](absl::string_view key) { return known_.contains(key); }})
        .value();
  }
  static double ValueOf(const Architecture& architecture) {
    double value = 0;
    for (double decision : architecture.values) value += decision;
    return value;
  }
  Proposal Step(SearchStrategy& strategy, int64_t trial) {
    Random random(1, static_cast<uint64_t>(trial));
    Proposal proposal = strategy.Ask(1, random).proposals.at(0);
    known_.insert(proposal.candidate.evaluation_key);
    strategy.Add(trial, proposal.candidate.architecture);
    return proposal;
  }

  std::shared_ptr<const StudySpec> study_;
  absl::flat_hash_set<std::string> known_;  // of the newest strategy
};

TEST_F(RegularizedEvolutionTest, BeginsWithARandomPopulationThenBreeds) {
  auto strategy = Make(10, 4, 0.5);
  for (int64_t trial = 1; trial <= 60; ++trial) {
    const Proposal proposal = Step(*strategy, trial);
    if (trial <= 10) {
      EXPECT_EQ(proposal.origin, "random");
    } else {
      EXPECT_THAT(proposal.origin, AnyOf(StartsWith("mutation of "), StartsWith("crossover of ")));
    }
    strategy->Tell(trial, {{ValueOf(proposal.candidate.architecture)}, true});
  }
}

TEST_F(RegularizedEvolutionTest, AMutationSaysWhatItChanged) {
  auto strategy = Make(1, 1, 0);
  const Proposal parent = Step(*strategy, 1);
  strategy->Tell(1, {{1}, true});
  const Proposal child = Step(*strategy, 2);
  EXPECT_THAT(child.origin, StartsWith("mutation of 1: "));
  const auto& decisions = study_->space->decisions();
  int changed = 0;
  for (size_t i = 0; i < decisions.size(); ++i) {
    if (parent.candidate.architecture.values[i] == child.candidate.architecture.values[i]) continue;
    ++changed;
    EXPECT_THAT(child.origin, HasSubstr(decisions[i].name));
  }
  EXPECT_EQ(changed, 1);
}

TEST_F(RegularizedEvolutionTest, TheOldestDiesHoweverGood) {
  auto strategy = Make(2, 8, 0);  // 8 draws of 2: the best is practically always among them
  for (int64_t trial = 1; trial <= 2; ++trial) Step(*strategy, trial);
  strategy->Tell(1, {{100}, true});
  strategy->Tell(2, {{1}, true});
  EXPECT_THAT(Step(*strategy, 3).origin, StartsWith("mutation of 1"));
  strategy->Tell(3, {{2}, true});
  EXPECT_THAT(Step(*strategy, 4).origin, StartsWith("mutation of 3"));
}

TEST_F(RegularizedEvolutionTest, NeverWaitsForAGeneration) {
  auto strategy = Make(4, 2, 0.2);
  for (int64_t trial = 1; trial <= 12; ++trial) {
    EXPECT_EQ(Step(*strategy, trial).origin, "random");  // nothing is known yet
  }
  strategy->Tell(7, {{1}, true});
  EXPECT_THAT(Step(*strategy, 13).origin, StartsWith("mutation of 7"));
}

TEST_F(RegularizedEvolutionTest, FailuresAgeLikeOthersAndAreTheWorst) {
  auto strategy = Make(3, 12, 0);
  for (int64_t trial = 1; trial <= 3; ++trial) Step(*strategy, trial);
  strategy->Tell(1, Outcome{});
  strategy->Tell(2, {{0.1}, true});
  strategy->Tell(3, {{0.9}, false});  // breaks a measured constraint
  EXPECT_THAT(Step(*strategy, 4).origin, StartsWith("mutation of 2"));
  strategy->Tell(4, Outcome{});
  Step(*strategy, 5);
  strategy->Tell(5, Outcome{});  // now 2 is gone
  EXPECT_THAT(Step(*strategy, 6).origin, StartsWith("mutation of 3"));
}

// The reason to have it: it climbs where random search draws.
TEST_F(RegularizedEvolutionTest, FindsBetterThanRandomSearch) {
  auto strategy = Make(20, 5, 0.2);
  double evolved = 0;
  double drawn = 0;
  Random random(3);
  for (int64_t trial = 1; trial <= 200; ++trial) {
    const Proposal proposal = Step(*strategy, trial);
    const double value = ValueOf(proposal.candidate.architecture);
    strategy->Tell(trial, {{value}, true});
    evolved = std::max(evolved, value);
    drawn = std::max(drawn, ValueOf(study_->space->Sample(random)));
  }
  EXPECT_GE(evolved, drawn + 3);  // of 30
}

TEST_F(RegularizedEvolutionTest, AnEmptyPopulationIsRefused) {
  StrategySpec spec;
  spec.population = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(NewRegularizedEvolution(spec, {}).status()));
}

}  // namespace
}  // namespace cambrian
