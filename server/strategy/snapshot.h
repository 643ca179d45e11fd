// What the snapshots of strategies have in common.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace cambrian {

// \error kInvalidArgument
absl::StatusOr<nlohmann::json> ParseSnapshot(absl::string_view snapshot);

}  // namespace cambrian
