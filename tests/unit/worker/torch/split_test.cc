#include "worker/torch/split.h"

#include <algorithm>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

// 300 of class 0, 100 of class 1, 2 of class 2.
std::vector<int32_t> Labels() {
  std::vector<int32_t> labels(300, 0);
  labels.insert(labels.end(), 100, 1);
  labels.insert(labels.end(), 2, 2);
  return labels;
}

std::vector<int64_t> CountByClass(const std::vector<int32_t>& indices) {
  std::vector<int64_t> counts(3);
  for (const int32_t index : indices) ++counts[Labels()[index]];
  return counts;
}

TEST(SplitTest, TakesTheSameShareOfEveryClass) {
  const Split split = MakeSplit(Labels(), 3, 0.1, 1, 7);
  EXPECT_THAT(CountByClass(split.validation), testing::ElementsAre(30, 10, 1));
  EXPECT_THAT(CountByClass(split.train), testing::ElementsAre(270, 90, 1));
  std::set<int32_t> all(split.train.begin(), split.train.end());
  all.insert(split.validation.begin(), split.validation.end());
  EXPECT_EQ(all.size(), 402u);
  EXPECT_TRUE(std::is_sorted(split.train.begin(), split.train.end()));
}

TEST(SplitTest, ASmallerShareIsPartOfALargerOneAndLeavesValidationAlone) {
  const Split small = MakeSplit(Labels(), 3, 0.1, 0.1, 7);
  const Split large = MakeSplit(Labels(), 3, 0.1, 0.5, 7);
  EXPECT_THAT(CountByClass(small.train), testing::ElementsAre(27, 9, 1));
  EXPECT_EQ(small.validation, large.validation);
  EXPECT_TRUE(std::includes(large.train.begin(), large.train.end(), small.train.begin(),
                            small.train.end()));
}

TEST(SplitTest, TheSeedFixesIt) {
  EXPECT_EQ(MakeSplit(Labels(), 3, 0.1, 0.5, 7).train, MakeSplit(Labels(), 3, 0.1, 0.5, 7).train);
  EXPECT_NE(MakeSplit(Labels(), 3, 0.1, 0.5, 7).validation,
            MakeSplit(Labels(), 3, 0.1, 0.5, 8).validation);
}

TEST(SplitTest, EveryBeginningOfTheValidationPartIsMixed) {
  const Split split = MakeSplit(Labels(), 3, 0.5, 1, 7);
  const std::vector<int32_t> first(split.validation.begin(), split.validation.begin() + 40);
  EXPECT_GT(CountByClass(first)[0], 15);
  EXPECT_GT(CountByClass(first)[1], 3);
}

TEST(SplitTest, SelectCopiesExamples) {
  Examples examples;
  examples.shape = {2, {}};
  examples.floats = {0, 1, 10, 11, 20, 21};
  examples.labels = {5, 6, 7};
  const Examples selected = Select(examples, std::vector<int32_t>{2, 0});
  EXPECT_THAT(selected.floats, testing::ElementsAre(20, 21, 0, 1));
  EXPECT_THAT(selected.labels, testing::ElementsAre(7, 5));
}

}  // namespace
}  // namespace cambrian
