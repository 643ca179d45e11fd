// What the best trials prefer against the rest: values of decisions, and pairs of them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "client/explain/exact_test.h"
#include "client/explain/trials.h"
#include "common/nas/architecture.h"

namespace cambrian {

// Those that are compared with the rest.
struct BestGroup {
  std::vector<bool> best;  // by trial
  size_t size = 0;
  double threshold = 0;  // the worst of their values
};

inline constexpr size_t kLeastBest = 5;

// The best tenth, five at least. Trials that are as good as its last one belong to it unless it
// then were more than a fifth; then none of them do. `size` is 0 if that leaves fewer than five, or
// fewer than three times as many others.
BestGroup BestTenth(absl::Span<const double> values, bool maximize);

// A decision with a value, or so many members of a set.
struct ValueOf {
  size_t decision = 0;
  std::string label;
};

struct Preference {
  std::vector<ValueOf> values;  // one, or two of different decisions
  FourCounts counts;            // of the trials in which the decisions exist
  bool preferred = false;       // by the best; else avoided
  double p = 1;                 // after as many tests

  // The share of the best that has it, and of the rest.
  double BestShare() const;
  double RestShare() const;
  // By how much the first is larger; half a count is added to each.
  double Lift() const;
};

struct PreferenceReport {
  std::vector<Preference> values;  // the most certain first
  std::vector<Preference> pairs;
  size_t tested_values = 0;
  size_t tested_pairs = 0;
  bool pairs_skipped = false;  // there were too many to count
};

inline constexpr double kLevelOfChance = 0.05;
inline constexpr int64_t kLeastCount = 5;  // trials with a value, and without

// Values that the best have more or less often than the rest by Fisher's exact test; numbers in at
// most six ranges, of sets whether they have a member. A pair counts beyond what its two values
// alone give: it must pass Fisher's test itself, and Zelen's exact test that the one value's odds
// differ with the other; its p is the larger of the two (a test of the union; Berger 1982). Both
// lists after Holm: with chance alone, either has an entry in at most one of twenty studies. Tests
// take trials for independent, which those of one search are not: what goes along with a good
// parent looks preferred, too.
//
// Only what is in at least kLeastCount trials, and missing in as many, is tested. O(trials ·
// decisions²).
PreferenceReport FindPreferences(const std::vector<Decision>& decisions,
                                 absl::Span<const EvaluatedTrial> trials,
                                 const std::vector<bool>& best);

}  // namespace cambrian
