// A word on a terminal about what takes its time.
#pragma once

#include "absl/strings/string_view.h"

namespace cambrian {

// While it lives, a line on stderr says what is being done; then the line is gone. Nothing in a
// pipe.
class Busy {
 public:
  Busy(absl::string_view what, bool enabled);
  ~Busy();
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  const bool shown_;
};

}  // namespace cambrian
