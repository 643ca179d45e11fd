#include "server/artifact/orphans.h"

#include <vector>

#include "common/base/status.h"

namespace cambrian {

absl::StatusOr<int64_t> OrphanSweep::Run(absl::Time before) {
  MutexLock lock(&mutex_);
  ASSIGN_OR_RETURN(const std::vector<std::string> names, artifacts_.StoredBefore(before));
  const std::set<std::string> suspected = std::exchange(suspects_, {});
  int64_t count = 0;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const bool used, is_used_(name));
    if (used) continue;
    if (!suspected.contains(name)) {
      suspects_.insert(name);
      continue;
    }
    ASSIGN_OR_RETURN(const bool removed, artifacts_.RemoveStoredBefore(name, before));
    count += removed;
  }
  return count;
}

}  // namespace cambrian
