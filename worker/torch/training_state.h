// States of a training as files that another evaluator can go on from.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cambrian {

// Where a training stands, between two steps. Plain data.
struct TrainingPosition {
  int64_t step = 0;       // steps done
  double seconds = 0;     // that they took
  bool reported = false;  // the epoch that ends here has been reported
};

// All that changes while a network trains, by name: fp32, on any device. (Random numbers are drawn
// anew in every step, from the seed and the step's number: there is no state of theirs.)
using StateTensors = std::vector<std::pair<std::string, at::Tensor>>;

// Writes and reads states of one piece of work: safetensors files in the assignment's folder, each
// under a name of its own, whole when they have it. Not thread-safe.
class TrainingStates {
 public:
  // `work` says all that decides the result. Zero `interval`: nothing is ever written.
  TrainingStates(std::string folder, absl::string_view work, absl::Duration interval);

  bool wanted() const { return interval_ > absl::ZeroDuration(); }
  // Whether it is time for the next one.
  bool Due() const;
  // Nothing happens if the newest file is of this position. \error kInternal, kResourceExhausted
  // (disk full)
  absl::Status Save(const TrainingPosition& position, const StateTensors& tensors);
  // The name of the newest file, once; empty if it has been told already.
  std::string TakeNews() { return std::exchange(news_, ""); }

  // Fills the tensors. A file of other work, of other tensors, of a position beyond `steps`, too
  // large or damaged changes nothing. \error kNotFound, kInvalidArgument, which say what is wrong
  absl::StatusOr<TrainingPosition> Load(const std::string& path, int64_t steps,
                                        StateTensors& tensors) const;

 private:
  const std::string folder_;
  const std::string work_;  // its hash
  const absl::Duration interval_;
  std::chrono::steady_clock::time_point saved_;
  std::string newest_;
  std::string news_;
};

}  // namespace cambrian
