// The server's log: lines on stderr, as text or JSON, each with the study, trial and attempt that
// it is about.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace cambrian {

// Makes spdlog's default logger ours. `format` is "text" or "json", `level` one of "debug", "info",
// "warn", "error". A line of JSON is an object with "time" (RFC 3339, UTC), "level", "message" and,
// where it is about one, "study" (text), "trial" and "attempt" (numbers; an attempt is its token).
// \error kInvalidArgument. Call it before there are threads.
absl::Status SetUpLog(absl::string_view format, absl::string_view level);

// What this thread's lines are about while it lives; within another one, it adds to it.
//
//   const LogFields about("fashion-1", 17, token);
//   spdlog::warn("the lease ran out");   // … the lease ran out study=fashion-1 trial=17 attempt=40
class LogFields {
 public:
  // 0: not about a trial, or an attempt.
  explicit LogFields(absl::string_view study, int64_t trial = 0, int64_t attempt = 0);
  ~LogFields();
  LogFields(const LogFields&) = delete;
  LogFields& operator=(const LogFields&) = delete;

  struct Values {
    std::string study;
    int64_t trial = 0;
    int64_t attempt = 0;
  };
  // This thread's.
  static const Values& Current();

 private:
  Values outer_;
};

}  // namespace cambrian
