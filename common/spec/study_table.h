// The table of a study whose results are looked up.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/spec/study_spec.h"
#include "common/table/table_estimator.h"

namespace cambrian {

// Reads the table at `path`, the study's data on this machine, for a study with an
// `estimator.table`. \error as BenchmarkTable; kInvalidArgument if it does not give what the study
// needs. Where equal networks are the same work, one row stands for all of its network.
absl::StatusOr<std::shared_ptr<const TableEstimator>> OpenTable(const StudySpec& study,
                                                                const std::string& path);

}  // namespace cambrian
