// What a running assignment says to whoever started it, and asks of it.
#pragma once

#include "absl/status/status.h"
#include "common/evaluator/protocol.h"

namespace cambrian {

// Called by the thread that trains.
class Control {
 public:
  virtual ~Control() = default;

  // Between two steps: waits while it is paused. \error kCancelled once it is to stop.
  virtual absl::Status Proceed() = 0;
  virtual void Report(const evaluator::Progress& progress) = 0;

  // Has the device to itself from Acquire to Release. \error kCancelled
  virtual absl::Status Acquire() = 0;
  virtual void Release() = 0;
};

}  // namespace cambrian
