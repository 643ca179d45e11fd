// What every strategy for any space promises: with decisions of every kind, several objectives,
// many workers, others' trials and a long history.
#include <functional>
#include <set>

#include "common/nas/origin.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/conformance/strategy/kinds.h"
#include "tests/testing/mixed_space.h"
#include "tests/testing/strategy_host.h"

namespace cambrian {
namespace {

using ::testing::Lt;
using ::testing::SizeIs;
using testing::StrategyHost;

class AnySpaceTest : public ::testing::TestWithParam<testing::StrategyKind> {
 protected:
  AnySpaceTest() : space_(testing::MixedSpace()), spec_(testing::SpecOf(GetParam(), *space_)) {}

  const std::shared_ptr<const SearchSpace> space_;
  const StrategySpec spec_;
};

// Larger where decisions are large, and where few of them exist, in shares of their ranges.
Outcome Judge(const SearchSpace& space, const Architecture& a, size_t objectives) {
  Outcome outcome{{0}, true};
  double inactive = 0;
  for (size_t d = 0; d < a.values.size(); ++d) {
    const Decision& decision = space.decisions()[d];
    inactive += !a.Has(d);
    if (!a.Has(d)) continue;
    outcome.values[0] += decision.kind == Decision::Kind::kCategorical
                             ? a.values[d] / static_cast<double>(decision.options.size())
                             : (a.values[d] - decision.low) / (decision.high - decision.low);
  }
  if (objectives > 1) outcome.values.push_back(inactive - outcome.values[0]);
  if (objectives > 2) outcome.values.push_back(a.values[0]);
  return outcome;
}

// Some fail, some are infeasible.
Outcome Trouble(const SearchSpace& space, const Architecture& a, int64_t trial, size_t objectives) {
  if (trial % 3 == 0) return Outcome{};
  Outcome outcome = Judge(space, a, objectives);
  outcome.feasible = trial % 3 == 1;
  return outcome;
}

TEST_P(AnySpaceTest, ProposalsAreValidAndDistinctWhateverTheResults) {
  for (const size_t objectives : {1, 2, 3}) {
    StrategyHost host(spec_, space_);
    std::set<std::string> keys;
    for (int64_t trial = 1; trial <= 60; ++trial) {
      const std::optional<Proposal> proposal = host.Next();
      ASSERT_TRUE(proposal.has_value());
      const Architecture& a = proposal->candidate.architecture;
      EXPECT_TRUE(space_->Validate(a).ok()) << space_->Validate(a);
      EXPECT_TRUE(keys.insert(testing::BytesOf(a)).second);
      EXPECT_TRUE(ParseOrigin(proposal->origin).has_value()) << proposal->origin;
      host.strategy().Tell(trial, Trouble(*space_, a, trial, objectives));
    }
  }
}

TEST_P(AnySpaceTest, ManyWorkersGetDistinctWork) {
  StrategyHost host(spec_, space_);
  std::vector<Architecture> pending;
  std::set<std::string> keys;
  for (int64_t trial = 1; trial <= 120; ++trial) {
    const std::optional<Proposal> proposal = host.Next();
    ASSERT_TRUE(proposal.has_value());
    pending.push_back(proposal->candidate.architecture);
    EXPECT_TRUE(keys.insert(testing::BytesOf(pending.back())).second);
    // 64 workers, each as fast as the others.
    if (trial > 64) host.strategy().Tell(trial - 64, Judge(*space_, pending[trial - 65], 1));
  }
}

TEST_P(AnySpaceTest, OneAskGivesAsManyAsWanted) {
  StrategyHost host(spec_, space_);
  host.Run(20, [&](const Architecture& a) { return Judge(*space_, a, 1); });
  Random random(5);
  const AskAnswer answer = host.strategy().Ask(20, random);
  std::set<std::string> keys;
  for (const Proposal& proposal : answer.proposals) {
    keys.insert(testing::BytesOf(proposal.candidate.architecture));
  }
  EXPECT_THAT(keys, SizeIs(20));
}

TEST_P(AnySpaceTest, AsksThatLeadToNothingChangeNothing) {
  StrategyHost quiet(spec_, space_);
  StrategyHost asked(spec_, space_);
  for (int64_t trial = 1; trial <= 30; ++trial) {
    Random other(1000, static_cast<uint64_t>(trial));
    asked.strategy().Ask(3, other);
    const Architecture x = quiet.Next()->candidate.architecture;
    const Architecture y = asked.Next()->candidate.architecture;
    ASSERT_EQ(testing::BytesOf(x), testing::BytesOf(y)) << trial;
    quiet.strategy().Tell(trial, Trouble(*space_, x, trial, 2));
    asked.strategy().Tell(trial, Trouble(*space_, x, trial, 2));
  }
}

// With three trials pending throughout, told out of order.
TEST_P(AnySpaceTest, RestoredAtAnyMomentItGoesOnIdentically) {
  for (const size_t objectives : {1, 2}) {
    for (int64_t moment = 0; moment <= 24; moment += 4) {
      StrategyHost whole(spec_, space_);
      StrategyHost first(spec_, space_);
      StrategyHost second(spec_, space_);
      std::vector<Architecture> trials;
      const auto step = [&](StrategyHost& other) {
        const Architecture x = whole.Next()->candidate.architecture;
        const Architecture y = other.Next()->candidate.architecture;
        ASSERT_EQ(testing::BytesOf(x), testing::BytesOf(y)) << moment;
        trials.push_back(x);
        const auto number = static_cast<int64_t>(trials.size());
        const int64_t done = number % 2 == 0 ? number - 3 : number - 1;
        if (done < 1) return;
        const Outcome outcome = Trouble(*space_, trials[done - 1], done, objectives);
        whole.strategy().Tell(done, outcome);
        other.strategy().Tell(done, outcome);
      };
      for (int64_t trial = 1; trial <= moment; ++trial) step(first);
      for (const Architecture& architecture : trials) second.Adopt(architecture);  // are known
      ASSERT_TRUE(second.strategy().Restore(first.strategy().Snapshot()).ok());
      EXPECT_EQ(second.strategy().Snapshot(), first.strategy().Snapshot());
      for (int i = 0; i < 8; ++i) step(second);
    }
  }
}

TEST_P(AnySpaceTest, OthersTrialsCountAndAreNotRepeated) {
  StrategyHost host(spec_, space_);
  Random random(8);
  std::set<std::string> keys;
  for (int i = 0; i < 25; ++i) {
    const Architecture architecture = space_->Sample(random);
    keys.insert(testing::BytesOf(architecture));
    const int64_t trial = host.Adopt(architecture);
    if (i % 5 > 0) host.strategy().Tell(trial, Judge(*space_, architecture, 1));
  }
  for (int i = 0; i < 30; ++i) {
    const std::optional<Proposal> proposal = host.Next();
    ASSERT_TRUE(proposal.has_value());
    EXPECT_TRUE(keys.insert(testing::BytesOf(proposal->candidate.architecture)).second);
    host.strategy().Tell(host.trials(), Judge(*space_, proposal->candidate.architecture, 1));
  }
}

// Work is counted, not timed: what an ask examines and looks up must not grow with the history.
TEST_P(AnySpaceTest, AfterTwentyThousandTrialsAnAskIsNoMoreWork) {
  for (const size_t objectives : {1, 2}) {
    StrategyHost host(spec_, space_);
    Random random(9);
    for (int64_t trial = 1; trial <= 20'000; ++trial) {
      const Architecture architecture = space_->Sample(random);
      host.Adopt(architecture);
      host.strategy().Tell(trial, Judge(*space_, architecture, objectives));
    }
    const int64_t before = host.examined() + host.looked_up();
    for (int ask = 0; ask < 50; ++ask) {
      const std::optional<Proposal> proposal = host.Next();
      ASSERT_TRUE(proposal.has_value());
      const Architecture& architecture = proposal->candidate.architecture;
      EXPECT_TRUE(space_->Validate(architecture).ok());
      host.strategy().Tell(host.trials(), Judge(*space_, architecture, objectives));
    }
    EXPECT_THAT(host.examined() + host.looked_up() - before, Lt(50 * 100));
  }
}

INSTANTIATE_TEST_SUITE_P(Strategies, AnySpaceTest, ::testing::ValuesIn(testing::GeneralKinds()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace cambrian
