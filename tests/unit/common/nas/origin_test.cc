#include "common/nas/origin.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

// Every line that a strategy has written since there are any, with what it says.
TEST(OriginTest, EveryLineComesBackAsItWas) {
  for (const char* line :
       {"random",
        "random: no improvement expected nearby",
        "one of all",
        "listed",
        "from toy-1/3",
        "warm start: toy-1/3",
        "warm start: listed 2",
        "expected hypervolume improvement 0.17 (0.91234 ± 0.004 and -3.2 ± 0.2), mutant of 17",
        "density ratio e^3.20, the best new one of 24",
        "density ratio e^-0.41, the best new one of 96",
        "emitted, log-probability -9.66",
        "emitted, log-probability -9.66, mutated until new",
        "emitted and mutated: what was emitted is known",
        "mutation of 7",
        "mutation of 7: cell.edge_0_1",
        "mutation of 7: cell.edge_0_1, cell.edge_0_2, a.b, …",
        "mutation of 7, mutated until new",
        "neighbour of 7: recipe.lr",
        "crossover of 3 and 9",
        "crossover of 3 and 9, mutated",
        "crossover of 3 and 9, mutated until new",
        "crossover of 3 and 9, mutated, mutated until new",
        "expected improvement 0.0021 (0.91234 ± 0.004), mutant of 17",
        "expected improvement 2.1e-05 (-0.5 ± 1e-06), second mutant of 17",
        "expected improvement 0.01 (-0.02 ± 0.003) with weights 0.30 : 0.70, crossover of 3 and 9",
        "expected improvement 0.01 with weights 0.30 : 0.70, random draw",
        "expected improvement inf (nan ± 0.1), random draw",
        "feasible with 42 %, mutant of 17",
        "drew +1.20 (-0.80 ± 0.30 deviations), second mutant of 17",
        "random (auto: gp, since a model finds the most in 300 trials of 6 decisions)",
        "one of all (auto: exhaustive, since the space has 9 architectures, which (so) covers)"}) {
    const std::optional<Origin> origin = ParseOrigin(line);
    ASSERT_TRUE(origin.has_value()) << line;
    EXPECT_EQ(origin->ToString(), line);
  }
}

TEST(OriginTest, SaysWhatAModelExpected) {
  const Origin origin = *ParseOrigin(
      "expected improvement 0.01 (-0.02 ± 0.003) with weights 0.30 : 0.70, mutant of 17");
  EXPECT_EQ(origin.judgement, Origin::Judgement::kImprovement);
  EXPECT_DOUBLE_EQ(*origin.value, 0.01);
  ASSERT_EQ(origin.predictions.size(), 1);
  EXPECT_EQ(origin.predictions[0], (Origin::Prediction{-0.02, 0.003}));
  EXPECT_THAT(origin.weights, ::testing::ElementsAre(0.3, 0.7));
  EXPECT_EQ(origin.source, Origin::Source::kMutation);
  EXPECT_EQ(origin.parent, 17);
}

TEST(OriginTest, SaysWhatWasMutated) {
  const Origin origin = *ParseOrigin("mutation of 7: cell.edge_0_1, cell.edge_0_2");
  EXPECT_EQ(origin.changed, "cell.edge_0_1, cell.edge_0_2");
  const Origin again = *ParseOrigin("crossover of 3 and 9, mutated, mutated until new");
  EXPECT_EQ(again.other, 9);
  EXPECT_TRUE(again.mutated);
  EXPECT_TRUE(again.until_new);
}

TEST(OriginTest, AStudyMayHaveAnyName) {
  const Origin origin = *ParseOrigin("from a/b and 7/12");
  EXPECT_EQ(origin.study, "a/b and 7");
  EXPECT_EQ(origin.parent, 12);
}

TEST(OriginTest, WhatIsNoOriginIsNone) {
  for (const char* line :
       {"", "randomly", "mutation of", "mutation of x", "mutation of 7 and 9", "crossover of 3",
        "from toy-1", "from /x", "expected improvement 0.1",
        "expected improvement 0.1 (2), mutant of 3", "expected improvement x, mutant of 3",
        "feasible with 42, random draw", "density ratio e^3.20", "drew +1.20, mutant of 3",
        "emitted", "random, mutated", "mutant of 99999999999999999999", "random (auto: x",
        "one of all of them"}) {
    EXPECT_FALSE(ParseOrigin(line).has_value()) << line;
  }
}

TEST(OriginTest, AnOlderLineMaySayLess) {
  EXPECT_TRUE(SaysTheSame("emitted and mutated: what was emitted is known",
                          "emitted, log-probability -9.66, mutated until new"));
  EXPECT_TRUE(SaysTheSame("crossover of 3 and 9", "crossover of 3 and 9, mutated until new"));
  EXPECT_TRUE(SaysTheSame(
      "expected improvement 0.01 with weights 0.30 : 0.70, mutant of 3",
      "expected improvement 0.01 (-0.02 ± 0.003) with weights 0.30 : 0.70, mutant of 3"));
  EXPECT_TRUE(SaysTheSame("written by hand", "written by hand"));
}

TEST(OriginTest, ButNothingElse) {
  EXPECT_FALSE(SaysTheSame("crossover of 3 and 9", "crossover of 3 and 8"));
  EXPECT_FALSE(SaysTheSame("crossover of 3 and 9, mutated until new", "crossover of 3 and 9"));
  EXPECT_FALSE(SaysTheSame("expected improvement 0.01 (-0.02 ± 0.003), mutant of 3",
                           "expected improvement 0.01, mutant of 3"));
  EXPECT_FALSE(SaysTheSame("density ratio e^3.20, the best new one of 24",
                           "density ratio e^3.21, the best new one of 24"));
  EXPECT_FALSE(SaysTheSame("written by hand", "random"));
}

}  // namespace
}  // namespace cambrian
