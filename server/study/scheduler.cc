#include "server/study/scheduler.h"

#include <algorithm>
#include <tuple>

namespace cambrian {

std::optional<int64_t> PickStudy(absl::Span<const StudyLoad> studies) {
  const auto it =
      std::min_element(studies.begin(), studies.end(), [](const StudyLoad& a, const StudyLoad& b) {
        return std::tie(a.running, a.last_grant, a.study) <
               std::tie(b.running, b.last_grant, b.study);
      });
  if (it == studies.end()) return std::nullopt;
  return it->study;
}

}  // namespace cambrian
