// Results as what a model learns: one number for each, in a scale that suits a Gaussian.
#pragma once

#include <vector>

#include "Eigen/Core"
#include "absl/types/span.h"
#include "common/base/random.h"

namespace cambrian {

// Values, larger is better, by their distance from the best: −log(distance + a tenth), in units of
// the distance from the best to the median. Scores that saturate, as accuracies do, differ least
// where it counts most; this spreads the top. What lies below median − 3·(best − median) is clipped
// first; the result has mean 0 and deviation 1. Equal values: all 0.
class Warp {
 public:
  // At least one value.
  explicit Warp(absl::Span<const double> values);

  double operator()(double value) const;
  // Back, and the slope there: how much one unit of the model is in the values' own.
  double Value(double target) const;
  double Slope(double target) const;

 private:
  double best_ = 0;
  double unit_ = 0;  // best − median; 0: all values are equal
  double mean_ = 0;
  double deviation_ = 1;
};

// Positive weights for so many objectives, uniform over those whose sum is 1. None if there are
// fewer than two.
std::vector<double> RandomWeights(size_t objectives, Random& random);

// A way to look at several objectives as one: the augmented Chebyshev sum of values that `Range`
// scales to [0, 1] (Knowles 2006, ParEGO): min wₖ·vₖ + 0.05·Σ wₖ·vₖ. Larger is better.
class Chebyshev {
 public:
  // `outcomes`: values by objective, at least one. `weights` by objective, positive.
  Chebyshev(const std::vector<const std::vector<double>*>& outcomes, std::vector<double> weights);

  double operator()(absl::Span<const double> values) const;

 private:
  std::vector<double> weights_;
  std::vector<double> low_;
  std::vector<double> range_;
};

}  // namespace cambrian
