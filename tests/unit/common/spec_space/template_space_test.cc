#include "common/nas/template_space.h"

#include <map>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/spaces.h"

namespace cambrian {
namespace {

size_t Differences(const Architecture& a, const Architecture& b) {
  size_t differences = 0;
  for (size_t d = 0; d < a.values.size(); ++d) {
    differences += a.Has(d) != b.Has(d) || (a.Has(d) && a.values[d] != b.values[d]);
  }
  return differences;
}

class TemplateSpaceTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::shared_ptr<const SearchSpace> space_ = testing::Builtin(GetParam());
  Random random_{42};
};

TEST_P(TemplateSpaceTest, MutationChangesOneDecisionAndValidates) {
  for (int i = 0; i < 500; ++i) {
    const Architecture parent = space_->Sample(random_);
    const Architecture child = space_->Mutate(parent, random_);
    ASSERT_TRUE(space_->Validate(child).ok()) << space_->Validate(child);
    EXPECT_FALSE(child == parent);
    // Exactly one decision that exists in both has another value; the rest was opened or closed by
    // it.
    size_t changed = 0;
    for (size_t d = 0; d < parent.values.size(); ++d) {
      changed += parent.Has(d) && child.Has(d) && parent.values[d] != child.values[d];
    }
    EXPECT_EQ(changed, 1u);
  }
}

TEST_P(TemplateSpaceTest, CrossoverTakesEveryValueFromAParentOrDrawsWhatNeitherHas) {
  for (int i = 0; i < 500; ++i) {
    const Architecture a = space_->Sample(random_);
    const Architecture b = space_->Sample(random_);
    const Architecture child = space_->Crossover(a, b, random_);
    ASSERT_TRUE(space_->Validate(child).ok());
    for (size_t d = 0; d < child.values.size(); ++d) {
      if (!child.Has(d) || (!a.Has(d) && !b.Has(d))) continue;
      EXPECT_TRUE((a.Has(d) && child.values[d] == a.values[d]) ||
                  (b.Has(d) && child.values[d] == b.values[d]));
    }
  }
}

TEST_P(TemplateSpaceTest, NeighboursAreDistinctAndValid) {
  const Architecture architecture = space_->Sample(random_);
  const std::vector<Architecture> neighbours = space_->Neighbours(architecture, random_);
  EXPECT_FALSE(neighbours.empty());
  std::set<std::string> seen;
  for (const Architecture& neighbour : neighbours) {
    ASSERT_TRUE(space_->Validate(neighbour).ok());
    EXPECT_GE(Differences(neighbour, architecture), 1u);
    EXPECT_TRUE(seen.insert(space_->ToJson(neighbour).dump()).second);
  }
}

TEST_P(TemplateSpaceTest, TheSameSeedDrawsTheSame) {
  Random a(9);
  Random b(9);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(space_->Sample(a), space_->Sample(b));
}

INSTANTIATE_TEST_SUITE_P(Builtin, TemplateSpaceTest,
                         ::testing::Values("nasbench201", "darts", "mobile", "multi_branch",
                                           "chain_cnn"),
                         [](const auto& info) { return info.param; });

TEST(TemplateSpaceSamplingTest, EveryDecisionIsUniform) {
  const auto space = testing::Builtin("nasbench201");
  Random random(1);
  std::map<double, int> counts;
  for (int i = 0; i < 10'000; ++i) ++counts[space->Sample(random).values[3]];
  ASSERT_EQ(counts.size(), 5u);
  for (const auto& [value, count] : counts) EXPECT_NEAR(count, 2'000, 200);
}

TEST(TemplateSpaceSamplingTest, LogRangesAreUniformInTheLogarithm) {
  const auto read = testing::Read("network: [head]", {},
                                  "optimizer: {sgd: {lr: {range: [0.001, 1.0], scale: log}}}");
  ASSERT_NE(read.space, nullptr) << read.errors;
  Random random(1);
  int low = 0;
  for (int i = 0; i < 3'000; ++i) low += read.space->Sample(random).values[0] < 0.01;
  EXPECT_NEAR(low, 1'000, 100);
}

// Against enumeration: the size of small random spaces is the number of distinct architectures that
// random walks find.
TEST(TemplateSpaceSamplingTest, SizesAreTheNumberOfArchitectures) {
  Random random(4);
  for (int i = 0; i < 40; ++i) {
    std::string text = "network:\n";
    for (uint64_t s = 0; s < 1 + random.Below(2); ++s) {
      const std::string name = "s" + std::to_string(s);
      switch (random.Below(3)) {
        case 0:
          text += "  - {name: " + name +
                  ", repeat: {times: {choose: [0, 1, 2]}, block: {conv: {kernel: {choose: [1, "
                  "3]}}}}}\n";
          break;
        case 1:
          text += "  - {name: " + name +
                  ", choose: {a: relu, b: {conv: {kernel: {choose: [1, 3, 5]}}}, c: {name: x, "
                  "choose: [relu, gelu]}}}\n";
          break;
        default:
          text += "  - {name: " + name +
                  ", graph: {nodes: 2, from: {choose: earlier, count: [1, 2]}, edge: {choose: "
                  "[skip, relu]}}}\n";
          // One source stands before the first node.
          text.replace(text.rfind("count: [1, 2]"), 13, "count: 1     ");
      }
    }
    const auto read = testing::Read(text + "  - head\n");
    ASSERT_NE(read.space, nullptr) << text << read.errors;
    std::set<std::string> seen;
    for (int draw = 0; draw < 6'000; ++draw)
      seen.insert(read.space->ToJson(read.space->Sample(random)).dump());
    EXPECT_EQ(read.space->Size().ToString(), std::to_string(seen.size())) << text;
  }
}

}  // namespace
}  // namespace cambrian
