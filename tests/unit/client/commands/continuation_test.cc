#include "client/commands/continuation.h"

#include <string>

#include "gtest/gtest.h"

namespace cambrian {
namespace {

TEST(ContinuationTest, TheBudgetMakesNoOtherStudy) {
  const std::string base = "study: digits\nseed: 1\n";
  EXPECT_EQ(WithoutBudget(base + "budget: {trials: 8}\n"),
            WithoutBudget(base + "budget: {trials: 200, time: 5 min}\n"));
  EXPECT_EQ(WithoutBudget(base), WithoutBudget(base + "budget: {trials: 8}\n"));
  EXPECT_NE(WithoutBudget(base), WithoutBudget("study: digits\nseed: 2\n"));
}

TEST(ContinuationTest, NumberedNames) {
  EXPECT_TRUE(IsNumbered("fashion-12", "fashion"));
  EXPECT_FALSE(IsNumbered("fashion-1-retrain-1", "fashion"));
  EXPECT_FALSE(IsNumbered("fashion-", "fashion"));
  EXPECT_FALSE(IsNumbered("fashions-1", "fashion"));
}

}  // namespace
}  // namespace cambrian
