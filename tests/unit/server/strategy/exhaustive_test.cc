#include "server/strategy/exhaustive.h"

#include <algorithm>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/mixed_space.h"
#include "tests/testing/strategy_host.h"

namespace cambrian {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;
using testing::StrategyHost;

StrategySpec Spec() {
  StrategySpec spec;
  spec.name = "exhaustive";
  return spec;
}

// Decisions that exist only under others, of very different numbers.
std::shared_ptr<const SearchSpace> Nested() {
  return testing::Read(R"(
network:
  - name: a
    choose:
      none: skip
      small: {conv: {kernel: {choose: [1, 3]}}}
      large: {conv: {kernel: {choose: [1, 3, 5]}, out: {range: [4, 24], step: 4}}}
  - name: b
    choose: {off: skip, on: {conv: {kernel: {choose: [1, 3]}}}}
  - head
)")
      .space;
}

// All that it proposes, by key.
std::set<std::string> All(StrategyHost& host) {
  std::set<std::string> keys;
  while (const std::optional<Proposal> proposal = host.Next()) {
    EXPECT_TRUE(host.space().Validate(proposal->candidate.architecture).ok());
    EXPECT_TRUE(keys.insert(testing::BytesOf(proposal->candidate.architecture)).second);
  }
  return keys;
}

TEST(ExhaustiveTest, ProposesEveryArchitectureOnceThenSaysThatItIsDone) {
  for (const auto& space : {Nested(), testing::Builtin("nasbench201")}) {
    StrategyHost host(Spec(), space);
    const SpaceSize size = space->Size();
    ASSERT_TRUE(size.exact);
    EXPECT_THAT(All(host), SizeIs(static_cast<size_t>(size.count)));
    Random random(1);
    EXPECT_EQ(host.strategy().Ask(1, random).state, AskState::kExhausted);
  }
}

TEST(ExhaustiveTest, LeavesOutWhatARequirementForbids) {
  StrategyHost host(Spec(), testing::Read(R"(
parameters: {dim: {choose: [24, 32, 36]}}
network:
  - patches: {size: 8, out: $dim}
  - repeat: {times: 2, block: layer}
  - head
blocks:
  layer:
    parameters: {heads: {choose: [3, 4, 8]}}
    require: $dim % $heads == 0
    attention: {heads: $heads}
)")
                                .space);
  EXPECT_THAT(All(host), SizeIs(3 * 3 + 2 * 2 + 2 * 2));  // of 27
}

// A tenth of the space has a tenth of every value, give or take.
TEST(ExhaustiveTest, AnyShareOfTheSpaceHasEachValueAboutEquallyOften) {
  StrategyHost host(Spec(), testing::Builtin("nasbench201"));
  std::vector<std::vector<int>> counts(6, std::vector<int>(5));
  for (int trial = 0; trial < 500; ++trial) {
    const Architecture a = host.Next()->candidate.architecture;
    for (size_t d = 0; d < 6; ++d) ++counts[d][static_cast<size_t>(a.values[d])];
  }
  for (const std::vector<int>& of_decision : counts) {
    for (const int count : of_decision) EXPECT_THAT(count, AllOf(Ge(50), Le(150)));
  }
}

TEST(ExhaustiveTest, TrialsOfOthersAreNotRepeatedAndNothingIsLeftOut) {
  StrategyHost host(Spec(), Nested());
  Random random(3);
  std::set<std::string> keys;
  for (int i = 0; i < 10; ++i) {
    const Architecture architecture = host.space().Sample(random);
    if (keys.insert(testing::BytesOf(architecture)).second) host.Adopt(architecture);
  }
  for (const std::string& key : All(host)) EXPECT_TRUE(keys.insert(key).second);
  EXPECT_THAT(keys, SizeIs(static_cast<size_t>(host.space().Size().count)));
}

TEST(ExhaustiveTest, GoesOnAfterARestoreFromAnyPoint) {
  const auto space = Nested();
  StrategyHost whole(Spec(), space);
  const size_t size = All(whole).size();
  for (size_t done = 0; done <= size; done += 3) {
    StrategyHost before(Spec(), space);
    StrategyHost after(Spec(), space);
    std::set<std::string> keys;
    for (size_t i = 0; i < done; ++i) {
      const Architecture architecture = before.Next()->candidate.architecture;
      keys.insert(testing::BytesOf(architecture));
      after.Adopt(architecture);  // so that it is known
    }
    ASSERT_TRUE(after.strategy().Restore(before.strategy().Snapshot()).ok());
    for (const std::string& key : All(after)) EXPECT_TRUE(keys.insert(key).second);
    EXPECT_THAT(keys, SizeIs(size)) << done;
  }
}

TEST(ExhaustiveTest, ASpaceWithoutAnEndIsRefused) {
  StrategyContext context;
  context.space = testing::MixedSpace();
  const auto refused = NewExhaustive(Spec(), context);
  EXPECT_TRUE(absl::IsInvalidArgument(refused.status()));
  EXPECT_THAT(std::string(refused.status().message()),
              AllOf(HasSubstr("recipe.optimizer.sgd.lr"), HasSubstr("has no end")));
}

}  // namespace
}  // namespace cambrian
