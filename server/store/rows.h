// Values of records as columns hold them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/nas/objective.h"
#include "server/store/records.h"

namespace cambrian {

// "active", …; "queued", ….
absl::string_view StudyStateColumn(v1::StudyState state);
v1::StudyState ParseStudyState(absl::string_view column);
v1::TrialState ParseTrialState(absl::string_view column);

// JSON. Unreadable columns give what is empty.
std::string MetricsColumn(const Metrics& metrics);
Metrics ParseMetrics(const std::string& column);
std::string ReferenceColumn(const std::vector<double>& reference);
std::vector<double> ParseReference(const std::string& column);

inline std::optional<int64_t> TimeColumn(std::optional<absl::Time> time) {
  if (!time) return std::nullopt;
  return absl::ToUnixMicros(*time);
}
inline std::optional<absl::Time> ParseTime(std::optional<int64_t> column) {
  if (!column) return std::nullopt;
  return absl::FromUnixMicros(*column);
}

}  // namespace cambrian
