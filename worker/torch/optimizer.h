// SGD and AdamW over a network's flat parameters.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/nas/recipe.h"
#include "worker/torch/network_module.h"

namespace cambrian {

// Keeps a reference to the network. Not thread-safe.
class Optimizer {
 public:
  Optimizer(const Recipe& recipe, NetworkModule& network);

  // One step along the gradients that lie in the network, at learning rate `lr`; then they are
  // zero. Norms and biases do not decay.
  void Step(double lr);

  // What it remembers between steps, by name: to be stored, and to be filled. After `steps` steps.
  std::vector<std::pair<std::string, at::Tensor>> State() const;
  void Resume(int64_t steps) { steps_ = steps; }

 private:
  void ClipGradients();
  void StepSgd(double lr);
  void StepAdamW(double lr);

  const Recipe recipe_;
  const at::Tensor parameters_;
  const at::Tensor gradients_;
  const int64_t decayed_;
  int64_t steps_ = 0;
  at::Tensor momentum_;  // sgd: the velocity; adamw: the first moment
  at::Tensor variance_;  // adamw: the second moment
};

}  // namespace cambrian
