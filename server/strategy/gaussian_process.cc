#include "server/strategy/gaussian_process.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "Eigen/Cholesky"

namespace cambrian {
namespace {

constexpr double kLeastVariance = 1e-12;

}  // namespace

GaussianProcess::GaussianProcess(const Eigen::MatrixXd& kernel, double noise, int more)
    : size_(static_cast<int>(kernel.rows())),
      noise_(noise),
      factor_(Eigen::MatrixXd::Zero(size_ + more, size_ + more)) {
  Eigen::MatrixXd noisy = kernel;
  noisy.diagonal().array() += noise;
  factor_.topLeftCorner(size_, size_) = noisy.llt().matrixL();
}

void GaussianProcess::Add(const Eigen::VectorXd& kernel) {
  Eigen::VectorXd row = kernel;
  Factor().triangularView<Eigen::Lower>().solveInPlace(row);
  if (size_ == factor_.rows()) {
    factor_.conservativeResize(2 * size_ + 1, 2 * size_ + 1);
  }
  factor_.row(size_).head(size_) = row.transpose();
  factor_(size_, size_) = std::sqrt(std::max(1 + noise_ - row.squaredNorm(), kLeastVariance));
  ++size_;
}

Eigen::VectorXd GaussianProcess::Weights(const Eigen::VectorXd& targets) const {
  Eigen::VectorXd weights = targets;
  Factor().triangularView<Eigen::Lower>().solveInPlace(weights);
  Factor().transpose().triangularView<Eigen::Upper>().solveInPlace(weights);
  return weights;
}

double GaussianProcess::Scale(const Eigen::VectorXd& targets) const {
  const Eigen::VectorXd half = Factor().triangularView<Eigen::Lower>().solve(targets);
  return std::max(half.squaredNorm() / size_, kLeastVariance);
}

double GaussianProcess::LogLikelihood(const Eigen::VectorXd& targets) const {
  return -0.5 * size_ * std::log(Scale(targets)) - Factor().diagonal().array().log().sum();
}

double GaussianProcess::Variance(const Eigen::VectorXd& kernel) const {
  const Eigen::VectorXd half = Factor().triangularView<Eigen::Lower>().solve(kernel);
  return std::max(0.0, 1 - half.squaredNorm());
}

double NormalProbability(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

double ExpectedImprovement(double mean, double deviation, double best) {
  const double gain = mean - best;
  if (deviation <= 0) return std::max(gain, 0.0);
  const double z = gain / deviation;
  const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
  return std::max(0.0, gain * NormalProbability(z) + deviation * density);
}

}  // namespace cambrian
