// The model behind the strategy `gp`: what is expected of architectures, after the trials so far.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "Eigen/Core"
#include "server/strategy/encoding.h"
#include "server/strategy/gaussian_process.h"
#include "server/strategy/observations.h"
#include "server/strategy/targets.h"

namespace cambrian {

// Trials as one distance sees them, kept from one ask to the next since most stay. What it holds is
// a function of the trials alone. Not thread-safe.
class EncodedTrials {
 public:
  // `space` outlives it.
  EncodedTrials(const SearchSpace& space, Likeness likeness) : distance_(space, likeness) {}

  const ArchitectureDistance& distance() const { return distance_; }
  void Update(const std::vector<ToldTrial>& trials);

  const std::vector<Encoded>& encoded() const { return encoded_; }
  // [n, n]
  const Eigen::MatrixXd& distances() const { return distances_; }

 private:
  const ArchitectureDistance distance_;
  std::vector<int64_t> numbers_;
  std::vector<Encoded> encoded_;
  Eigen::MatrixXd distances_;
};

// One number for each trial to be climbed, larger is better; nothing for one without a result.
// `weights` by objective if there are several, else empty.
std::vector<std::optional<double>> Scalarised(const std::vector<ToldTrial>& trials,
                                              const std::vector<double>& weights);

// A Gaussian process over the trials' warped values, and one over whether they were feasible on the
// same points. Its distance, length scale and noise are the likeliest of a small grid, by at most
// kMostFitted of the trials. Pending work enters as if its result were what is expected (kriging
// believer): that leaves every mean as it is and takes the doubt away. Not thread-safe.
class GpModel {
 public:
  static constexpr int kMostFitted = 150;

  // `trials`: the same ones by each distance, at least one; they outlive it. At least one value.
  // Room for `more` believed points.
  GpModel(const std::vector<std::unique_ptr<EncodedTrials>>& trials,
          const std::vector<std::optional<double>>& values, const std::vector<bool>& feasible,
          int more);

  void Believe(const Architecture& architecture);

  // What is expected at a point, in units of the model.
  struct Expectation {
    double mean = 0;
    double deviation = 0;
    double feasible = 1;  // probability
  };
  // What can be said at once: the mean, with no less doubt than there is.
  struct Glance {
    Eigen::VectorXd kernel;  // with all points
    Expectation at_most;
  };
  Glance Look(const Architecture& architecture) const;
  Expectation Expect(const Glance& glance) const;

  // By trial: its value in the model's units, lower for infeasible ones than for any other.
  const Eigen::VectorXd& merits() const { return merits_; }
  // By trial: its value alone; the mean without one.
  const Eigen::VectorXd& targets() const { return targets_; }
  const Warp& warp() const { return warp_; }
  double best() const { return best_; }
  bool any_feasible() const { return any_feasible_; }

 private:
  struct Hyperparameters {
    const EncodedTrials* trials = nullptr;
    double length = 1;
    double noise = 0.05;
  };
  Hyperparameters Fit(const std::vector<std::unique_ptr<EncodedTrials>>& trials) const;
  // By at most kMostFitted trials.
  std::vector<Eigen::Index> Fitted() const;
  Eigen::VectorXd Kernel(const Encoded& point) const;

  Warp warp_;
  Eigen::VectorXd targets_;
  Eigen::VectorXd merits_;
  Eigen::VectorXd labels_;  // 1 feasible, -1 not
  bool any_feasible_ = false;
  bool all_feasible_ = true;
  double best_ = 0;

  Hyperparameters hyper_;
  std::optional<GaussianProcess> process_;
  Eigen::VectorXd weights_;
  Eigen::VectorXd label_weights_;
  double scale_ = 1;
  double label_scale_ = 1;
  std::vector<Encoded> believed_;
};

}  // namespace cambrian
