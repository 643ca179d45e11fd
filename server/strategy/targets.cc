#include "server/strategy/targets.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace cambrian {
namespace {

constexpr double kTop = 0.1;  // added to the distance: how far the best stand out
constexpr double kClip = 3;   // below the median, in units of best − median
constexpr double kAugmented = 0.05;

}  // namespace

Warp::Warp(absl::Span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  best_ = sorted.back();
  unit_ = best_ - sorted[sorted.size() / 2];
  if (unit_ <= 0) unit_ = best_ - sorted.front();  // more than half are the best
  if (unit_ <= 0) return;
  double sum = 0;
  double squares = 0;
  for (const double value : values) {
    const double target = (*this)(value);
    sum += target;
    squares += target * target;
  }
  const auto n = static_cast<double>(values.size());
  mean_ = sum / n;
  deviation_ = std::sqrt(std::max(squares / n - mean_ * mean_, 1e-12));
}

double Warp::operator()(double value) const {
  if (unit_ <= 0) return 0;
  const double distance = std::clamp((best_ - value) / unit_, 0.0, 1 + kClip);
  return (-std::log(distance + kTop) - mean_) / deviation_;
}

double Warp::Value(double target) const {
  return best_ - unit_ * (std::exp(-(target * deviation_ + mean_)) - kTop);
}

double Warp::Slope(double target) const {
  return unit_ * deviation_ * std::exp(-(target * deviation_ + mean_));
}

std::vector<double> RandomWeights(size_t objectives, Random& random) {
  std::vector<double> weights;
  if (objectives < 2) return weights;
  for (size_t k = 0; k < objectives; ++k) weights.push_back(-std::log(1 - random.Uniform()));
  const double sum = std::accumulate(weights.begin(), weights.end(), 1e-12);
  for (double& weight : weights) weight = std::max(weight / sum, 1e-3);
  return weights;
}

Chebyshev::Chebyshev(const std::vector<const std::vector<double>*>& outcomes,
                     std::vector<double> weights)
    : weights_(std::move(weights)), low_(*outcomes[0]), range_(*outcomes[0]) {
  for (const std::vector<double>* const values : outcomes) {
    for (size_t k = 0; k < low_.size(); ++k) {
      low_[k] = std::min(low_[k], (*values)[k]);
      range_[k] = std::max(range_[k], (*values)[k]);
    }
  }
  for (size_t k = 0; k < low_.size(); ++k) range_[k] -= low_[k];
}

double Chebyshev::operator()(absl::Span<const double> values) const {
  double least = 0;
  double sum = 0;
  for (size_t k = 0; k < weights_.size(); ++k) {
    const double v = range_[k] > 0 ? (values[k] - low_[k]) / range_[k] : 1;
    // As a loss, so that the best of each objective is 0.
    const double loss = weights_[k] * (1 - v);
    least = std::max(least, loss);
    sum += loss;
  }
  return -least - kAugmented * sum;
}

}  // namespace cambrian
