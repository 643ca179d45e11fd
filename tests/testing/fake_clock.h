// A clock that a test moves.
#pragma once

#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace cambrian::testing {

// Thread-safe.
class FakeClock : public Clock {
 public:
  absl::Time Now() const override {
    MutexLock lock(&mutex_);
    return absl::FromUnixSeconds(1'700'000'000) + passed_;
  }
  absl::Duration Monotonic() const override {
    MutexLock lock(&mutex_);
    return passed_;
  }
  void Advance(absl::Duration duration) {
    MutexLock lock(&mutex_);
    passed_ += duration;
  }

 private:
  mutable Mutex mutex_;
  absl::Duration passed_ ABSL_GUARDED_BY(mutex_) = absl::Seconds(1);
};

}  // namespace cambrian::testing
