#include "server/strategy/snapshot.h"

namespace cambrian {

absl::StatusOr<nlohmann::json> ParseSnapshot(absl::string_view snapshot) {
  nlohmann::json json =
      nlohmann::json::parse(snapshot.begin(), snapshot.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError("the snapshot is not JSON");
  return json;
}

}  // namespace cambrian
