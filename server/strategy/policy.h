// Policies that emit an architecture decision by decision, for REINFORCE.
#pragma once

#include <memory>
#include <vector>

#include "Eigen/Core"
#include "common/base/random.h"
#include "common/nas/search_space.h"

namespace cambrian {

// The values of decisions as few choices: an option or an integer each; where there are more than
// kMostChoices of those or infinitely many, equal shares of the range (of its logarithm where so
// scaled). Immutable and thread-safe.
class DecisionChoices {
 public:
  static constexpr int kMostChoices = 16;

  // `space` outlives it.
  explicit DecisionChoices(const SearchSpace& space);

  size_t decisions() const { return counts_.size(); }
  int Count(size_t decision) const { return counts_[decision]; }
  int Of(size_t decision, double value) const;
  // A value of that choice; any one of a share.
  double Draw(size_t decision, int choice, Random& random) const;

 private:
  bool IsShared(size_t decision) const;

  const std::vector<Decision>& decisions_;
  std::vector<int> counts_;
};

// A decision that exists, and what was chosen.
struct PolicyStep {
  size_t decision = 0;
  int choice = 0;
};

// A distribution over architectures. Everything that it learns is one array. Deterministic; not
// thread-safe.
class Policy {
 public:
  // One walk down the decisions.
  class Walk {
   public:
    virtual ~Walk() = default;
    // Of each choice of the next decision that exists. Once for each.
    virtual Eigen::ArrayXd Probabilities(size_t decision) = 0;
    virtual void Choose(int choice) = 0;
  };

  virtual ~Policy() = default;
  virtual std::unique_ptr<Walk> Begin() const = 0;

  // −advantage · log π(steps) − entropy · Σ of each step's entropy: what is minimised.
  double Loss(const std::vector<PolicyStep>& steps, double advantage, double entropy) const;
  // Its gradient by the parameters.
  virtual Eigen::ArrayXd Gradient(const std::vector<PolicyStep>& steps, double advantage,
                                  double entropy) const = 0;

  Eigen::ArrayXd& parameters() { return parameters_; }
  const Eigen::ArrayXd& parameters() const { return parameters_; }

 protected:
  Eigen::ArrayXd parameters_;
};

// Logits of each decision, independent of the others.
std::unique_ptr<Policy> NewLogitsPolicy(const DecisionChoices& choices);

// An LSTM that reads the embedding of each choice before it emits the next (Zoph and Le
// 2017); logits are kTanh · tanh(x / kTemperature) (Bello et al. 2017). `choices` outlives it.
struct LstmSizes {
  int units = 100;
  int embedding = 32;
};
std::unique_ptr<Policy> NewLstmPolicy(const DecisionChoices& choices, LstmSizes sizes,
                                      Random& random);

}  // namespace cambrian
