#include "client/format/time.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_format.h"

namespace cambrian {

std::string FormatElapsed(absl::Duration duration) {
  if (duration == absl::InfiniteDuration()) return "∞";
  if (duration < absl::ZeroDuration()) duration = absl::ZeroDuration();
  const int64_t seconds = absl::ToInt64Seconds(duration + absl::Milliseconds(500));
  const int64_t minutes = seconds / 60;
  const int64_t hours = minutes / 60;
  if (hours >= 24) return absl::StrFormat("%d d %02d:%02d", hours / 24, hours % 24, minutes % 60);
  if (hours > 0) return absl::StrFormat("%d:%02d:%02d", hours, minutes % 60, seconds % 60);
  return absl::StrFormat("%d:%02d", minutes, seconds % 60);
}

std::string FormatTook(absl::Duration duration) {
  const double seconds = std::max(0.0, absl::ToDoubleSeconds(duration));
  return seconds < 9.995 ? absl::StrFormat("%.2f s", seconds) : FormatElapsed(duration);
}

std::string FormatClock(absl::Time time, absl::TimeZone zone) {
  return absl::FormatTime("%H:%M:%S", time, zone);
}

std::string FormatWhen(absl::Time time, absl::Time now, absl::TimeZone zone) {
  const absl::CivilDay day = absl::ToCivilDay(time, zone);
  const absl::CivilDay today = absl::ToCivilDay(now, zone);
  if (day == today) return absl::FormatTime("%H:%M", time, zone);
  if (day.year() == today.year()) return absl::FormatTime("%-d %b %H:%M", time, zone);
  return absl::FormatTime("%Y-%m-%d", time, zone);
}

std::string FormatUtc(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

}  // namespace cambrian
