// The module of every operation: which tensors it holds, and what it does with a batch.
//
// Maps are [batch, channels, axes…]; images are kept `channels_last`, and where an operation has
// the choice, so are sequences.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "common/nas/operation.h"
#include "common/nas/shape.h"

namespace cambrian {

// A tensor that an operation holds. Plain data.
struct WeightSpec {
  enum class Role {
    kWeight,      // trained, decays
    kNormOrBias,  // trained, does not decay
    kStatistic,   // not trained: running means and variances
  };
  std::string name;  // PyTorch's name for it: "weight", "qkv.bias", "running_mean"
  std::vector<int64_t> shape;
  Role role = Role::kWeight;
  double deviation = 0;  // it starts normally distributed around zero, or, where this is 0,
  double fill = 0;       // filled with this
};

// In the order that Apply expects. Convolutions start as He et al. 2015 say (fan in), linear layers
// with variance 1 / fan in.
std::vector<WeightSpec> WeightSpecs(OperationKind kind, const OperationArguments& arguments,
                                    absl::Span<const Shape> inputs);

// What batch and layer norms add to a variance.
inline constexpr double kNormEpsilon = 1e-5;

// How an operation is applied. Plain data.
struct ApplyMode {
  bool training = false;
  double norm_momentum = 0.1;  // the weight of this batch in batch norm's running statistics
};

// Applies `operation` to a batch. Throws c10::Error where LibTorch does.
at::Tensor Apply(const Operation& operation, absl::Span<const at::Tensor> inputs,
                 absl::Span<const at::Tensor> weights, const ApplyMode& mode);

}  // namespace cambrian
