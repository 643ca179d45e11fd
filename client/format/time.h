// Times: local and short for people, UTC ISO 8601 for programs.
#pragma once

#include <string>

#include "absl/time/time.h"

namespace cambrian {

// "1:52", "2:03:07", "3 d 04:00": whole seconds.
std::string FormatElapsed(absl::Duration duration);
// How long a thing took that may be short: "0.23 s", "9.80 s", from ten seconds on as above.
std::string FormatTook(absl::Duration duration);
// "12:04:31", in `zone`.
std::string FormatClock(absl::Time time, absl::TimeZone zone);
// "12:04" today, "3 May 12:04" this year, "2024-05-03" else.
std::string FormatWhen(absl::Time time, absl::Time now, absl::TimeZone zone);
// "2024-05-03T10:04:31.123Z".
std::string FormatUtc(absl::Time time);

}  // namespace cambrian
