#include "worker/torch/schedule.h"

#include <cmath>

#include "gtest/gtest.h"

namespace cambrian {
namespace {

TEST(ScheduleTest, CountsWholeBatches) {
  Recipe recipe;
  recipe.batch = 10;
  recipe.epochs = 3;
  EXPECT_EQ(CountSteps(recipe, 105).per_epoch, 10);
  EXPECT_EQ(CountSteps(recipe, 105).total, 30);
  EXPECT_EQ(CountSteps(recipe, 7).per_epoch, 1);
  recipe.epochs = 0.25;
  EXPECT_EQ(CountSteps(recipe, 100).total, 3);  // 2.5, away from zero
  recipe.epochs = 0.001;
  EXPECT_EQ(CountSteps(recipe, 100).total, 1);
}

TEST(ScheduleTest, CosineFallsFromLrToZero) {
  Recipe recipe;
  recipe.lr = 0.4;
  recipe.schedule = Recipe::Schedule::kCosine;
  const Steps steps{100, 10};
  EXPECT_DOUBLE_EQ(LearningRate(recipe, 0, steps), 0.4);
  EXPECT_NEAR(LearningRate(recipe, 25, steps), 0.2 * (1 + std::sqrt(0.5)), 1e-12);
  EXPECT_NEAR(LearningRate(recipe, 50, steps), 0.2, 1e-12);
  EXPECT_GT(LearningRate(recipe, 99, steps), 0);
  EXPECT_LT(LearningRate(recipe, 99, steps), 0.001);
}

TEST(ScheduleTest, StepsMultiplyByTheFactor) {
  Recipe recipe;
  recipe.lr = 1;
  recipe.schedule = Recipe::Schedule::kStep;
  recipe.steps = {0.5, 0.75};
  recipe.step_factor = 0.1;
  const Steps steps{100, 10};
  EXPECT_DOUBLE_EQ(LearningRate(recipe, 49, steps), 1);
  EXPECT_DOUBLE_EQ(LearningRate(recipe, 50, steps), 0.1);
  EXPECT_NEAR(LearningRate(recipe, 75, steps), 0.01, 1e-12);
}

TEST(ScheduleTest, WarmUpRisesAndTheScheduleFollows) {
  Recipe recipe;
  recipe.lr = 1;
  recipe.warmup = 2;
  const Steps steps{100, 10};
  EXPECT_DOUBLE_EQ(LearningRate(recipe, 0, steps), 1.0 / 20);
  EXPECT_DOUBLE_EQ(LearningRate(recipe, 9, steps), 0.5);
  EXPECT_DOUBLE_EQ(LearningRate(recipe, 19, steps), 1);
  EXPECT_DOUBLE_EQ(LearningRate(recipe, 20, steps), 1);
  EXPECT_NEAR(LearningRate(recipe, 60, steps), 0.5, 1e-12);
}

TEST(ScheduleTest, WarmUpLongerThanTheTrainingOnlyRises) {
  Recipe recipe;
  recipe.lr = 1;
  recipe.warmup = 100;
  const Steps steps{20, 10};
  EXPECT_DOUBLE_EQ(LearningRate(recipe, 9, steps), 0.5);
  EXPECT_DOUBLE_EQ(LearningRate(recipe, 19, steps), 1);
}

TEST(ScheduleTest, ConstantStays) {
  Recipe recipe;
  recipe.lr = 0.3;
  recipe.schedule = Recipe::Schedule::kConstant;
  EXPECT_DOUBLE_EQ(LearningRate(recipe, 99, {100, 10}), 0.3);
}

}  // namespace
}  // namespace cambrian
