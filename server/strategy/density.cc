#include "server/strategy/density.h"

#include <algorithm>
#include <cmath>

#include "common/nas/space_rules.h"

namespace cambrian {
namespace {

constexpr double kReach = 3;           // standard deviations of the window
constexpr double kMinSigma = 0.5;      // bins
constexpr double kFinestShare = 0.01;  // of the range, however many trials there are

}  // namespace

ValueBins::ValueBins(const Decision& decision)
    : decision_(&decision),
      ordered_(decision.kind != Decision::Kind::kCategorical || decision.ordered) {
  const uint64_t count = ValueCount(decision);
  shares_ = decision.kind != Decision::Kind::kCategorical &&
            (count == 0 || count > kMaxBins || decision.log_scale);
  size_ = shares_ ? kMaxBins : count;
  if (shares_ && count != 0) size_ = std::min<uint64_t>(size_, count);
}

size_t ValueBins::Of(double value) const {
  const Decision& d = *decision_;
  if (!shares_) return std::min<size_t>(IndexOf(d, value), size_ - 1);
  if (!(d.high > d.low)) return 0;
  const double share = d.log_scale ? std::log(value / d.low) / std::log(d.high / d.low)
                                   : (value - d.low) / (d.high - d.low);
  const double bin = std::clamp(share, 0.0, 1.0) * static_cast<double>(size_);
  return std::min(static_cast<size_t>(bin), size_ - 1);
}

double ValueBins::At(double position) const {
  const Decision& d = *decision_;
  const double last = static_cast<double>(size_) - 1;
  if (!shares_) {
    return ValueAt(d, static_cast<uint64_t>(std::clamp(std::floor(position), 0.0, last)));
  }
  const double share = std::clamp(position / static_cast<double>(size_), 0.0, 1.0);
  const double value =
      d.log_scale ? d.low * std::pow(d.high / d.low, share) : d.low + (d.high - d.low) * share;
  if (d.kind == Decision::Kind::kReal) return std::clamp(value, d.low, d.high);
  return ValueAt(d, std::min(IndexOf(d, value), ValueCount(d) - 1));
}

Density::Density(const ValueBins& bins, const std::vector<int64_t>& counts) : bins_(&bins) {
  for (const int64_t count : counts) total_ += static_cast<double>(count);
  if (bins.ordered()) {
    SetWindow(counts);
  } else {
    prior_ = std::min(static_cast<double>(bins.size()), kMaxPrior);
    window_ = {1};
  }
  const size_t reach = window_.size() - 1;
  const size_t n = counts.size();
  padded_.resize(n + 2 * reach);
  for (size_t i = 0; i < n; ++i) padded_[reach + i] = static_cast<double>(counts[i]);
  for (size_t i = 0; i < reach; ++i) {
    padded_[reach - 1 - i] = static_cast<double>(counts[i]);
    padded_[reach + n + i] = static_cast<double>(counts[n - 1 - i]);
  }
}

void Density::SetWindow(const std::vector<int64_t>& counts) {
  double sum = 0;
  double squares = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double x = static_cast<double>(i);
    sum += x * static_cast<double>(counts[i]);
    squares += x * x * static_cast<double>(counts[i]);
  }
  const double size = static_cast<double>(counts.size());
  const double mean = total_ > 0 ? sum / total_ : 0;
  const double spread = total_ > 0 ? std::sqrt(std::max(0.0, squares / total_ - mean * mean)) : 0;
  // Scott's rule; never finer than the number of observations can tell.
  const double scott = 1.06 * spread * std::pow(std::max(total_, 1.0), -0.2);
  const double finest = std::max(kMinSigma, size * std::max(kFinestShare, 1 / (1 + total_)));
  sigma_ = std::min(std::max(scott, finest), std::max(kMinSigma, size / 4));
  const size_t reach = std::min(static_cast<size_t>(std::ceil(kReach * sigma_)), counts.size() - 1);
  double mass = 0;
  for (size_t i = 0; i <= reach; ++i) {
    const double z = static_cast<double>(i) / sigma_;
    window_.push_back(std::exp(-0.5 * z * z));
    mass += (i == 0 ? 1 : 2) * window_.back();
  }
  for (double& tap : window_) tap /= mass;
}

double Density::Log(size_t bin) const {
  const size_t middle = bin + window_.size() - 1;
  double seen = window_[0] * padded_[middle];
  for (size_t i = 1; i < window_.size(); ++i) {
    seen += window_[i] * (padded_[middle - i] + padded_[middle + i]);
  }
  const double even = prior_ / static_cast<double>(bins_->size());
  return std::log((seen + even) / (total_ + prior_));
}

double Density::Draw(Random& random) const {
  const double size = static_cast<double>(bins_->size());
  double left = random.Uniform() * (total_ + prior_) - prior_;
  if (left < 0) return bins_->At(random.Uniform() * size);
  size_t bin = 0;
  for (const size_t reach = window_.size() - 1; bin + 1 < bins_->size(); ++bin) {
    left -= padded_[reach + bin];
    if (left < 0) break;
  }
  double position = static_cast<double>(bin) + random.Uniform();
  if (sigma_ > 0) position = std::abs(position + sigma_ * random.Normal());
  if (position > size) position = std::max(0.0, 2 * size - position);
  return bins_->At(std::min(position, std::nextafter(size, 0.0)));
}

}  // namespace cambrian
