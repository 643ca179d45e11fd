#include "worker/agent/offer.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace cambrian {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::string> FindBelow(const std::string& root, const std::string& folder,
                                      const fs::path& path) {
  const auto denied = [&] {
    return absl::PermissionDeniedError(
        absl::StrCat("\"", path.string(), "\" leads out of data root \"", root, "\""));
  };
  if (path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end()) {
    return denied();
  }
  std::error_code error;
  const fs::path base = fs::canonical(folder, error);
  if (error) {
    return absl::NotFoundError(absl::StrCat("data root \"", root, "\": ", error.message()));
  }
  const fs::path whole = fs::canonical(base / path, error);
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("\"", path.string(), "\" in data root \"", root, "\": ", error.message()));
  }
  const auto [left, unused] = std::mismatch(base.begin(), base.end(), whole.begin(), whole.end());
  if (left != base.end()) return denied();
  return whole.string();
}

}  // namespace

absl::StatusOr<std::string> FindData(const DataSpec& data, const WorkerOffer& offer) {
  if (data.root.empty()) {
    if (offer.any_path) return data.path;
    return absl::PermissionDeniedError(
        absl::StrCat("this worker reads data only below its data roots, not ", data.path));
  }
  const auto found = offer.data_roots.find(data.root);
  if (found == offer.data_roots.end()) {
    return absl::NotFoundError(absl::StrCat("this worker has no data root \"", data.root, "\""));
  }
  return FindBelow(data.root, found->second, data.path);
}

}  // namespace cambrian
