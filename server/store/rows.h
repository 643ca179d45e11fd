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
// "succeeded", …; "unknown" for what is unspecified.
absl::string_view AttemptEndColumn(v1::AttemptEnd end);
v1::AttemptEnd ParseAttemptEnd(absl::string_view column);

// JSON. Unreadable columns give what is empty.
std::string MetricsColumn(const Metrics& metrics);
Metrics ParseMetrics(const std::string& column);
std::string ReferenceColumn(const std::vector<double>& reference);
std::vector<double> ParseReference(const std::string& column);
std::string WordsColumn(const std::vector<std::string>& words);

inline std::optional<int64_t> TimeColumn(std::optional<absl::Time> time) {
  if (!time) return std::nullopt;
  return absl::ToUnixMicros(*time);
}
inline std::optional<absl::Time> ParseTime(std::optional<int64_t> column) {
  if (!column) return std::nullopt;
  return absl::FromUnixMicros(*column);
}

// Microseconds; infinite: NULL.
inline std::optional<int64_t> DurationColumn(absl::Duration duration) {
  if (duration == absl::InfiniteDuration()) return std::nullopt;
  return absl::ToInt64Microseconds(duration);
}

}  // namespace cambrian
