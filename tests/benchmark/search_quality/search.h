// One search on a table: a strategy, one worker or several, in simulated time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/spec/study_spec.h"
#include "tests/benchmark/search_quality/problem.h"

namespace cambrian {

struct SearchOptions {
  StrategySpec strategy;
  // What the strategy is told of a row, larger is better: [objectives][rows].
  std::vector<const std::vector<double>*> objectives;
  // How long a row's evaluation takes, by row.
  const std::vector<double>* seconds = nullptr;
  int64_t evaluations = 100;
  int workers = 1;  // asynchronous: each is asked for anew as soon as its evaluation ends
  uint64_t seed = 1;
};

// The rows in the order in which their results came. Proposals are drawn as a study draws them.
// Fewer than `evaluations` if the strategy has nothing more. \error of the strategy's making;
// kInternal if it proposes what the table lacks, or waits though nothing is pending
absl::StatusOr<std::vector<size_t>> Search(const Problem& problem, const SearchOptions& options);

}  // namespace cambrian
