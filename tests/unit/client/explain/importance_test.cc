#include "client/explain/importance.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/mixed_space.h"
#include "tests/unit/client/explain/synthetic.h"

namespace cambrian {
namespace {

using testing::Choices;
using testing::Draw;
using testing::Place;
using testing::Truth;

ImportanceReport Importance(const std::vector<Decision>& decisions,
                            const std::vector<EvaluatedTrial>& trials, bool maximize = true) {
  return ComputeImportance(decisions, trials, testing::ValuesOf(trials), maximize);
}

const DecisionImportance& Of(const ImportanceReport& report, size_t decision) {
  for (const DecisionImportance& importance : report.decisions) {
    if (importance.decision == decision) return importance;
  }
  ADD_FAILURE() << "no decision " << decision;
  return report.decisions.front();
}

// 0 give or take two deviations, which are no excuse: they are small.
void ExpectNothing(const DecisionImportance& importance) {
  for (const Spread& spread : {importance.alone, importance.together}) {
    EXPECT_LT(std::abs(spread.mean), 2 * spread.deviation + 0.005) << importance.decision;
    EXPECT_LT(std::abs(spread.mean), 0.05) << importance.decision;
    EXPECT_LT(spread.deviation, 0.1) << importance.decision;
  }
}

TEST(ImportanceTest, ADecisionThatAloneDecidesGetsAllOfIt) {
  const std::vector<Decision> decisions = Choices(6, 5);
  const ImportanceReport report =
      Importance(decisions, Draw(decisions, 300, 1, [](const Architecture& a, Random& random) {
                   return a.values[2] + 0.3 * random.Normal();
                 }));
  ASSERT_TRUE(report.enough);
  EXPECT_EQ(report.trials, 300);
  EXPECT_GT(report.r2, 0.85);
  ASSERT_EQ(report.decisions.size(), 6);
  EXPECT_EQ(report.decisions[0].decision, 2);
  EXPECT_NEAR(report.decisions[0].alone.mean, 1, 0.05);
  EXPECT_NEAR(report.decisions[0].together.mean, 1, 0.05);
  EXPECT_EQ(report.decisions[0].best, "e");
  EXPECT_EQ(report.decisions[0].worst, "a");
  EXPECT_NEAR(report.decisions[0].best_value, 4, 0.5);
  EXPECT_NEAR(report.decisions[0].worst_value, 0, 0.5);
  EXPECT_LT(report.interactions, 0.06);
  for (size_t d : {0, 1, 3, 4, 5}) ExpectNothing(Of(report, d));
}

TEST(ImportanceTest, SharesAreThoseOfTheVariance) {
  const std::vector<Decision> decisions = Choices(4, 4);
  // Of uniform steps 0 … 3 the variance is 1.25: 1.25 · (9 + 4 + 1).
  const ImportanceReport report =
      Importance(decisions, Draw(decisions, 1000, 2, [](const Architecture& a, Random&) {
                   return 3 * a.values[0] + 2 * a.values[1] + a.values[2];
                 }));
  EXPECT_GT(report.r2, 0.9);
  EXPECT_NEAR(Of(report, 0).alone.mean, 9.0 / 14, 0.05);
  EXPECT_NEAR(Of(report, 1).alone.mean, 4.0 / 14, 0.05);
  EXPECT_NEAR(Of(report, 2).alone.mean, 1.0 / 14, 0.03);
  ExpectNothing(Of(report, 3));
  EXPECT_THAT(report.decisions[0].decision, 0U);
  EXPECT_THAT(report.decisions[1].decision, 1U);
}

TEST(ImportanceTest, WhatMattersOnlyTogetherIsNotOverlooked) {
  const std::vector<Decision> decisions = Choices(4, 2);
  const ImportanceReport report =
      Importance(decisions, Draw(decisions, 400, 3, [](const Architecture& a, Random& random) {
                   return (a.values[0] == a.values[1] ? 1.0 : 0.0) + 0.1 * random.Normal();
                 }));
  for (const size_t d : {0, 1}) {
    EXPECT_LT(std::abs(Of(report, d).alone.mean), 0.1);
    EXPECT_GT(Of(report, d).together.mean, 0.85);
  }
  EXPECT_GT(report.interactions, 0.8);
  ExpectNothing(Of(report, 2));
}

TEST(ImportanceTest, NoiseIsSaidToBeNoise) {
  const std::vector<Decision> decisions = Choices(6, 5);
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const ImportanceReport report = Importance(
        decisions, Draw(decisions, 300, seed,
                        [](const Architecture&, Random& random) { return random.Normal(); }));
    EXPECT_LT(report.r2, 0.05) << seed;
  }
}

TEST(ImportanceTest, NeitherScaleNorOutliersDecide) {
  const std::vector<Decision> decisions = Choices(5, 3);
  const Truth truth = [](const Architecture& a, Random& random) {
    return a.values[0] + 0.2 * random.Normal();
  };
  std::vector<EvaluatedTrial> trials = Draw(decisions, 200, 4, truth);
  const ImportanceReport plain = Importance(decisions, trials);
  for (EvaluatedTrial& trial : trials) trial.values[0] = -std::exp(-5 * trial.values[0]);
  const ImportanceReport scaled = Importance(decisions, trials);
  EXPECT_EQ(plain.r2, scaled.r2);
  EXPECT_EQ(Of(plain, 0).alone.mean, Of(scaled, 0).alone.mean);
  for (EvaluatedTrial& trial : trials) trial.values[0] *= -1;
  EXPECT_NEAR(Importance(decisions, trials, /*maximize=*/false).r2, plain.r2, 1e-9);
}

TEST(ImportanceTest, AllKindsOfDecisions) {
  const auto space = testing::MixedSpace();
  const std::vector<Decision>& decisions = space->decisions();
  struct Case {
    const char* name;
    Truth truth;
  };
  const auto at = [&](const char* name) { return Place(decisions, name); };
  const size_t out = at("a.out");
  const size_t from = at("c.from");
  const size_t smoothing = at("label_smoothing");
  for (const auto& [name, truth] : std::vector<Case>{
           {"a.out", [=](const Architecture&a, Random&) { return a.values[out]; }},
           {"c.from",
            [=](const Architecture&a, Random&) { return a.values[from] == 2 ? 1.0 : 0.0; }},
           {"label_smoothing",
            [=](const Architecture&a, Random&) { return std::sin(15 * a.values[smoothing]); }}}) {
    const ImportanceReport report = Importance(decisions, Draw(*space, 400, 5, truth));
    EXPECT_EQ(report.decisions[0].decision, at(name)) << name;
    EXPECT_GT(report.decisions[0].alone.mean, 0.85) << name;
    EXPECT_GT(report.r2, 0.8) << name;
    for (size_t i = 1; i < report.decisions.size(); ++i) ExpectNothing(report.decisions[i]);
  }
}

// What opens a decision must not get its part, nor the other way round.
TEST(ImportanceTest, ADecisionThatDoesNotExistDoesNotStandInForItsCause) {
  const auto space = testing::MixedSpace();
  const std::vector<Decision>& decisions = space->decisions();
  const size_t parent = Place(decisions, "recipe.optimizer");
  const size_t child = Place(decisions, "sgd.lr");
  const ImportanceReport by_parent =
      Importance(decisions, Draw(*space, 400, 6, [=](const Architecture& a, Random& random) {
                   return a.values[parent] + 0.1 * random.Normal();
                 }));
  EXPECT_EQ(by_parent.decisions[0].decision, parent);
  EXPECT_GT(by_parent.decisions[0].alone.mean, 0.9);
  ExpectNothing(Of(by_parent, child));

  const ImportanceReport by_child =
      Importance(decisions, Draw(*space, 400, 7, [=](const Architecture& a, Random&) {
                   return a.Has(child) ? std::log(a.values[child]) : std::log(0.03);
                 }));
  EXPECT_EQ(by_child.decisions[0].decision, child);
  EXPECT_GT(Of(by_child, child).together.mean, 0.8);
  EXPECT_LT(Of(by_child, child).alone.mean, 0.8) << "half the time it does not exist";
}

TEST(ImportanceTest, TheSameTrialsGiveTheSameFigures) {
  const std::vector<Decision> decisions = Choices(6, 5);
  const auto trials = Draw(decisions, 100, 8, [](const Architecture& a, Random& random) {
    return a.values[0] + random.Normal();
  });
  const ImportanceReport a = Importance(decisions, trials);
  const ImportanceReport b = Importance(decisions, trials);
  EXPECT_EQ(a.r2, b.r2);
  for (size_t i = 0; i < a.decisions.size(); ++i) {
    EXPECT_EQ(a.decisions[i].together.mean, b.decisions[i].together.mean);
  }
}

TEST(ImportanceTest, FewTrialsSayNothing) {
  const std::vector<Decision> decisions = Choices(3, 3);
  const Truth truth = [](const Architecture& a, Random&) { return a.values[0]; };
  EXPECT_FALSE(Importance(decisions, {}).enough);
  EXPECT_FALSE(Importance(decisions, Draw(decisions, 19, 1, truth)).enough);
  EXPECT_TRUE(Importance(decisions, Draw(decisions, 20, 1, truth)).enough);
  EXPECT_FALSE(Importance(decisions,
                          Draw(decisions, 50, 1, [](const Architecture&, Random&) { return 7.0; }))
                   .enough);
}

TEST(ImportanceTest, ADecisionOfOneValueIsNoTrouble) {
  std::vector<Decision> decisions = Choices(3, 3);
  decisions[1].options = {"only"};
  const ImportanceReport report = Importance(
      decisions,
      Draw(decisions, 100, 1, [](const Architecture& a, Random&) { return a.values[0]; }));
  EXPECT_EQ(Of(report, 1).together.mean, 0);
  EXPECT_EQ(Of(report, 1).best, "");
}

}  // namespace
}  // namespace cambrian
