// A small multilayer perceptron with one output, and what it is trained for.
#pragma once

#include <vector>

#include "Eigen/Core"
#include "common/base/random.h"

namespace cambrian {

// `depth` hidden layers of `width` rectified units. Everything that it learns is one array.
// Deterministic; not thread-safe.
class Mlp {
 public:
  // Weights from a normal of variance 2 / inputs (He et al. 2015), no biases.
  Mlp(int inputs, int width, int depth, Random& random);

  // [inputs, n] → [n].
  Eigen::VectorXd Predict(const Eigen::MatrixXd& inputs) const;

  // The gradient by the parameters of any loss whose gradient by the outputs, [n], is
  // `by_output(outputs)`.
  template <typename ByOutput>
  Eigen::ArrayXd Gradient(const Eigen::MatrixXd& inputs, const ByOutput& by_output) const {
    const std::vector<Eigen::MatrixXd> activations = Forward(inputs);
    const Eigen::VectorXd outputs = activations.back().row(0);
    return Backward(activations, by_output(outputs));
  }

  Eigen::ArrayXd& parameters() { return parameters_; }

 private:
  struct Layer {
    Eigen::Index in = 0;
    Eigen::Index out = 0;
    Eigen::Index begin = 0;  // [out, in] weights, then [out] biases
  };

  // The inputs, then what leaves each layer.
  std::vector<Eigen::MatrixXd> Forward(const Eigen::MatrixXd& inputs) const;
  Eigen::ArrayXd Backward(const std::vector<Eigen::MatrixXd>& activations,
                          const Eigen::VectorXd& by_output) const;

  std::vector<Layer> layers_;
  Eigen::ArrayXd parameters_;
};

// A loss of predictions given targets, and its gradient by the predictions.
struct Loss {
  double value = 0;
  Eigen::VectorXd gradient;
};

// Mean over the pairs with different targets of log(1 + e^−gap), the gap being by how much the
// better one is predicted above the other (Burges et al. 2005).
Loss RankingLoss(const Eigen::VectorXd& predictions, const Eigen::VectorXd& targets);

// Half the mean of the squares. Of targets that are logarithms of distances (Warp), this is the
// relative error of those.
Loss SquaredLoss(const Eigen::VectorXd& predictions, const Eigen::VectorXd& targets);

}  // namespace cambrian
