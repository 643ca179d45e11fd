// How study files become studies, for the coordinator and for whoever submits one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/study_spec.h"

namespace cambrian {

// Thread-safe.
struct StudyReader {
  // A complete file: its data are described. \error kInvalidArgument
  std::function<absl::StatusOr<std::shared_ptr<const StudySpec>>(absl::string_view text)> parse;
  // The file of the study that retrains a winner.
  std::function<std::string(const StudySpec& study, const Architecture& winner)> finish;
};

// What `common/spec` does.
StudyReader NewStudyReader();

}  // namespace cambrian
