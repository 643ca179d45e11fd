// What a model learns from: the trials that were told, bounded, and those that are pending.
#pragma once

#include <vector>

#include "absl/types/span.h"
#include "server/strategy/told_trial.h"

namespace cambrian {

// Every trial while there are at most kMost; beyond, with every tenth result, the best and some
// others, which stay a fair sample of the rest: those whose numbers hash lowest. Not thread-safe.
class Observations {
 public:
  static constexpr size_t kMost = 500;
  static constexpr size_t kBest = 300;
  static constexpr int64_t kRound = 10;

  void Add(int64_t trial, const Architecture& architecture);
  // Whether the trial was pending.
  bool Tell(int64_t trial, const Outcome& outcome);

  // Added so far.
  int64_t added() const { return added_; }
  // Results so far, and at the end of the last round of ten.
  int64_t told() const { return told_; }
  int64_t settled() const { return told_ - told_ % kRound; }
  // In the order of the tells. A result that is not finite is none.
  const std::vector<ToldTrial>& trials() const { return trials_; }
  // Those that were told by the end of that round: the same until the next one ends.
  absl::Span<const ToldTrial> Settled() const;
  const PendingTrials& pending() const { return pending_; }

  // As an object, and back. \error kInvalidArgument
  nlohmann::json ToJson() const;
  absl::Status Restore(const SearchSpace& space, const nlohmann::json& json);

 private:
  // What is more than kMost.
  void Drop();

  std::vector<ToldTrial> trials_;
  PendingTrials pending_;
  int64_t added_ = 0;
  int64_t told_ = 0;
};

}  // namespace cambrian
