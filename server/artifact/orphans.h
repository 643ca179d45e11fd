// Artifacts that nothing names: uploaded by a worker that was never heard of again, say.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "server/artifact/interface.h"

namespace cambrian {

// Thread-safe.
class OrphanSweep {
 public:
  using IsUsed = std::function<absl::StatusOr<bool>(absl::string_view sha256)>;

  // `artifacts` outlives it.
  OrphanSweep(ArtifactStore& artifacts, IsUsed is_used)
      : artifacts_(artifacts), is_used_(std::move(is_used)) {}

  // Removes artifacts that were stored before `before`, of which `is_used` says no, and of which
  // the last run found the same; returns how many. A younger one may be of a trial whose completion
  // is still on its way; so may one that only looks old, because the clock has jumped or this
  // server was away. Blocks on files and on `is_used`. \error those of `is_used` and of the store;
  // what was removed before stays removed.
  absl::StatusOr<int64_t> Run(absl::Time before);

 private:
  ArtifactStore& artifacts_;
  const IsUsed is_used_;
  Mutex mutex_;
  std::set<std::string> suspects_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cambrian
