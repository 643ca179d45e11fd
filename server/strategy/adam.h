// Adam (Kingma and Ba 2015).
#pragma once

#include <cmath>

#include "Eigen/Core"

namespace cambrian {

// Climbs down one array of parameters. Deterministic; not thread-safe.
class Adam {
 public:
  explicit Adam(double rate) : rate_(rate) {}

  void Step(const Eigen::ArrayXd& gradient, Eigen::ArrayXd& parameters) {
    if (steps_ == 0) {
      mean_ = Eigen::ArrayXd::Zero(parameters.size());
      square_ = Eigen::ArrayXd::Zero(parameters.size());
    }
    ++steps_;
    mean_ = kMean * mean_ + (1 - kMean) * gradient;
    square_ = kSquare * square_ + (1 - kSquare) * gradient.square();
    const double mean_scale = 1 / (1 - std::pow(kMean, steps_));
    const double square_scale = 1 / (1 - std::pow(kSquare, steps_));
    parameters -= rate_ * mean_scale * mean_ / ((square_scale * square_).sqrt() + 1e-8);
  }

  // For snapshots: what it has gathered.
  int64_t steps() const { return steps_; }
  const Eigen::ArrayXd& mean() const { return mean_; }
  const Eigen::ArrayXd& square() const { return square_; }
  void Restore(int64_t steps, Eigen::ArrayXd mean, Eigen::ArrayXd square) {
    steps_ = steps;
    mean_ = std::move(mean);
    square_ = std::move(square);
  }

 private:
  static constexpr double kMean = 0.9;
  static constexpr double kSquare = 0.999;

  double rate_;
  int64_t steps_ = 0;
  Eigen::ArrayXd mean_;
  Eigen::ArrayXd square_;
};

}  // namespace cambrian
