#include "server/strategy/auto.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/strategy_host.h"

namespace cambrian {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::StrategyHost;

AutoChoice Choose(const char* space, int64_t trials, size_t objectives = 1) {
  StrategySpec spec;
  spec.trials = trials;
  spec.objectives = objectives;
  return ChooseStrategy(spec, *testing::Builtin(space));
}

TEST(AutoTest, ASpaceThatTheBudgetCoversIsTriedInFull) {
  const AutoChoice all = Choose("nasbench201", 15'625);
  EXPECT_EQ(all.strategy, "exhaustive");
  EXPECT_THAT(all.reason, HasSubstr("15,625"));
  EXPECT_NE(Choose("nasbench201", 15'624).strategy, "exhaustive");
}

TEST(AutoTest, FewTrialsWantAModel) {
  EXPECT_EQ(Choose("nasbench201", 100).strategy, "gp");
  EXPECT_EQ(Choose("darts", 2'000).strategy, "gp");
  EXPECT_EQ(Choose("darts", 500, 2).strategy, "gp");
}

TEST(AutoTest, ThreeObjectivesHaveNoModelOfTheirFront) {
  EXPECT_EQ(Choose("darts", 200, 3).strategy, "tpe");
  EXPECT_EQ(Choose("darts", 500, 3).strategy, "nsga2");
}

TEST(AutoTest, AnUnknownBudgetIsAShortOne) { EXPECT_EQ(Choose("nasbench201", 0).strategy, "gp"); }

TEST(AutoTest, ManyTrialsWantAPopulation) {
  EXPECT_EQ(Choose("darts", 5'000).strategy, "regularized_evolution");
  EXPECT_EQ(Choose("darts", 501, 2).strategy, "nsga2");
}

TEST(AutoTest, ItsFirstProposalSaysWhy) {
  StrategySpec spec;
  spec.name = "auto";
  StrategyHost host(spec, testing::Builtin("nasbench201"));
  EXPECT_THAT(host.strategy().Reason(), StartsWith("auto: gp, since "));
  EXPECT_THAT(host.Next()->origin, EndsWith(host.strategy().Reason() + ")"));
  EXPECT_THAT(host.Next()->origin, Not(HasSubstr("auto")));
}

TEST(AutoTest, TheSnapshotOfAnotherChoiceIsRefused) {
  StrategySpec few;
  StrategySpec many;
  few.trials = 100;
  many.trials = 5'000;
  StrategyContext context;
  context.space = testing::Builtin("nasbench201");
  const auto modelled = NewAuto(few, context).value();
  const auto evolved = NewAuto(many, context).value();
  EXPECT_TRUE(modelled->Restore(modelled->Snapshot()).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(evolved->Restore(modelled->Snapshot())));
}

}  // namespace
}  // namespace cambrian
