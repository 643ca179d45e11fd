#include "server/strategy/policy.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/testing/spaces.h"

namespace cambrian {
namespace {

constexpr char kNumbers[] = R"(
parameters:
  width: {range: [8, 12]}
  wide: {range: [1, 1000]}
  rate: {range: [0.001, 1.0], scale: log}
network:
  - linear: {out: $width + $wide}
  - dropout: {rate: 0.5 * $rate}
  - choose: {plain: relu, deep: {linear: {out: 2 * $width}}}
    name: more
  - head
)";

class PolicyTest : public ::testing::TestWithParam<bool> {
 protected:
  PolicyTest() : space_(testing::Builtin("nasbench201")), choices_(*space_) {
    Random random(3);
    if (GetParam()) {
      policy_ = NewLstmPolicy(choices_, {/*units=*/5, /*embedding=*/3}, random);
    } else {
      policy_ = NewLogitsPolicy(choices_);
    }
    for (double& parameter : policy_->parameters()) parameter = 0.6 * random.Normal();
  }

  const std::shared_ptr<const SearchSpace> space_;
  const DecisionChoices choices_;
  std::unique_ptr<Policy> policy_;
  // Decisions 1 and 4 do not exist.
  const std::vector<PolicyStep> steps_ = {{0, 3}, {2, 0}, {3, 4}, {5, 1}};
};

TEST_P(PolicyTest, GradientsAreThoseOfFiniteDifferences) {
  constexpr double kAdvantage = 0.7;
  constexpr double kEntropy = 0.3;
  const Eigen::ArrayXd gradient = policy_->Gradient(steps_, kAdvantage, kEntropy);
  constexpr double kStep = 1e-6;
  for (Eigen::Index i = 0; i < gradient.size(); ++i) {
    double& parameter = policy_->parameters()[i];
    const double before = parameter;
    parameter = before + kStep;
    const double above = policy_->Loss(steps_, kAdvantage, kEntropy);
    parameter = before - kStep;
    const double below = policy_->Loss(steps_, kAdvantage, kEntropy);
    parameter = before;
    ASSERT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-7) << i;
  }
}

TEST_P(PolicyTest, ProbabilitiesAddUpToOne) {
  const auto walk = policy_->Begin();
  for (size_t d = 0; d < choices_.decisions(); ++d) {
    const Eigen::ArrayXd p = walk->Probabilities(d);
    EXPECT_EQ(p.size(), 5);
    EXPECT_NEAR(p.sum(), 1, 1e-12);
    EXPECT_GT(p.minCoeff(), 0);
    walk->Choose(1);
  }
}

TEST_P(PolicyTest, TheLossIsTheLogProbability) {
  double log_probability = 0;
  const auto walk = policy_->Begin();
  for (const PolicyStep& step : steps_) {
    log_probability += std::log(walk->Probabilities(step.decision)[step.choice]);
    walk->Choose(step.choice);
  }
  EXPECT_NEAR(policy_->Loss(steps_, 2, 0), -2 * log_probability, 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Kinds, PolicyTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Lstm" : "Logits"; });

TEST(LstmPolicyTest, WhatWasChosenBeforeCounts) {
  const auto space = testing::Builtin("nasbench201");
  const DecisionChoices choices(*space);
  Random random(3);
  const auto policy = NewLstmPolicy(choices, {}, random);
  const auto second = [&](int first) {
    const auto walk = policy->Begin();
    walk->Probabilities(0);
    walk->Choose(first);
    return walk->Probabilities(1);
  };
  EXPECT_FALSE(second(0).isApprox(second(3), 1e-9));
}

TEST(DecisionChoicesTest, NumbersBecomeFewChoicesAndBack) {
  const testing::ReadSpace read = testing::Read(kNumbers);
  ASSERT_NE(read.space, nullptr) << read.errors;
  const DecisionChoices choices(*read.space);
  Random random(1);
  for (size_t d = 0; d < choices.decisions(); ++d) {
    const Decision& decision = read.space->decisions()[d];
    if (decision.name == "width") {
      EXPECT_EQ(choices.Count(d), 5);
    }
    if (decision.name == "wide" || decision.name == "rate") {
      EXPECT_EQ(choices.Count(d), 16);
    }
    for (int choice = 0; choice < choices.Count(d); ++choice) {
      for (int draw = 0; draw < 20; ++draw) {
        const double value = choices.Draw(d, choice, random);
        if (decision.kind != Decision::Kind::kCategorical) {
          EXPECT_GE(value, decision.low);
          EXPECT_LE(value, decision.high);
        }
        EXPECT_NEAR(choices.Of(d, value), choice, decision.name == "wide" ? 1 : 0);
      }
    }
  }
}

}  // namespace
}  // namespace cambrian
