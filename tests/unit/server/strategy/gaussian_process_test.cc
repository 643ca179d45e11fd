#include "server/strategy/gaussian_process.h"

#include <cmath>

#include "Eigen/LU"
#include "common/base/random.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

constexpr double kNoise = 0.05;

// Points on a line under exp(−|x − y|).
Eigen::MatrixXd Kernel(const Eigen::VectorXd& a, const Eigen::VectorXd& b) {
  Eigen::MatrixXd kernel(a.size(), b.size());
  for (Eigen::Index i = 0; i < a.size(); ++i) {
    for (Eigen::Index j = 0; j < b.size(); ++j) kernel(i, j) = std::exp(-std::abs(a[i] - b[j]));
  }
  return kernel;
}

class GaussianProcessTest : public ::testing::Test {
 protected:
  GaussianProcessTest() : points_(8), targets_(8) {
    Random random(3);
    for (Eigen::Index i = 0; i < 8; ++i) {
      points_[i] = 5 * random.Uniform();
      targets_[i] = random.Normal();
    }
    noisy_ = Kernel(points_, points_) + kNoise * Eigen::MatrixXd::Identity(8, 8);
  }

  Eigen::VectorXd points_;
  Eigen::VectorXd targets_;
  Eigen::MatrixXd noisy_;
};

TEST_F(GaussianProcessTest, IsWhatTheInverseOfTheKernelSays) {
  const GaussianProcess process(Kernel(points_, points_), kNoise);
  const Eigen::MatrixXd inverse = noisy_.inverse();
  EXPECT_TRUE(process.Weights(targets_).isApprox(inverse * targets_, 1e-9));
  const Eigen::VectorXd at = Kernel(points_, Eigen::VectorXd::Constant(1, 2.5)).col(0);
  EXPECT_NEAR(process.Variance(at), 1 - at.dot(inverse * at), 1e-9);
  const double scale = targets_.dot(inverse * targets_) / 8;
  EXPECT_NEAR(process.Scale(targets_), scale, 1e-9);
  // The density at that scale, without its constant.
  EXPECT_NEAR(process.LogLikelihood(targets_),
              -0.5 * 8 * std::log(scale) - 0.5 * std::log(noisy_.determinant()), 1e-9);
}

TEST_F(GaussianProcessTest, RowByRowItIsTheSame) {
  const GaussianProcess whole(Kernel(points_, points_), kNoise);
  GaussianProcess grown(Kernel(points_.head(3), points_.head(3)), kNoise, /*more=*/2);
  for (Eigen::Index i = 3; i < 8; ++i) {  // beyond its room
    grown.Add(Kernel(points_.head(i), points_.segment(i, 1)).col(0));
  }
  EXPECT_EQ(grown.size(), 8);
  EXPECT_TRUE(grown.Weights(targets_).isApprox(whole.Weights(targets_), 1e-9));
  const Eigen::VectorXd at = Kernel(points_, Eigen::VectorXd::Constant(1, 1.5)).col(0);
  EXPECT_NEAR(grown.Variance(at), whole.Variance(at), 1e-9);
}

TEST_F(GaussianProcessTest, ThePointItselfTwiceIsNoTrouble) {
  GaussianProcess process(Kernel(points_, points_), 1e-9);
  process.Add(Kernel(points_, points_.head(1)).col(0));
  Eigen::VectorXd targets(9);
  targets << targets_, targets_[0];
  EXPECT_TRUE(process.Weights(targets).allFinite());
}

TEST(ExpectedImprovementTest, IsTheIntegral) {
  // By the trapezoid rule.
  const double mean = 0.3;
  const double deviation = 0.7;
  const double best = 0.9;
  double sum = 0;
  constexpr double kStep = 1e-4;
  for (double y = best; y < mean + 9 * deviation; y += kStep) {
    const double z = (y - mean) / deviation;
    sum += (y - best) * std::exp(-0.5 * z * z) / deviation / std::sqrt(2 * M_PI) * kStep;
  }
  EXPECT_NEAR(ExpectedImprovement(mean, deviation, best), sum, 1e-6);
}

TEST(ExpectedImprovementTest, WithoutDoubtItIsTheGain) {
  EXPECT_EQ(ExpectedImprovement(2, 0, 1.5), 0.5);
  EXPECT_EQ(ExpectedImprovement(1, 0, 1.5), 0);
  EXPECT_GE(ExpectedImprovement(-50, 0.1, 0), 0);
}

}  // namespace
}  // namespace cambrian
