#include "server/strategy/warm_start.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/mixed_space.h"
#include "tests/testing/strategy_host.h"

namespace cambrian {
namespace {

using testing::BytesOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::StrategyHost;

class WarmStartTest : public ::testing::Test {
 protected:
  WarmStartTest() : space_(testing::MixedSpace()) {
    spec_.name = "random";
    Random random(11);
    for (int i = 1; i <= 3; ++i) {
      list_.push_back(space_->Sample(random));
      spec_.warm_start.entries.push_back(
          {space_->ToJson(list_.back()), absl::StrCat("listed ", i)});
    }
  }

  // As the list, then as `random` for the same trials' numbers.
  static void ExpectTheSame(StrategyHost& a, StrategyHost& b, int trials) {
    for (int i = 0; i < trials; ++i) {
      const std::optional<Proposal> x = a.Next();
      const std::optional<Proposal> y = b.Next();
      ASSERT_TRUE(x && y);
      EXPECT_EQ(BytesOf(x->candidate.architecture), BytesOf(y->candidate.architecture)) << i;
      EXPECT_EQ(x->origin, y->origin) << i;
    }
  }

  const std::shared_ptr<const SearchSpace> space_;
  StrategySpec spec_;
  std::vector<Architecture> list_;
};

TEST_F(WarmStartTest, TheListComesFirstInItsOrder) {
  StrategyHost host(spec_, space_);
  for (size_t i = 0; i < list_.size(); ++i) {
    const std::optional<Proposal> proposal = host.Next();
    EXPECT_EQ(BytesOf(proposal->candidate.architecture), BytesOf(list_[i]));
    EXPECT_EQ(proposal->origin, absl::StrCat("warm start: listed ", i + 1));
  }
  EXPECT_EQ(host.Next()->origin, "random");
}

TEST_F(WarmStartTest, WhatATrialStandsForIsLeftOut) {
  StrategyHost host(spec_, space_);
  host.Adopt(list_[1]);
  EXPECT_EQ(host.Next()->origin, "warm start: listed 1");
  EXPECT_EQ(host.Next()->origin, "warm start: listed 3");
}

TEST_F(WarmStartTest, TheSameWorkTwiceIsTriedOnce) {
  spec_.warm_start.entries[1].architecture = spec_.warm_start.entries[0].architecture;
  StrategyHost host(spec_, space_);
  EXPECT_EQ(host.Next()->origin, "warm start: listed 1");
  EXPECT_EQ(host.Next()->origin, "warm start: listed 3");
  EXPECT_EQ(host.Next()->origin, "random");
}

TEST_F(WarmStartTest, OneAskTakesTheListAndWhatComesAfterIt) {
  StrategyHost host(spec_, space_);
  Random random(1);
  EXPECT_THAT(host.strategy().Ask(2, random).proposals, SizeIs(2));
  const AskAnswer answer = host.strategy().Ask(5, random);
  ASSERT_THAT(answer.proposals, SizeIs(5));
  EXPECT_THAT(answer.proposals[2].origin, StartsWith("warm start: "));
  EXPECT_EQ(answer.proposals[3].origin, "random");
}

// What comes after it would propose the list's second, too.
TEST_F(WarmStartTest, TheStrategyAfterItDoesNotProposeTheListWithinOneAsk) {
  StrategySpec all;
  all.name = "exhaustive";
  const auto small = testing::Builtin("nasbench201");
  const Architecture first = StrategyHost(all, small).Next()->candidate.architecture;
  all.warm_start.entries = {{small->ToJson(first), "listed 1"}};
  StrategyHost host(all, small);
  Random random(1);
  const AskAnswer answer = host.strategy().Ask(2, random);
  ASSERT_THAT(answer.proposals, SizeIs(2));
  EXPECT_EQ(BytesOf(answer.proposals[0].candidate.architecture), BytesOf(first));
  EXPECT_NE(BytesOf(answer.proposals[1].candidate.architecture), BytesOf(first));
}

TEST_F(WarmStartTest, ItsTrialsTeachTheStrategy) {
  spec_.name = "regularized_evolution";
  spec_.population = 3;
  spec_.sample = 3;
  spec_.crossover = 0;
  StrategyHost host(spec_, space_);
  for (int trial = 1; trial <= 3; ++trial) {
    host.Next();
    host.strategy().Tell(trial, Outcome{{trial == 2 ? 1.0 : 0.0}, true});
  }
  EXPECT_THAT(host.Next()->origin, StartsWith("mutation of 2"));
}

TEST_F(WarmStartTest, RestoredAmidTheListItGoesOn) {
  StrategyHost whole(spec_, space_);
  StrategyHost first(spec_, space_);
  StrategyHost second(spec_, space_);
  ExpectTheSame(whole, first, 2);
  second.Adopt(list_[0]);  // are known
  second.Adopt(list_[1]);
  ASSERT_TRUE(second.strategy().Restore(first.strategy().Snapshot()).ok());
  ExpectTheSame(whole, second, 5);
}

TEST_F(WarmStartTest, AutoSaysItsChoiceWithTheFirstOfTheList) {
  spec_.name = "auto";
  spec_.trials = 100;
  StrategyHost host(spec_, space_);
  const std::string origin = host.Next()->origin;
  EXPECT_THAT(origin, StartsWith("warm start: listed 1 (auto: gp, since "));
  EXPECT_EQ(host.Next()->origin, "warm start: listed 2");
  EXPECT_EQ(host.Next()->origin, "warm start: listed 3");
}

TEST_F(WarmStartTest, WhatBreaksAConstraintIsTriedAsItWasListed) {
  StrategyContext context;
  context.space = space_;
  context.examine = [](Architecture architecture) {
    Candidate candidate;
    candidate.evaluation_key = BytesOf(architecture);
    candidate.breaks_constraint = true;
    candidate.obstacle = "parameters 9 breaks parameters <= 8";
    candidate.architecture = std::move(architecture);
    return candidate;
  };
  context.is_known = [](absl::string_view) { return false; };
  Random random(1);
  const AskAnswer answer = MakeStrategy(spec_, context).value()->Ask(1, random);
  ASSERT_THAT(answer.proposals, SizeIs(1));
  EXPECT_EQ(answer.proposals[0].origin, "warm start: listed 1");
}

TEST_F(WarmStartTest, ListsThatCannotBeTriedAreRefused) {
  StrategyContext context;
  context.space = space_;
  context.examine = [](Architecture) { return Candidate(); };
  context.is_known = [](absl::string_view) { return false; };
  StrategySpec wrong = spec_;
  wrong.warm_start.entries[2].architecture["a.out"] = 9999;
  const absl::Status status = MakeStrategy(wrong, context).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(status.message(), HasSubstr("warm_start: listed 3: decision \"a.out\""));
  for (const char* strategy : {"random", "auto"}) {
    StrategySpec pending;
    pending.name = strategy;
    pending.warm_start.study = "toy-1";
    EXPECT_THAT(MakeStrategy(pending, context).status().message(),
                HasSubstr("nobody has looked up the trials of toy-1"));
  }
}

}  // namespace
}  // namespace cambrian
