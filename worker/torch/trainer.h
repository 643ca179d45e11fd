// Trains a network by a recipe, and judges it.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/nas/objective.h"
#include "common/nas/recipe.h"
#include "worker/torch/control.h"
#include "worker/torch/dataset.h"
#include "worker/torch/network_module.h"
#include "worker/torch/split.h"
#include "worker/torch/training_state.h"

namespace cambrian {

// How a network did on some examples. Plain data.
struct Verdict {
  int64_t correct = 0;
  int64_t count = 0;
  double loss = 0;  // mean cross entropy in nats, without smoothing

  // "accuracy" with its 95 % interval (Wilson 1927), and "loss", both behind `prefix`.
  void AddTo(Metrics& metrics, absl::string_view prefix = "") const;
};

// A training: what, on what, how. Plain data; the references outlive it.
struct Training {
  const Recipe& recipe;
  const DataSet& data;
  const Split& split;
  uint64_t seed = 0;  // of batches, augmentation and dropout
  std::string assignment;
  TrainingStates* states = nullptr;  // null: none are written or read
  std::string resume = {};           // a state's file to go on from; empty: from the start
};

// Trains in place; deterministic on the CPU for a seed and a number of threads. After every epoch
// it reports progress, with the verdict of a part of the validation examples that costs at most a
// twentieth of the images trained. Returns the seconds that the steps took, those before `resume`
// included. Where states are wanted it writes one when it is due, and when it is stopped; what
// comes of a training that went on from one is, on the CPU, bit for bit what comes of an
// undisturbed one. A file that cannot be gone on from is complained of in the log, and training
// begins anew. \error kOutOfRange if the loss is no longer finite; kInvalidArgument if the recipe
// does not suit the data; kCancelled
absl::StatusOr<double> Train(const Training& training, NetworkModule& network, Control& control);

// \error kOutOfRange if the loss is not finite; kCancelled
absl::StatusOr<Verdict> Judge(const DataSet& data, const Examples& examples,
                              absl::Span<const int32_t> indices, bool bf16, NetworkModule& network,
                              Control& control);

}  // namespace cambrian
