// Artifacts that nothing names: uploaded by a worker that was never heard of again, say.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/artifact/interface.h"

namespace cambrian {

// Removes artifacts that were stored before `before` and of which `is_used` says no; returns how
// many. A younger one may be of a trial whose completion is still on its way. Blocks on files and
// on `is_used`. \error those of `is_used` and of the store; what was removed before stays removed.
absl::StatusOr<int64_t> RemoveOrphans(
    ArtifactStore& artifacts,
    const std::function<absl::StatusOr<bool>(absl::string_view sha256)>& is_used,
    absl::Time before);

}  // namespace cambrian
