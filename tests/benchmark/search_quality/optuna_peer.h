// Optuna's samplers on the same table, under the same protocol.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/benchmark/search_quality/problem.h"

namespace cambrian {

struct OptunaOptions {
  std::string python;                                  // that has the package optuna
  std::string sampler;                                 // "TPESampler", "NSGAIISampler"
  std::vector<const std::vector<double>*> objectives;  // [objectives][rows], larger is better
  int evaluations = 100;
  int seeds = 20;
};

// For each seed the rows in the order in which they were evaluated. What a sampler proposes again
// is told again and does not count. One at a time; dead rows are told as they are. \error
// kUnavailable, saying why: no such package, or decisions that are not categorical
absl::StatusOr<std::vector<std::vector<size_t>>> RunOptuna(const Problem& problem,
                                                           const OptunaOptions& options);

}  // namespace cambrian
