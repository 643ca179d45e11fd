// What a data set holds, from the program that can read it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/nas/shape.h"
#include "common/spec/study_spec.h"

namespace cambrian {

struct DataDescription {
  Task task;
  std::string sha256;
};

// Asks `cambrian-evaluator --describe-data`, unless the study file says it all. Reads the whole
// data set: seconds for a large one. \error kInvalidArgument with the evaluator's words about what
// is wrong with the data.
absl::StatusOr<DataDescription> DescribeData(const DataSpec& data);

}  // namespace cambrian
