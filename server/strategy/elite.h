// The best of all trials that were told, at most so many, best first.
#pragma once

#include <vector>

#include "server/strategy/told_trial.h"

namespace cambrian {

// In order of merit: feasible before infeasible before no result, then front, then crowding, then
// the older one. With one objective exactly the best; with several a trial that was dropped once
// does not come back when others leave a gap, so keep more than are needed. Not thread-safe.
class Elite {
 public:
  explicit Elite(size_t capacity) : capacity_(capacity) {}

  // One objective: O(capacity). Several: a sort of all fronts.
  void Insert(ToldTrial trial);

  const std::vector<ToldTrial>& trials() const { return trials_; }

  // Takes over what trials() of another one was. \error kInvalidArgument if that is too many.
  absl::Status Assign(std::vector<ToldTrial> trials);

 private:
  size_t capacity_;
  std::vector<ToldTrial> trials_;
};

}  // namespace cambrian
