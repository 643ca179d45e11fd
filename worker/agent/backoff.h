// How long to wait before the next attempt.
#pragma once

#include <algorithm>

#include "absl/time/time.h"
#include "common/base/random.h"

namespace cambrian {

// Doubles from `first` to `most`, each wait drawn between half of that and all of it, so that many
// workers do not come back at once. Not thread-safe.
class Backoff {
 public:
  Backoff(absl::Duration first, absl::Duration most, uint64_t seed)
      : first_(first), most_(most), random_(seed), next_(first) {}

  absl::Duration Next() {
    const absl::Duration wait = next_ * (0.5 + 0.5 * random_.Uniform());
    next_ = std::min(most_, 2 * next_);
    return wait;
  }
  void Reset() { next_ = first_; }

 private:
  const absl::Duration first_;
  const absl::Duration most_;
  Random random_;
  absl::Duration next_;
};

}  // namespace cambrian
