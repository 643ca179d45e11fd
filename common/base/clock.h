// Time, handed in wherever it is needed, so that tests and simulations own it.
#pragma once

#include "absl/time/time.h"

namespace cambrian {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time: for people and for the store.
  virtual absl::Time Now() const = 0;
  // Time since an arbitrary start that never jumps: for leases, timers and durations.
  virtual absl::Duration Monotonic() const = 0;

  // The machine's clock; lives for ever.
  static const Clock& System();
};

}  // namespace cambrian
