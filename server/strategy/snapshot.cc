#include "server/strategy/snapshot.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace cambrian {

absl::StatusOr<nlohmann::json> ParseSnapshot(absl::string_view snapshot) {
  nlohmann::json json =
      nlohmann::json::parse(snapshot.begin(), snapshot.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError("the snapshot is not JSON");
  return json;
}

nlohmann::json KnownToJson(const absl::flat_hash_set<std::string>& known) {
  std::vector<std::string> keys(known.begin(), known.end());
  std::sort(keys.begin(), keys.end());
  return keys;
}

absl::Status KnownFromJson(const nlohmann::json& json, absl::flat_hash_set<std::string>& known) {
  if (!json.is_array()) return absl::InvalidArgumentError("the snapshot holds no list of keys");
  absl::flat_hash_set<std::string> keys;
  for (const nlohmann::json& key : json) {
    if (!key.is_string()) return absl::InvalidArgumentError("a key of the snapshot is no text");
    keys.insert(key.get<std::string>());
  }
  known = std::move(keys);
  return absl::OkStatus();
}

}  // namespace cambrian
