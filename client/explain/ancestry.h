// Where a trial comes from: its parents, theirs, and what changed on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "common/nas/architecture.h"
#include "common/nas/origin.h"

namespace cambrian {

// What differs between two architectures; nothing where the decision does not exist.
struct DecisionChange {
  size_t decision = 0;
  std::optional<double> from;
  std::optional<double> to;
};

// In the space's order.
std::vector<DecisionChange> ChangesBetween(const Architecture& from, const Architecture& to);

// A trial as its study knows it. Plain data.
struct ProposedTrial {
  int64_t number = 0;
  Architecture architecture;
  std::optional<Origin> origin;  // nothing if its line cannot be read
};

// Null if there is none of that number.
using FindTrial = std::function<const ProposedTrial*(int64_t number)>;

struct AncestryStep {
  const ProposedTrial* trial = nullptr;
  const ProposedTrial* parent = nullptr;  // the next step; null for the founder
  const ProposedTrial* other = nullptr;   // of a crossover
  std::vector<DecisionChange> changes;    // from `parent`
};

struct Ancestry {
  std::vector<AncestryStep> line;  // the trial itself first, its founder last
  size_t ancestors = 0;            // of all lines
};

// Follows parents to the one that has none. Of a crossover's two the one that the child differs
// from in fewer decisions is followed, the first if both are alike; the other is named. A parent is
// older than its child. What `find` returns outlives the result.
Ancestry TraceAncestry(const ProposedTrial& trial, const FindTrial& find);

}  // namespace cambrian
