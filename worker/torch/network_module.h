// A network with its weights, built of operations.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/nas/network.h"
#include "worker/torch/operations.h"

namespace cambrian {

// A weight by the name that checkpoints give it: "place.weight".
struct NamedWeight {
  std::string name;
  WeightSpec::Role role;
  at::Tensor tensor;
};

// Holds weights in fp32. All that are trained lie in one flat tensor, those that decay first, and
// their gradients in another, so that an optimiser's step is a handful of operations however many
// layers there are. Not thread-safe.
class NetworkModule {
 public:
  // Initialised from `seed`: the same weights on every machine. The network must be checked
  // (NetworkFromJson). An operation without weights that repeats another is left out.
  NetworkModule(const Network& network, uint64_t seed, at::Device device);

  // logits [batch, classes] of `batch`: [batch, channels, axes…]. Frees each map once its last
  // reader is done.
  at::Tensor Forward(const at::Tensor& batch, const ApplyMode& mode);

  // The most bytes of maps that were alive at once, operation by operation, while `batch` passes in
  // inference; the weights not counted.
  int64_t PeakMapBytes(const at::Tensor& batch);

  // The same network for inference: batch norms that follow a convolution or a linear layer are
  // folded into it, with weights of their own.
  NetworkModule InferenceForm() const;

  const Network& network() const { return network_; }
  at::Device device() const { return device_; }
  const std::vector<NamedWeight>& weights() const { return named_; }
  // Trainable numbers, as common/nas counts them.
  int64_t Parameters() const { return parameters_.numel(); }
  int64_t WeightBytes() const;

  // Flat, for an optimiser: [Parameters()]. The first DecayedParameters() decay.
  const at::Tensor& parameters() const { return parameters_; }
  const at::Tensor& gradients() const { return gradients_; }
  int64_t DecayedParameters() const { return decayed_; }

 private:
  NetworkModule(Network network, at::Device device);
  void AllocateTrained();
  void AddWeight(int operation, NamedWeight weight);
  at::Tensor Walk(const at::Tensor& batch, const ApplyMode& mode, int64_t* peak_bytes);

  Network network_;
  const at::Device device_;
  std::vector<int> readers_;                      // of each operation
  std::vector<std::vector<at::Tensor>> weights_;  // of each operation
  std::vector<NamedWeight> named_;
  at::Tensor parameters_;
  at::Tensor gradients_;
  int64_t decayed_ = 0;
};

// Room in the host's memory for a batch [count, channels, axes…], channels innermost: how examples
// lie, and how the operations like it.
at::Tensor EmptyBatch(int64_t count, const Shape& shape);

}  // namespace cambrian
