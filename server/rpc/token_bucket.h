// So many a second, with a burst.
#pragma once

#include <algorithm>

#include "absl/time/time.h"

namespace cambrian {

// Holds at most `rate` tokens (at least one), refilled `rate` a second. Pure; not thread-safe.
class TokenBucket {
 public:
  TokenBucket(double rate, absl::Duration now)
      : rate_(rate), size_(std::max(1.0, rate)), tokens_(size_), filled_(now) {}

  // Whether there was a token. `now` is monotonic.
  bool Take(absl::Duration now) {
    tokens_ = std::min(size_, tokens_ + rate_ * absl::ToDoubleSeconds(now - filled_));
    filled_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  const double rate_;
  const double size_;
  double tokens_;
  absl::Duration filled_;
};

}  // namespace cambrian
