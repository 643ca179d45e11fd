#include "worker/agent/study_cache.h"

#include <utility>

#include "common/base/status.h"
#include "common/base/version.h"

namespace cambrian {

absl::StatusOr<StudyCache::Study> StudyCache::Get(const std::string& study) {
  if (const auto found = studies_.find(study); found != studies_.end()) return found->second;
  ASSIGN_OR_RETURN(const std::string text, fetch_(study));
  Diagnostics diagnostics(study, text);
  std::shared_ptr<const StudySpec> spec = ParseStudy(text, "", {}, diagnostics);
  Study parsed = std::move(spec);
  if (*parsed == nullptr) {
    parsed = absl::InvalidArgumentError(absl::StrCat(
        "this worker (version ", kVersion, ") cannot read the study: ", diagnostics.Render()));
  }
  if (studies_.size() >= kMaxStudies) studies_.clear();
  return studies_.emplace(study, std::move(parsed)).first->second;
}

}  // namespace cambrian
