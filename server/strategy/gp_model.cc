#include "server/strategy/gp_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace cambrian {
namespace {

// Length scales in units of the mean distance between random architectures. A longer grid lets ten
// observations choose badly.
constexpr double kLengths[] = {0.5, 1, 2};
constexpr double kNoises[] = {0.01, 0.05};

std::vector<double> Known(const std::vector<std::optional<double>>& values,
                          const std::vector<bool>& feasible, bool only_feasible) {
  std::vector<double> known;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] && (feasible[i] || !only_feasible)) known.push_back(*values[i]);
  }
  return known;
}

Warp MakeWarp(const std::vector<std::optional<double>>& values, const std::vector<bool>& feasible) {
  std::vector<double> known = Known(values, feasible, true);
  if (known.empty()) known = Known(values, feasible, false);
  return Warp(known);
}

}  // namespace

void EncodedTrials::Update(const std::vector<ToldTrial>& trials) {
  // Trials are dropped or come last: what stays is in the same order.
  std::vector<Eigen::Index> stay;
  for (size_t i = 0; i < numbers_.size(); ++i) {
    if (stay.size() < trials.size() && numbers_[i] == trials[stay.size()].trial) {
      stay.push_back(static_cast<Eigen::Index>(i));
    }
  }
  const size_t same = stay.size();
  if (same == numbers_.size() && same == trials.size()) return;
  const Eigen::MatrixXd between = distances_(stay, stay);
  std::vector<Encoded> encoded;
  for (const Eigen::Index i : stay) encoded.push_back(std::move(encoded_[static_cast<size_t>(i)]));
  encoded_ = std::move(encoded);
  numbers_.clear();
  for (const ToldTrial& told : trials) numbers_.push_back(told.trial);
  distances_.resize(static_cast<Eigen::Index>(trials.size()),
                    static_cast<Eigen::Index>(trials.size()));
  distances_.topLeftCorner(between.rows(), between.cols()) = between;
  for (size_t i = same; i < trials.size(); ++i) {
    encoded_.push_back(distance_.Encode(trials[i].architecture));
    const auto row = static_cast<Eigen::Index>(i);
    for (size_t j = 0; j < i; ++j) {
      const auto column = static_cast<Eigen::Index>(j);
      distances_(row, column) = distances_(column, row) = distance_(encoded_[i], encoded_[j]);
    }
    distances_(row, row) = 0;
  }
}

std::vector<std::optional<double>> Scalarised(const std::vector<ToldTrial>& trials,
                                              const std::vector<double>& weights) {
  std::vector<std::optional<double>> values(trials.size());
  std::vector<const std::vector<double>*> known;
  for (const ToldTrial& told : trials) {
    if (!told.outcome.values.empty()) known.push_back(&told.outcome.values);
  }
  if (known.empty()) return values;
  const Chebyshev chebyshev(known, weights);
  for (size_t i = 0; i < trials.size(); ++i) {
    const std::vector<double>& each = trials[i].outcome.values;
    if (!each.empty()) values[i] = weights.empty() ? each[0] : chebyshev(each);
  }
  return values;
}

GpModel::GpModel(const std::vector<std::unique_ptr<EncodedTrials>>& trials,
                 const std::vector<std::optional<double>>& values,
                 const std::vector<bool>& feasible, int more)
    : warp_(MakeWarp(values, feasible)) {
  const auto n = static_cast<Eigen::Index>(values.size());
  targets_ = Eigen::VectorXd::Zero(n);  // without a result: nothing better or worse than the mean
  labels_ = Eigen::VectorXd::Constant(n, -1);
  merits_.resize(n);
  best_ = -std::numeric_limits<double>::infinity();
  for (Eigen::Index i = 0; i < n; ++i) {
    const auto& value = values[static_cast<size_t>(i)];
    if (value) targets_[i] = warp_(*value);
    const bool good = value && feasible[static_cast<size_t>(i)];
    // Warped values lie within ten deviations of the mean.
    merits_[i] = good ? targets_[i] : value ? targets_[i] - 1e3 : -1e6;
    if (good) {
      labels_[i] = 1;
      best_ = std::max(best_, targets_[i]);
    }
    any_feasible_ = any_feasible_ || good;
    all_feasible_ = all_feasible_ && good;
  }
  hyper_ = Fit(trials);
  const Eigen::MatrixXd kernel = (-hyper_.trials->distances() / hyper_.length).array().exp();
  process_.emplace(kernel, hyper_.noise, more);
  weights_ = process_->Weights(targets_);
  scale_ = process_->Scale(targets_);
  if (!all_feasible_) {
    label_weights_ = process_->Weights(labels_);
    label_scale_ = process_->Scale(labels_);
  }
}

