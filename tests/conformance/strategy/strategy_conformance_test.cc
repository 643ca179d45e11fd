// What every strategy promises, on a space of 27 cells. Its rows are in kinds.h.
#include <functional>
#include <memory>
#include <set>

#include "common/nas/origin.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/strategy/factory.h"
#include "tests/conformance/strategy/kinds.h"
#include "tests/testing/server_study.h"

namespace cambrian {
namespace {

using testing::ParseToy;
using ::testing::SizeIs;
using testing::StudyText;

class StrategyConformanceTest : public ::testing::TestWithParam<testing::StrategyKind> {
 protected:
  StrategyConformanceTest() : study_(ParseToy(StudyText(testing::SectionsOf(GetParam())))) {}

  // A network of its own for each architecture, which is what the key says; the toy's value is the
  // number of decisions with option 2, so that there is something to climb.
  Candidate Examine(Architecture architecture) const {
    Candidate candidate;
    candidate.evaluation_key = study_->space->ToJson(architecture).dump();
    candidate.breaks_constraint = constraint_ && constraint_(architecture);
    if (candidate.breaks_constraint) candidate.obstacle = "breaks a constraint";
    candidate.architecture = std::move(architecture);
    return candidate;
  }
  // A strategy, and the study that knows which work has a trial.
  struct Host {
    std::unique_ptr<SearchStrategy> strategy;
    std::shared_ptr<std::set<std::string, std::less<>>> known;

    SearchStrategy& operator*() const { return *strategy; }
    SearchStrategy* operator->() const { return strategy.get(); }
  };
  Host Make() const {
    Host host;
    host.known = std::make_shared<std::set<std::string, std::less<>>>();
    StrategyContext context;
    context.space = study_->space;
    context.examine = [this](Architecture architecture) {
      return Examine(std::move(architecture));
    };
    context.is_known = [known = host.known](absl::string_view key) {
      return known->contains(std::string(key));
    };
    host.strategy = MakeStrategy(study_->strategy, std::move(context)).value();
    return host;
  }
  static Outcome Value(const Architecture& architecture) {
    Outcome outcome;
    double value = 0;
    for (double decision : architecture.values) value += decision == 2;
    outcome.values = {value};
    outcome.feasible = true;
    return outcome;
  }

  // Asks for one, adds it as the next trial. Nothing at the end.
  std::optional<Proposal> Next(const Host& host, int64_t trial) const {
    Random random(7, static_cast<uint64_t>(trial));
    AskAnswer answer = host->Ask(1, random);
    if (answer.proposals.empty()) {
      EXPECT_EQ(answer.state, AskState::kExhausted);
      return std::nullopt;
    }
    host.known->insert(answer.proposals[0].candidate.evaluation_key);
    host->Add(trial, answer.proposals[0].candidate.architecture);
    return std::move(answer.proposals[0]);
  }

