#include "client/commands/continuation.h"

#include <string>

#include "gtest/gtest.h"

namespace cambrian {
namespace {

TEST(ContinuationTest, TheBudgetMakesNoOtherStudy) {
  const std::string base = "study: digits\nseed: 1\n";
  EXPECT_EQ(WhatIsAsked(base + "budget: {trials: 8}\n"),
            WhatIsAsked(base + "budget: {trials: 200, time: 5 min}\n"));
  EXPECT_EQ(WhatIsAsked(base), WhatIsAsked(base + "budget: {trials: 8}\n"));
  EXPECT_NE(WhatIsAsked(base), WhatIsAsked("study: digits\nseed: 2\n"));
}

TEST(ContinuationTest, WhatTheServerLookedUpMakesNoOtherStudy) {
  const std::string base = "study: digits\nwarm_start: {study: fashion-1, best: 2";
  EXPECT_EQ(WhatIsAsked(base + "}\n"),
            WhatIsAsked(base + ", trials: [{trial: fashion-1/3, architecture: {a: 1}}]}\n"));
  EXPECT_NE(WhatIsAsked(base + "}\n"),
            WhatIsAsked("study: digits\nwarm_start: {study: fashion-2, best: 2}\n"));
}

TEST(ContinuationTest, NumberedNames) {
  EXPECT_TRUE(IsNumbered("fashion-12", "fashion"));
  EXPECT_FALSE(IsNumbered("fashion-1-retrain-1", "fashion"));
  EXPECT_FALSE(IsNumbered("fashion-", "fashion"));
  EXPECT_FALSE(IsNumbered("fashions-1", "fashion"));
}

}  // namespace
}  // namespace cambrian
