#include "server/strategy/mlp.h"

#include <cmath>

#include "gtest/gtest.h"
#include "server/strategy/adam.h"

namespace cambrian {
namespace {

// Largest difference between a gradient and finite differences, relative to the gradient's size.
template <typename Value>
double Off(const Eigen::ArrayXd& gradient, Eigen::ArrayXd& at, const Value& value) {
  constexpr double kStep = 1e-6;
  double off = 0;
  for (Eigen::Index i = 0; i < at.size(); ++i) {
    const double before = at[i];
    at[i] = before + kStep;
    const double above = value();
    at[i] = before - kStep;
    const double below = value();
    at[i] = before;
    off = std::max(off, std::abs((above - below) / (2 * kStep) - gradient[i]));
  }
  return off / gradient.abs().maxCoeff();
}

Eigen::MatrixXd RandomMatrix(Eigen::Index rows, Eigen::Index columns, Random& random) {
  Eigen::MatrixXd matrix(rows, columns);
  for (Eigen::Index i = 0; i < matrix.size(); ++i) matrix.data()[i] = random.Normal();
  return matrix;
}

class MlpTest
    : public ::testing::TestWithParam<Loss (*)(const Eigen::VectorXd&, const Eigen::VectorXd&)> {};

TEST_P(MlpTest, GradientsAreThoseOfFiniteDifferences) {
  Random random(5);
  Mlp network(4, 6, 3, random);
  for (double& parameter : network.parameters()) parameter += 0.1 * random.Normal();  // biases too
  const Eigen::MatrixXd inputs = RandomMatrix(4, 7, random);
  const Eigen::VectorXd targets = RandomMatrix(7, 1, random);
  const Eigen::ArrayXd gradient = network.Gradient(inputs, [&](const Eigen::VectorXd& outputs) {
    return GetParam()(outputs, targets).gradient;
  });
  EXPECT_LT(Off(gradient, network.parameters(),
                [&] { return GetParam()(network.Predict(inputs), targets).value; }),
            1e-5);
}

INSTANTIATE_TEST_SUITE_P(Losses, MlpTest, ::testing::Values(&RankingLoss, &SquaredLoss),
                         [](const auto& info) { return info.index == 0 ? "Ranking" : "Squared"; });

TEST(LossTest, RankingSeesOrderAlone) {
  const Eigen::Vector3d targets(1, 2, 3);
  const double right = RankingLoss(Eigen::Vector3d(10, 20, 30), targets).value;
  EXPECT_LT(right, 1e-4);
  EXPECT_GT(RankingLoss(Eigen::Vector3d(30, 20, 10), targets).value, 10);
  EXPECT_NEAR(RankingLoss(Eigen::Vector3d(0, 0, 0), targets).value, std::log(2.0), 1e-12);
  EXPECT_EQ(RankingLoss(Eigen::Vector3d(1, 2, 3), Eigen::Vector3d(4, 4, 4)).value, 0);
  EXPECT_TRUE(std::isfinite(RankingLoss(Eigen::Vector3d(1e4, 0, -1e4), targets).value));
}

TEST(AdamTest, FindsTheBottomOfABowl) {
  Eigen::ArrayXd at(2);
  at << 3, -2;
  Adam adam(0.1);
  for (int step = 0; step < 300; ++step) {
    Eigen::ArrayXd gradient(2);
    gradient << 2 * (at[0] - 1), 200 * (at[1] - 1);
    adam.Step(gradient, at);
  }
  EXPECT_NEAR(at[0], 1, 1e-2);
  EXPECT_NEAR(at[1], 1, 1e-2);
}

TEST(AdamTest, TheFirstStepIsTheRateWhateverTheScale) {
  Eigen::ArrayXd at = Eigen::ArrayXd::Zero(2);
  Eigen::ArrayXd gradient(2);
  gradient << 1000, -0.001;
  Adam(0.1).Step(gradient, at);
  EXPECT_NEAR(at[0], -0.1, 1e-4);
  EXPECT_NEAR(at[1], 0.1, 1e-4);
}

}  // namespace
}  // namespace cambrian
