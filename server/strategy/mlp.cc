#include "server/strategy/mlp.h"

#include <cmath>
#include <utility>

namespace cambrian {

using Weights = Eigen::Map<const Eigen::MatrixXd>;
using Biases = Eigen::Map<const Eigen::VectorXd>;

Mlp::Mlp(int inputs, int width, int depth, Random& random) {
  Eigen::Index in = inputs;
  Eigen::Index size = 0;
  for (int layer = 0; layer <= depth; ++layer) {
    const Eigen::Index out = layer == depth ? 1 : width;
    layers_.push_back({in, out, size});
    size += out * in + out;
    in = out;
  }
  parameters_ = Eigen::ArrayXd::Zero(size);
  for (const Layer& layer : layers_) {
    const double deviation = std::sqrt(2.0 / static_cast<double>(layer.in));
    for (Eigen::Index i = 0; i < layer.out * layer.in; ++i) {
      parameters_[layer.begin + i] = deviation * random.Normal();
    }
  }
}

std::vector<Eigen::MatrixXd> Mlp::Forward(const Eigen::MatrixXd& inputs) const {
  std::vector<Eigen::MatrixXd> activations = {inputs};
  for (const Layer& layer : layers_) {
    const double* const begin = parameters_.data() + layer.begin;
    Eigen::MatrixXd next = Weights(begin, layer.out, layer.in) * activations.back();
    next.colwise() += Biases(begin + layer.out * layer.in, layer.out);
    if (&layer != &layers_.back()) next = next.cwiseMax(0.0);
    activations.push_back(std::move(next));
  }
  return activations;
}

Eigen::VectorXd Mlp::Predict(const Eigen::MatrixXd& inputs) const {
  return Forward(inputs).back().row(0);
}

Eigen::ArrayXd Mlp::Backward(const std::vector<Eigen::MatrixXd>& activations,
                             const Eigen::VectorXd& by_output) const {
  Eigen::ArrayXd gradient(parameters_.size());
  Eigen::MatrixXd by_activation = by_output.transpose();
  for (size_t l = layers_.size(); l-- > 0;) {
    const Layer& layer = layers_[l];
    if (l + 1 < layers_.size()) {
      by_activation.array() *= (activations[l + 1].array() > 0).cast<double>();
    }
    double* const begin = gradient.data() + layer.begin;
    Eigen::Map<Eigen::MatrixXd>(begin, layer.out, layer.in) =
        by_activation * activations[l].transpose();
    Eigen::Map<Eigen::VectorXd>(begin + layer.out * layer.in, layer.out) =
        by_activation.rowwise().sum();
    if (l > 0) {
      by_activation = Weights(parameters_.data() + layer.begin, layer.out, layer.in).transpose() *
                      by_activation.eval();
    }
  }
  return gradient;
}

Loss RankingLoss(const Eigen::VectorXd& predictions, const Eigen::VectorXd& targets) {
  Loss loss{0, Eigen::VectorXd::Zero(predictions.size())};
  double pairs = 0;
  for (Eigen::Index i = 0; i < targets.size(); ++i) {
    for (Eigen::Index j = 0; j < targets.size(); ++j) {
      if (!(targets[i] > targets[j])) continue;
      const double gap = predictions[i] - predictions[j];
      // Without overflow on either side.
      loss.value += gap > 0 ? std::log1p(std::exp(-gap)) : std::log1p(std::exp(gap)) - gap;
      const double slope = -1 / (1 + std::exp(gap));
      loss.gradient[i] += slope;
      loss.gradient[j] -= slope;
      ++pairs;
    }
  }
  if (pairs > 0) {
    loss.value /= pairs;
    loss.gradient /= pairs;
  }
  return loss;
}

Loss SquaredLoss(const Eigen::VectorXd& predictions, const Eigen::VectorXd& targets) {
  const Eigen::VectorXd error = predictions - targets;
  const auto n = static_cast<double>(error.size());
  return {error.squaredNorm() / (2 * n), error / n};
}

}  // namespace cambrian
