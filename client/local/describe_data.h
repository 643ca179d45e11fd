// What a data set holds, from the program that can read it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/nas/shape.h"
#include "common/spec/study_spec.h"

namespace cambrian {

struct DataDescription {
  Task task;
  std::string sha256;
};

// The same data by a path of this machine: `roots` are "NAME=PATH", as workers are told. Data that
// the study file describes stay as they are. \error kInvalidArgument if the root's place is needed
// and not said, or a root is not "NAME=PATH".
absl::StatusOr<DataSpec> LocateData(DataSpec data, const std::vector<std::string>& roots);

// Asks `cambrian-evaluator --describe-data`, unless the study file says it all. Reads the whole
// data set: seconds for a large one. \error kInvalidArgument with the evaluator's words about what
// is wrong with the data.
absl::StatusOr<DataDescription> DescribeData(const DataSpec& data);

// The same for the table of a study that looks results up, which is read here; `data` are the
// study's as `LocateData` gives them. Where this machine does not have the table, the study file
// states its hash. \error as OpenTable; kInvalidArgument if nobody knows the hash
absl::StatusOr<DataDescription> DescribeTable(const StudySpec& study, const DataSpec& data);

}  // namespace cambrian
