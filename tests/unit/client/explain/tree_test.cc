#include "client/explain/tree.h"

#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/explain/synthetic.h"

namespace cambrian {
namespace {

struct Grown {
  std::vector<Levels> levels;
  LevelColumns columns;
  RegressionTree tree;
};

Grown Grow(const std::vector<Decision>& decisions, const std::vector<EvaluatedTrial>& trials) {
  std::vector<Levels> levels = LevelsOf(decisions, 16);
  LevelColumns columns(decisions.size());
  for (size_t d = 0; d < decisions.size(); ++d) {
    for (const EvaluatedTrial& trial : trials) {
      columns[d].push_back(static_cast<uint16_t>(levels[d].Of(trial.architecture.values[d])));
    }
  }
  std::vector<uint32_t> rows(trials.size());
  std::iota(rows.begin(), rows.end(), 0);
  Random random(1);
  RegressionTree tree =
      RegressionTree::Grow(levels, columns, testing::ValuesOf(trials), std::move(rows), random);
  return {std::move(levels), std::move(columns), std::move(tree)};
}

TEST(RegressionTreeTest, LearnsWhatHasNoNoise) {
  const auto decisions = testing::Choices(3, 3);
  const auto trials = testing::Draw(decisions, 300, 1, [](const Architecture& a, Random&) {
    return a.values[0] == 1 ? 10 + a.values[2] : a.values[1];
  });
  const Grown grown = Grow(decisions, trials);
  for (size_t i = 0; i < trials.size(); ++i) {
    EXPECT_NEAR(grown.tree.Predict(grown.columns, i), trials[i].values[0], 1e-9);
  }
  EXPECT_EQ(grown.tree.Predict({1, 0, 2}), 12);
}

TEST(RegressionTreeTest, ALeafHasThreeRows) {
  const auto decisions = testing::Choices(2, 4);
  const testing::Truth truth = [](const Architecture&, Random& random) { return random.Uniform(); };
  const auto trials = testing::Draw(decisions, 5, 1, truth);
  const Grown grown = Grow(decisions, trials);
  const std::vector<double> values = testing::ValuesOf(trials);
  EXPECT_NEAR(grown.tree.Predict(grown.columns, 0),
              std::accumulate(values.begin(), values.end(), 0.0) / 5, 1e-12);
  EXPECT_FALSE(grown.tree.Uses(0));
}

// Against the mean over every architecture, one by one.
TEST(RegressionTreeTest, MarginalsAreMeansOverTheWholeSpace) {
  const auto decisions = testing::Choices(4, 3);
  const auto trials = testing::Draw(decisions, 120, 2, [](const Architecture& a, Random& random) {
    return a.values[0] * a.values[1] + (a.values[2] == 1 ? 1.0 : 0.0) + random.Normal();
  });
  const Grown grown = Grow(decisions, trials);
  const RegressionTree::Marginals marginals = grown.tree.ComputeMarginals(grown.levels);
  std::vector<std::vector<double>> sums(4, std::vector<double>(3));
  double sum = 0;
  for (int i = 0; i < 81; ++i) {
    const LevelRow row = {static_cast<uint16_t>(i / 27), static_cast<uint16_t>(i / 9 % 3),
                          static_cast<uint16_t>(i / 3 % 3), static_cast<uint16_t>(i % 3)};
    const double predicted = grown.tree.Predict(row);
    sum += predicted;
    for (size_t d = 0; d < 4; ++d) sums[d][row[d]] += predicted;
  }
  EXPECT_NEAR(marginals.mean, sum / 81, 1e-9);
  for (size_t d = 0; d < 4; ++d) {
    for (size_t level = 0; level < 3; ++level) {
      EXPECT_NEAR(marginals.by_level[d][level], sums[d][level] / 27, 1e-9) << d << " " << level;
    }
  }
}

}  // namespace
}  // namespace cambrian
