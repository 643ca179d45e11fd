// How often the values of one decision occur among trials, as a probability that lends some of what
// it saw to values that it did not see (Parzen windows, Bergstra et al. 2011).
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/random.h"
#include "common/nas/architecture.h"

namespace cambrian {

// A decision's values in bins: one for each option or integer, or, where there are more than
// kMaxBins of those or infinitely many, equal shares of the range (of its logarithm where so
// scaled). Immutable.
class ValueBins {
 public:
  static constexpr size_t kMaxBins = 128;

  // `decision` outlives it.
  explicit ValueBins(const Decision& decision);

  size_t size() const { return size_; }
  // Neighbouring bins are alike: numbers.
  bool ordered() const { return ordered_; }

  size_t Of(double value) const;
  // The value at `position`, from 0 to size(): any of its bin for a share of a range.
  double At(double position) const;

 private:
  const Decision* decision_;
  bool ordered_;
  bool shares_;  // bins are shares of the range
  size_t size_;
};

// The density over the bins for given counts. What is ordered spreads over its neighbours by a
// Gaussian window as wide as the counts' spread and number ask for, reflected at the ends, and one
// more observation lies evenly over all; options get one more each, or kMaxPrior among them. A
// snapshot of the counts. Not thread-safe.
class Density {
 public:
  // `bins` outlives it. `counts` by bin.
  Density(const ValueBins& bins, const std::vector<int64_t>& counts);

  // The natural logarithm of the bin's probability.
  double Log(size_t bin) const;

  // A value of the decision.
  double Draw(Random& random) const;

 private:
  static constexpr double kMaxPrior = 16;

  void SetWindow(const std::vector<int64_t>& counts);

  const ValueBins* bins_;
  double total_ = 0;  // of counts
  double prior_ = 1;  // observations that lie evenly over all bins
  double sigma_ = 0;  // of the window, in bins; 0: no window
  // Taps of the window from the middle to one side.
  std::vector<double> window_;
  // The counts, with as many mirrored ones at either end as the window reaches.
  std::vector<double> padded_;
};

}  // namespace cambrian