  std::shared_ptr<const StudySpec> study_;
  std::function<bool(const Architecture&)> constraint_;
};

TEST_P(StrategyConformanceTest, ProposesWhatTheSpaceHasEachOnceUntilItIsExhausted) {
  const auto strategy = Make();
  std::set<std::string> keys;
  int64_t trial = 0;
  while (const auto proposal = Next(strategy, ++trial)) {
    ASSERT_LE(trial, 27);
    EXPECT_TRUE(study_->space->Validate(proposal->candidate.architecture).ok());
    EXPECT_TRUE(keys.insert(proposal->candidate.evaluation_key).second);
    const std::optional<Origin> origin = ParseOrigin(proposal->origin);
    ASSERT_TRUE(origin.has_value()) << proposal->origin;
    EXPECT_EQ(origin->ToString(), proposal->origin);
    strategy->Tell(trial, Value(proposal->candidate.architecture));
  }
  EXPECT_THAT(keys, SizeIs(27));
}

TEST_P(StrategyConformanceTest, OneAskProposesDistinctWorkAndAtMostWhatWasAskedFor) {
  const auto strategy = Make();
  Random random(1);
  const AskAnswer answer = strategy->Ask(10, random);
  EXPECT_THAT(answer.proposals, SizeIs(10));
  std::set<std::string> keys;
  for (const Proposal& proposal : answer.proposals) {
    keys.insert(proposal.candidate.evaluation_key);
  }
  EXPECT_THAT(keys, SizeIs(10));
}

TEST_P(StrategyConformanceTest, PendingTrialsAreNotProposedAgain) {
  const auto strategy = Make();
  std::set<std::string> keys;
  for (int64_t trial = 1; trial <= 20; ++trial) {  // nobody tells
    const auto proposal = Next(strategy, trial);
    ASSERT_TRUE(proposal.has_value());
    EXPECT_TRUE(keys.insert(proposal->candidate.evaluation_key).second);
  }
}

TEST_P(StrategyConformanceTest, TheSameSeedAndSequenceGiveTheSameProposals) {
  const auto a = Make();
  const auto b = Make();
  for (int64_t trial = 1; trial <= 20; ++trial) {
    const auto x = Next(a, trial);
    const auto y = Next(b, trial);
    ASSERT_EQ(x->candidate.evaluation_key, y->candidate.evaluation_key);
    ASSERT_EQ(x->origin, y->origin);
    const Outcome outcome = trial % 5 == 0 ? Outcome{} : Value(x->candidate.architecture);
    a->Tell(trial, outcome);
    b->Tell(trial, outcome);
  }
}

TEST_P(StrategyConformanceTest, AskingChangesNothing) {
  const auto strategy = Make();
  for (int64_t trial = 1; trial <= 12; ++trial) {
    const std::string before = strategy->Snapshot();
    Random random(trial);
    strategy->Ask(3, random);
    ASSERT_EQ(strategy->Snapshot(), before);
    const auto proposal = Next(strategy, trial);
    strategy->Tell(trial, Value(proposal->candidate.architecture));
  }
}

TEST_P(StrategyConformanceTest, ARestoredStrategyGoesOnIdentically) {
  const auto strategy = Make();
  for (int64_t trial = 1; trial <= 12; ++trial) {
    const auto proposal = Next(strategy, trial);
    if (trial % 4 == 0) continue;  // stays pending
    strategy->Tell(trial, trial % 5 == 0 ? Outcome{} : Value(proposal->candidate.architecture));
  }
  const auto restored = Make();
  *restored.known = *strategy.known;
  ASSERT_TRUE(restored->Restore(strategy->Snapshot()).ok());
  EXPECT_EQ(restored->Snapshot(), strategy->Snapshot());
  strategy->Tell(4, Outcome{{3}, true});
  restored->Tell(4, Outcome{{3}, true});
  for (int64_t trial = 13; trial <= 25; ++trial) {
    const auto x = Next(strategy, trial);
    const auto y = Next(restored, trial);
    ASSERT_EQ(x->candidate.evaluation_key, y->candidate.evaluation_key) << trial;
    strategy->Tell(trial, Value(x->candidate.architecture));
    restored->Tell(trial, Value(y->candidate.architecture));
  }
}

TEST_P(StrategyConformanceTest, ABrokenSnapshotIsRefused) {
  for (const char* snapshot : {"", "{", "null", "[1]", "{\"population\": 3}", "\"x\"", "-1"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Make()->Restore(snapshot))) << snapshot;
  }
}

TEST_P(StrategyConformanceTest, FailuresAndInfeasibleResultsDoNotStopIt) {
  const auto strategy = Make();
  for (int64_t trial = 1; trial <= 20; ++trial) {
    ASSERT_TRUE(Next(strategy, trial).has_value());
    strategy->Tell(trial, trial % 2 == 0 ? Outcome{} : Outcome{{1.0}, false});
  }
}

TEST_P(StrategyConformanceTest, WhatItHasNoTrialForIsIgnored) {
  const auto strategy = Make();
  ASSERT_TRUE(Next(strategy, 1).has_value());
  const std::string before = strategy->Snapshot();
  strategy->Tell(99, Outcome{{1.0}, true});
  EXPECT_EQ(strategy->Snapshot(), before);
}

// While there are others, none that breaks an analytic constraint is proposed.
TEST_P(StrategyConformanceTest, BrokenConstraintsAreDrawnAgain) {
  if (study_->strategy.name == "listed") GTEST_SKIP() << "it proposes what the study lists";
  constraint_ = [](const Architecture& architecture) { return architecture.values[0] == 2; };
  const auto strategy = Make();
  for (int64_t trial = 1; trial <= 9; ++trial) {  // of 18
    const auto proposal = Next(strategy, trial);
    ASSERT_TRUE(proposal.has_value());
    EXPECT_FALSE(proposal->candidate.breaks_constraint);
    strategy->Tell(trial, Value(proposal->candidate.architecture));
  }
}

// Every single architecture breaks a constraint: it must still come to an end.
TEST_P(StrategyConformanceTest, ImpossibleConstraintsEndInInfeasibleProposals) {
  constraint_ = [](const Architecture&) { return true; };
  const auto strategy = Make();
  const auto proposal = Next(strategy, 1);
  ASSERT_TRUE(proposal.has_value());
  EXPECT_TRUE(proposal->candidate.breaks_constraint);
}

INSTANTIATE_TEST_SUITE_P(Strategies, StrategyConformanceTest,
                         ::testing::ValuesIn(testing::AllKinds()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace cambrian
