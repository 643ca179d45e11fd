// Whether counts can be chance: tests that hold for few as for many.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace cambrian {

// How many of two groups have something: a 2 × 2 table. Plain data.
struct FourCounts {
  int64_t best_with = 0;
  int64_t best_without = 0;
  int64_t rest_with = 0;
  int64_t rest_without = 0;

  int64_t best() const { return best_with + best_without; }
  int64_t rest() const { return rest_with + rest_without; }
  // Of the odds of having it, best against rest; half a count is added to each (Haldane 1956).
  double LogOddsRatio() const;
  // Its standard error (Woolf 1955).
  double LogOddsError() const;
};

// The probability of counts at least as uneven in the same direction if it makes no difference to
// which group a trial belongs, times two: both directions were open (Fisher's exact test).
double FisherTest(const FourCounts& counts);

// The same of two tables whose odds ratios differ as much, if in truth the two are equal, whatever
// they are (Zelen, "The analysis of several 2 × 2 contingency tables", 1971).
double ZelenTest(const FourCounts& a, const FourCounts& b);

// Each p-value after as many tests (Holm 1979): the chance of any false one among those below a
// bound is at most that bound. `tests` ≥ p.size() counts those too that are not listed, for their
// p-values are larger.
std::vector<double> HolmAdjusted(absl::Span<const double> p, size_t tests);

}  // namespace cambrian
