// What a worker offers to studies, and where their data lie on it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/spec/study_spec.h"

namespace cambrian {

// Plain data.
struct WorkerOffer {
  std::vector<std::string> tags;                  // "gpu", "a100"
  std::vector<std::string> targets;               // kinds of device that it measures on: "pi4"
  std::map<std::string, std::string> data_roots;  // name → folder
  bool any_path = false;  // takes studies whose data are named by an absolute path, too
};

// The absolute path of a study's data on this worker. One that names a root stays below that root's
// folder, whatever "..", symbolic links and the like say.
// \error kNotFound: this worker does not have them; kPermissionDenied: it does not give them.
absl::StatusOr<std::string> FindData(const DataSpec& data, const WorkerOffer& offer);

}  // namespace cambrian