std::vector<Eigen::Index> GpModel::Fitted() const {
  // Beyond kMostFitted: the best half of them, and an even share of the others.
  std::vector<Eigen::Index> chosen(static_cast<size_t>(targets_.size()));
  std::iota(chosen.begin(), chosen.end(), 0);
  if (targets_.size() > kMostFitted) {
    std::stable_sort(chosen.begin(), chosen.end(),
                     [&](Eigen::Index a, Eigen::Index b) { return merits_[a] > merits_[b]; });
    const size_t half = kMostFitted / 2;
    const size_t others = chosen.size() - half;
    for (size_t i = 0; i < half; ++i) chosen[half + i] = chosen[half + i * others / half];
    chosen.resize(kMostFitted);
  }
  return chosen;
}

GpModel::Hyperparameters GpModel::Fit(
    const std::vector<std::unique_ptr<EncodedTrials>>& trials) const {
  const std::vector<Eigen::Index> chosen = Fitted();
  const Eigen::VectorXd targets = targets_(chosen);
  const Eigen::VectorXd labels = labels_(chosen);
  Hyperparameters likeliest;
  double most = -std::numeric_limits<double>::infinity();
  for (const auto& each : trials) {
    const Eigen::MatrixXd between = each->distances()(chosen, chosen);
    for (const double length : kLengths) {
      const Eigen::MatrixXd kernel = (-between / length).array().exp();
      for (const double noise : kNoises) {
        const GaussianProcess process(kernel, noise);
        double likelihood = process.LogLikelihood(targets);
        if (!all_feasible_) likelihood += process.LogLikelihood(labels);
        if (likelihood <= most) continue;
        most = likelihood;
        likeliest = {each.get(), length, noise};
      }
    }
  }
  return likeliest;
}

Eigen::VectorXd GpModel::Kernel(const Encoded& point) const {
  const std::vector<Encoded>& told = hyper_.trials->encoded();
  const ArchitectureDistance& distance = hyper_.trials->distance();
  Eigen::VectorXd kernel(static_cast<Eigen::Index>(told.size() + believed_.size()));
  Eigen::Index row = 0;
  for (const Encoded& each : told) kernel[row++] = distance(point, each);
  for (const Encoded& each : believed_) kernel[row++] = distance(point, each);
  return (-kernel / hyper_.length).array().exp();
}

void GpModel::Believe(const Architecture& architecture) {
  Encoded point = hyper_.trials->distance().Encode(architecture);
  process_->Add(Kernel(point));
  believed_.push_back(std::move(point));
}

GpModel::Glance GpModel::Look(const Architecture& architecture) const {
  Glance glance;
  glance.kernel = Kernel(hyper_.trials->distance().Encode(architecture));
  glance.at_most.mean = glance.kernel.head(weights_.size()).dot(weights_);
  // One point alone leaves no less doubt than all together.
  const double most = glance.kernel.maxCoeff();
  const double variance = std::max(0.0, 1 - most * most / (1 + hyper_.noise));
  glance.at_most.deviation = std::sqrt(variance * scale_);
  return glance;
}

GpModel::Expectation GpModel::Expect(const Glance& glance) const {
  Expectation expectation;
  const double variance = process_->Variance(glance.kernel);
  expectation.mean = glance.at_most.mean;
  expectation.deviation = std::sqrt(variance * scale_);
  if (!all_feasible_) {
    const double mean = glance.kernel.head(label_weights_.size()).dot(label_weights_);
    const double spread = std::sqrt((variance + hyper_.noise) * label_scale_);
    expectation.feasible = NormalProbability(mean / spread);
  }
  return expectation;
}

}  // namespace cambrian
