#include "server/artifact/orphans.h"

#include <string>
#include <vector>

#include "common/base/status.h"

namespace cambrian {

absl::StatusOr<int64_t> RemoveOrphans(
    ArtifactStore& artifacts,
    const std::function<absl::StatusOr<bool>(absl::string_view sha256)>& is_used,
    absl::Time before) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, artifacts.StoredBefore(before));
  int64_t count = 0;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const bool used, is_used(name));
    if (used) continue;
    ASSIGN_OR_RETURN(const bool removed, artifacts.RemoveStoredBefore(name, before));
    count += removed;
  }
  return count;
}

}  // namespace cambrian
