#include "worker/torch/optimizer.h"

#include <ATen/ATen.h>

#include <cmath>

#include "gtest/gtest.h"
#include "tests/testing/hand_built.h"

namespace cambrian {
namespace {

// 2 × 3 weights that decay, 2 biases that do not.
Network Line() { return testing::HandBuilt({3, {}}).Classifier(2); }

// Steps a network whose parameters are all 1 with gradients of 0.5, `steps` times.
at::Tensor After(const Recipe& recipe, int steps, double lr) {
  NetworkModule module(Line(), 1, at::kCPU);
  module.parameters().fill_(1);
  Optimizer optimizer(recipe, module);
  for (int i = 0; i < steps; ++i) {
    module.gradients().fill_(0.5);
    optimizer.Step(lr);
    EXPECT_EQ(module.gradients().abs().sum().item<double>(), 0);
  }
  return module.parameters().clone();
}

TEST(OptimizerTest, SgdIsTheFormula) {
  Recipe recipe;
  recipe.momentum = 0.9;
  recipe.decay = 0.1;
  recipe.nesterov = true;
  double weight = 1, bias = 1, weight_speed = 0, bias_speed = 0;
  for (int i = 0; i < 3; ++i) {
    const double weight_gradient = 0.5 + 0.1 * weight;
    weight_speed = 0.9 * weight_speed + weight_gradient;
    weight -= 0.2 * (weight_gradient + 0.9 * weight_speed);
    bias_speed = 0.9 * bias_speed + 0.5;
    bias -= 0.2 * (0.5 + 0.9 * bias_speed);
  }
  const at::Tensor after = After(recipe, 3, 0.2);
  EXPECT_NEAR(after[0].item<double>(), weight, 1e-5);
  EXPECT_NEAR(after[7].item<double>(), bias, 1e-5);
}

TEST(OptimizerTest, SgdWithoutNesterov) {
  Recipe recipe;
  recipe.nesterov = false;
  recipe.momentum = 0.5;
  recipe.decay = 0;
  // 1 - 0.1 · 0.5 - 0.1 · 0.75
  EXPECT_NEAR(After(recipe, 2, 0.1)[0].item<double>(), 0.875, 1e-6);
}

TEST(OptimizerTest, AdamWIsTheFormula) {
  Recipe recipe;
  recipe.optimizer = Recipe::Optimizer::kAdamW;
  recipe.decay = 0.1;
  // With a constant gradient every step is lr long, whatever the gradient's size.
  double weight = 1;
  for (int i = 0; i < 3; ++i) weight = weight * (1 - 0.01 * 0.1) - 0.01;
  const at::Tensor after = After(recipe, 3, 0.01);
  EXPECT_NEAR(after[0].item<double>(), weight, 1e-5);
  EXPECT_NEAR(after[7].item<double>(), 1 - 0.03, 1e-5);
}

TEST(OptimizerTest, ClipsTheNormOfAllGradientsTogether) {
  Recipe recipe;
  recipe.momentum = 0;
  recipe.nesterov = false;
  recipe.decay = 0;
  recipe.clip = 0.1;
  // 8 gradients of 0.5 have the norm √2; they shrink to one of 0.1.
  EXPECT_NEAR(After(recipe, 1, 1)[0].item<double>(), 1 - 0.1 / std::sqrt(8.0), 1e-5);
  recipe.clip = 10;
  EXPECT_NEAR(After(recipe, 1, 1)[0].item<double>(), 0.5, 1e-6);
}

}  // namespace
}  // namespace cambrian
