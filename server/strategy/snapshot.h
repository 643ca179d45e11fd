// What the snapshots of strategies have in common.
#pragma once

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace cambrian {

// \error kInvalidArgument
absl::StatusOr<nlohmann::json> ParseSnapshot(absl::string_view snapshot);

// Keys of known work, as a sorted list.
nlohmann::json KnownToJson(const absl::flat_hash_set<std::string>& known);
// \error kInvalidArgument; then `known` is unchanged.
absl::Status KnownFromJson(const nlohmann::json& json, absl::flat_hash_set<std::string>& known);

}  // namespace cambrian
