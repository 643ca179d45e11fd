#include "worker/torch/optimizer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>

namespace cambrian {

Optimizer::Optimizer(const Recipe& recipe, NetworkModule& network)
    : recipe_(recipe),
      parameters_(network.parameters()),
      gradients_(network.gradients()),
      decayed_(network.DecayedParameters()),
      momentum_(at::zeros_like(parameters_)) {
  if (recipe.optimizer == Recipe::Optimizer::kAdamW) variance_ = at::zeros_like(parameters_);
}

void Optimizer::Step(double lr) {
  const c10::AutoGradMode no_grad(false);
  ++steps_;
  if (recipe_.clip > 0) ClipGradients();
  if (recipe_.optimizer == Recipe::Optimizer::kSgd) {
    StepSgd(lr);
  } else {
    StepAdamW(lr);
  }
  gradients_.zero_();
}

std::vector<std::pair<std::string, at::Tensor>> Optimizer::State() const {
  std::vector<std::pair<std::string, at::Tensor>> state = {{"optimizer.momentum", momentum_}};
  if (variance_.defined()) state.emplace_back("optimizer.variance", variance_);
  return state;
}

void Optimizer::ClipGradients() {
  // Stays on the device: no waiting for the norm's value.
  const at::Tensor scale = at::clamp_max(recipe_.clip / (gradients_.norm() + 1e-6), 1);
  gradients_.mul_(scale);
}

void Optimizer::StepSgd(double lr) {
  const at::Tensor weights = parameters_.narrow(0, 0, decayed_);
  gradients_.narrow(0, 0, decayed_).add_(weights, recipe_.decay);
  momentum_.mul_(recipe_.momentum).add_(gradients_);
  if (recipe_.nesterov) {
    gradients_.add_(momentum_, recipe_.momentum);
    parameters_.add_(gradients_, -lr);
  } else {
    parameters_.add_(momentum_, -lr);
  }
}

// Loshchilov and Hutter 2019: the decay is not part of the gradient.
void Optimizer::StepAdamW(double lr) {
  constexpr double kEpsilon = 1e-8;
  parameters_.narrow(0, 0, decayed_).mul_(1 - lr * recipe_.decay);
  momentum_.mul_(recipe_.beta1).add_(gradients_, 1 - recipe_.beta1);
  variance_.mul_(recipe_.beta2).addcmul_(gradients_, gradients_, 1 - recipe_.beta2);
  const double step = static_cast<double>(steps_);
  const double first = 1 - std::pow(recipe_.beta1, step);
  const double second = 1 - std::pow(recipe_.beta2, step);
  const at::Tensor deviation = variance_.sqrt().div_(std::sqrt(second)).add_(kEpsilon);
  parameters_.addcdiv_(momentum_, deviation, -lr / first);
}

}  // namespace cambrian
