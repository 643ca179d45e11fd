#include "client/explain/preference.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/mixed_space.h"
#include "tests/unit/client/explain/synthetic.h"

namespace cambrian {
namespace {

using testing::Choices;
using testing::Draw;
using ::testing::IsEmpty;
using testing::Place;
using ::testing::SizeIs;
using testing::Truth;
using testing::ValuesOf;

PreferenceReport Preferences(const std::vector<Decision>& decisions,
                             const std::vector<EvaluatedTrial>& trials) {
  return FindPreferences(decisions, trials, BestTenth(ValuesOf(trials), true).best);
}

TEST(BestTenthTest, IsATenth) {
  std::vector<double> values;
  for (int i = 0; i < 200; ++i) values.push_back(i);
  const BestGroup group = BestTenth(values, true);
  EXPECT_EQ(group.size, 20);
  EXPECT_EQ(group.threshold, 180);
  EXPECT_TRUE(group.best[180]);
  EXPECT_FALSE(group.best[179]);
  EXPECT_EQ(BestTenth(values, false).threshold, 19);
}

TEST(BestTenthTest, FiveAreTheLeast) {
  EXPECT_EQ(BestTenth(std::vector<double>(19, 1.0), true).size, 0);
  std::vector<double> values(20, 0.0);
  for (int i = 0; i < 5; ++i) values[i] = 10 + i;
  EXPECT_EQ(BestTenth(values, true).size, 5);
}

TEST(BestTenthTest, TiesAreInOrOutTogether) {
  std::vector<double> values(100);
  for (int i = 0; i < 100; ++i) values[i] = i < 8 ? 2 : i < 14 ? 1 : 0;
  EXPECT_EQ(BestTenth(values, true).size, 14);  // no more than a fifth
  for (int i = 14; i < 60; ++i) values[i] = 1;
  EXPECT_EQ(BestTenth(values, true).size, 8);
  EXPECT_EQ(BestTenth(values, true).threshold, 2);
  for (int i = 4; i < 8; ++i) values[i] = 1;
  EXPECT_EQ(BestTenth(values, true).size, 0);  // four are too few to be compared
}

TEST(PreferenceTest, FindsTheValuesThatMakeTheBest) {
  const std::vector<Decision> decisions = Choices(5, 4);
  const PreferenceReport report = Preferences(
      decisions, Draw(decisions, 300, 1, [](const Architecture& a, Random& random) {
        return (a.values[1] == 2 ? 2.0 : 0.0) - (a.values[3] == 0 ? 3.0 : 0.0) + random.Normal();
      }));
  ASSERT_GE(report.values.size(), 2U);
  EXPECT_EQ(report.values[0].values[0].decision, 1U);
  EXPECT_EQ(report.values[0].values[0].label, "c");
  EXPECT_TRUE(report.values[0].preferred);
  EXPECT_GT(report.values[0].Lift(), 2);
  const auto avoided = std::find_if(report.values.begin(), report.values.end(),
                                    [](const Preference& p) { return !p.preferred; });
  // d1's others are avoided as well; d3's "a" must be among them.
  ASSERT_NE(avoided, report.values.end());
  EXPECT_TRUE(std::any_of(avoided, report.values.end(), [](const Preference& p) {
    return p.values[0].decision == 3 && p.values[0].label == "a" && !p.preferred;
  }));
  for (const Preference& p : report.values) {
    EXPECT_LE(p.p, kLevelOfChance);
    EXPECT_THAT(p.values[0].decision, ::testing::AnyOf(1U, 3U));
  }
}

TEST(PreferenceTest, FindsAPairThatCountsOnlyTogether) {
  const std::vector<Decision> decisions = Choices(6, 5);
  const PreferenceReport report =
      Preferences(decisions, Draw(decisions, 400, 2, [](const Architecture& a, Random& random) {
                    return (a.values[0] == 1 && a.values[4] == 3 ? 3.0 : 0.0) + random.Normal();
                  }));
  ASSERT_THAT(report.pairs, SizeIs(::testing::Ge(1U)));
  const Preference& pair = report.pairs[0];
  EXPECT_TRUE(pair.preferred);
  EXPECT_EQ(pair.values[0].decision, 0U);
  EXPECT_EQ(pair.values[0].label, "b");
  EXPECT_EQ(pair.values[1].decision, 4U);
  EXPECT_EQ(pair.values[1].label, "d");
}

TEST(PreferenceTest, APairOfTwoGoodValuesIsNoNews) {
  const std::vector<Decision> decisions = Choices(4, 3);
  int found = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    // Each multiplies the odds of being among the best, whatever the other one is.
    const auto trials = Draw(decisions, 1000, seed, [](const Architecture& a, Random& random) {
      const double logit = (a.values[0] == 1 ? 1.5 : 0.0) + (a.values[1] == 1 ? 1.5 : 0.0);
      return 1 / (1 + std::exp(-(logit - 3.5))) > random.Uniform() ? 1 + random.Uniform()
                                                                   : random.Uniform();
    });
    std::vector<bool> best;
    for (const EvaluatedTrial& trial : trials) best.push_back(trial.values[0] >= 1);
    const PreferenceReport report = FindPreferences(decisions, trials, best);
    EXPECT_GE(report.values.size(), 2U);
    found += static_cast<int>(report.pairs.size());
  }
  EXPECT_LE(found, 2);
}

TEST(PreferenceTest, ShuffledResultsPreferNothing) {
  const std::vector<Decision> decisions = Choices(6, 5);
  int values = 0;
  int pairs = 0;
  constexpr int kStudies = 200;
  for (uint64_t seed = 1; seed <= kStudies; ++seed) {
    const PreferenceReport report = Preferences(
        decisions, Draw(decisions, 200, seed,
                        [](const Architecture&, Random& random) { return random.Uniform(); }));
    values += report.values.empty() ? 0 : 1;
    pairs += report.pairs.empty() ? 0 : 1;
    EXPECT_EQ(report.tested_values, 30U);
  }
  // One of twenty is what the tests allow; 18 of 200 is three deviations above.
  EXPECT_LE(values, 18);
  EXPECT_LE(pairs, 18);
}

TEST(PreferenceTest, RareValuesAreNotTested) {
  const std::vector<Decision> decisions = Choices(1, 2);
  std::vector<EvaluatedTrial> trials =
      Draw(decisions, 100, 1, [](const Architecture&, Random& random) { return random.Uniform(); });
  for (size_t i = 0; i < trials.size(); ++i) {
    trials[i].architecture.values[0] = i < 4 ? 1 : 0;
    trials[i].values[0] = i < 4 ? 2 : trials[i].values[0];
  }
  const PreferenceReport report = Preferences(decisions, trials);
  EXPECT_EQ(report.tested_values, 0U);
  EXPECT_THAT(report.values, IsEmpty());
}

TEST(PreferenceTest, SetsAreComparedByTheirMembersAndNumbersByRanges) {
  const auto space = testing::MixedSpace();
  const std::vector<Decision>& decisions = space->decisions();
  const size_t from = Place(decisions, "c.from");
  const auto& options = decisions[from].options;
  const auto by_set =
      Preferences(decisions, Draw(*space, 400, 3, [&](const Architecture& a, Random& random) {
                    const std::string& set = options[static_cast<size_t>(a.values[from])];
                    return (set.find('b') != std::string::npos ? 3.0 : 0.0) + random.Uniform();
                  }));
  ASSERT_FALSE(by_set.values.empty());
  EXPECT_EQ(by_set.values[0].values[0].decision, from);

  const size_t smoothing = Place(decisions, "label_smoothing");
  const auto by_number =
      Preferences(decisions, Draw(*space, 400, 4, [&](const Architecture& a, Random& random) {
                    return 20 * a.values[smoothing] + random.Uniform();
                  }));
  ASSERT_FALSE(by_number.values.empty());
  EXPECT_EQ(by_number.values[0].values[0].decision, smoothing);
  EXPECT_EQ(by_number.values[0].values[0].label, "0.167 … 0.2");
}

// Only trials that have a decision speak about it.
TEST(PreferenceTest, WhatDoesNotExistIsNotAvoided) {
  const auto space = testing::MixedSpace();
  const std::vector<Decision>& decisions = space->decisions();
  const size_t parent = Place(decisions, "recipe.optimizer");
  const auto report =
      Preferences(decisions, Draw(*space, 400, 5, [&](const Architecture& a, Random& random) {
                    return a.values[parent] + 0.5 * random.Uniform();
                  }));
  ASSERT_THAT(report.values, SizeIs(1));
  EXPECT_EQ(report.values[0].values[0].decision, parent);
  EXPECT_TRUE(report.values[0].preferred);
}

}  // namespace
}  // namespace cambrian
