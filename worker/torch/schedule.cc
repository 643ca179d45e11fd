#include "worker/torch/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cambrian {

Steps CountSteps(const Recipe& recipe, int64_t examples) {
  Steps steps;
  steps.per_epoch = std::max<int64_t>(examples / recipe.batch, 1);
  const double total = std::round(recipe.epochs * static_cast<double>(steps.per_epoch));
  steps.total = static_cast<int64_t>(std::clamp(total, 1.0, 1e15));
  return steps;
}

double LearningRate(const Recipe& recipe, int64_t step, const Steps& steps) {
  const double warmup = std::min(recipe.warmup * static_cast<double>(steps.per_epoch),
                                 static_cast<double>(steps.total));
  if (static_cast<double>(step) < warmup) {
    return recipe.lr * std::min(1.0, static_cast<double>(step + 1) / warmup);
  }
  const double rest = static_cast<double>(steps.total) - warmup;
  const double done = rest > 0 ? (static_cast<double>(step) - warmup) / rest : 1;  // [0, 1)
  switch (recipe.schedule) {
    case Recipe::Schedule::kConstant:
      return recipe.lr;
    case Recipe::Schedule::kCosine:
      return recipe.lr * 0.5 * (1 + std::cos(std::numbers::pi * done));
    case Recipe::Schedule::kStep:
      return recipe.lr *
             std::pow(recipe.step_factor, std::count_if(recipe.steps.begin(), recipe.steps.end(),
                                                        [&](double at) { return at <= done; }));
  }
  return recipe.lr;
}

}  // namespace cambrian
