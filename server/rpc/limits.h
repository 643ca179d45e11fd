// How much one caller may ask for. What is over a limit is refused with a text that names it.
#pragma once

#include <cstdint>

namespace cambrian {

struct Limits {
  int64_t message_bytes = 4 << 20;  // one message of a caller's
  int64_t study_bytes = 1 << 20;    // a study file
  int64_t artifact_bytes = int64_t{16} << 30;
  int64_t trials = 1'000'000;        // of one study's budget
  int64_t open_studies = 1'000;      // of one tenant, about: two at once may both be the last
  double calls_per_second = 10'000;  // of one token; 0: no limit
};

}  // namespace cambrian
