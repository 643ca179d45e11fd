// What a model learns from: the trials that were told, bounded, and those that are pending.
#pragma once

#include <vector>

#include "server/strategy/told_trial.h"

namespace cambrian {

// Every trial while there are at most kMost; beyond, the best and some others, which stay a fair
// sample of the rest: those whose numbers hash lowest. Not thread-safe.
class Observations {
 public:
  static constexpr size_t kMost = 500;
  static constexpr size_t kBest = 300;

  void Add(int64_t trial, const Architecture& architecture);
  // Whether the trial was pending.
  bool Tell(int64_t trial, const Outcome& outcome);

  // Added so far.
  int64_t added() const { return added_; }
  // Changes with each Tell.
  int64_t told() const { return told_; }
  // In the order of the tells. A result that is not finite is none.
  const std::vector<ToldTrial>& trials() const { return trials_; }
  const PendingTrials& pending() const { return pending_; }

  // As an object, and back. \error kInvalidArgument
  nlohmann::json ToJson() const;
  absl::Status Restore(const SearchSpace& space, const nlohmann::json& json);

 private:
  void Drop();

  std::vector<ToldTrial> trials_;
  PendingTrials pending_;
  int64_t added_ = 0;
  int64_t told_ = 0;
};

}  // namespace cambrian
