// A benchmark table as the searches of this folder see it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/nas/search_space.h"
#include "common/nas/shape.h"
#include "common/spec/study_spec.h"
#include "common/table/benchmark_table.h"

namespace cambrian {

// One row stands for one evaluation. Plain data, shared by all runs.
struct Problem {
  std::shared_ptr<const SearchSpace> space;
  std::shared_ptr<const BenchmarkTable> table;
  // By row, what the searches see of it. Equal keys are the same work; a dead row's architecture
  // has no result.
  std::vector<std::string> keys;
  std::vector<bool> is_dead;
};

// The table of a built-in space. By network, each row is lowered for `task`.
// \error as BenchmarkTable; kNotFound if there is no such space
absl::StatusOr<Problem> OpenProblem(const std::string& file, absl::string_view space, Dedupe dedupe,
                                    const Task& task);

// A column of the table, by row, times `scale`; negated if `minimize`. \error kInvalidArgument if
// there is none of that name, or a row does not know its value
absl::StatusOr<std::vector<double>> ColumnOf(const Problem& problem, absl::string_view name,
                                             double scale, bool minimize = false);

}  // namespace cambrian
