// What a study optimises and what it must not exceed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cambrian {

// One metric's value. Plain data.
struct Measurement {
  double value = 0;
  // Where it was measured or estimated with a spread: p10 and p90 for latency_ms, the 95 % interval
  // for accuracy.
  std::optional<double> low;
  std::optional<double> high;

  bool operator==(const Measurement&) const = default;
};

// By metric name: "accuracy" (0 … 1, validation), "loss" (nats, validation), "latency_ms",
// "parameters", "macs", "peak_memory_mb" (10^6 bytes), "train_seconds"; after the final training
// also "test_accuracy", "test_loss". Evaluators may report others.
using Metrics = std::map<std::string, Measurement>;

// Metrics that the network alone determines: known before any work starts.
bool IsAnalytic(absl::string_view metric);  // parameters, macs

struct Objective {
  std::string metric;
  bool maximize = true;
  bool operator==(const Objective&) const = default;
};

struct Constraint {
  enum class Bound { kAtMost, kAtLeast };
  std::string metric;
  Bound bound = Bound::kAtMost;
  double value = 0;

  bool Holds(double measured) const {
    return bound == Bound::kAtMost ? measured <= value : measured >= value;
  }
  // "parameters <= 500000"
  std::string ToString() const;
  bool operator==(const Constraint&) const = default;
};

// A weighted sum to maximise: V − λ·C as {{"accuracy", 1}, {"latency_ms", -0.05}}.
struct Scalarization {
  std::vector<std::pair<std::string, double>> weights;
  bool operator==(const Scalarization&) const = default;
};

}  // namespace cambrian
