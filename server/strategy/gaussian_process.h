// Gaussian process regression with a given kernel (Rasmussen and Williams 2006, algorithm 2.1).
#pragma once

#include <vector>

#include "Eigen/Core"

namespace cambrian {

// The Cholesky factor of a kernel matrix with noise, which grows by a row at a time, and by it the
// posterior of any number of targets over the same points. The prior has mean 0; its variance is
// the kernel's times `Scale`. Everything is a function of what went in: no cache, no randomness.
// Not thread-safe.
class GaussianProcess {
 public:
  // `kernel` [n, n]: ones on the diagonal, positive semidefinite; noise > 0, in units of the
  // prior's variance. Room for `more` rows.
  GaussianProcess(const Eigen::MatrixXd& kernel, double noise, int more = 0);

  int size() const { return size_; }
  double noise() const { return noise_; }

  // One more point: its kernel with those before it, [size()].
  void Add(const Eigen::VectorXd& kernel);

  // (K + noise)⁻¹ targets: what the mean is made of.
  Eigen::VectorXd Weights(const Eigen::VectorXd& targets) const;

  // The prior's variance under which the targets are likeliest.
  double Scale(const Eigen::VectorXd& targets) const;

  // The log likelihood of the targets under that scale, up to a constant.
  double LogLikelihood(const Eigen::VectorXd& targets) const;

  // The variance of the function where its kernel with the points is `kernel` [size()], in units of
  // the prior's; from 0.
  double Variance(const Eigen::VectorXd& kernel) const;

 private:
  auto Factor() const { return factor_.topLeftCorner(size_, size_); }

  int size_;
  double noise_;
  Eigen::MatrixXd factor_;  // lower triangle; [size + room]²
};

// E[max(0, y − best)] of a normal y (Jones et al. 1998). deviation ≥ 0.
double ExpectedImprovement(double mean, double deviation, double best);

// The standard normal's distribution function.
double NormalProbability(double z);

}  // namespace cambrian
