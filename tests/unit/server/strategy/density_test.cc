#include "server/strategy/density.h"

#include <cmath>

#include "gtest/gtest.h"

namespace cambrian {
namespace {

Decision Labels(size_t count) {
  Decision decision;
  for (size_t i = 0; i < count; ++i) decision.options.push_back(std::string(1, 'a' + i));
  return decision;
}

Decision Ordered(std::vector<double> numbers) {
  Decision decision = Labels(numbers.size());
  decision.ordered = true;
  decision.numbers = std::move(numbers);
  return decision;
}

Decision Number(Decision::Kind kind, double low, double high, bool log_scale) {
  Decision decision;
  decision.kind = kind;
  decision.low = low;
  decision.high = high;
  decision.log_scale = log_scale;
  return decision;
}

std::vector<Decision> Kinds() {
  return {Labels(1),
          Labels(4),
          Ordered({16, 24, 32, 64, 128}),
          Number(Decision::Kind::kInteger, 3, 9, false),
          Number(Decision::Kind::kInteger, 1, 6, true),
          Number(Decision::Kind::kInteger, 0, 100'000, false),
          Number(Decision::Kind::kReal, -2, 3, false),
          Number(Decision::Kind::kReal, 1e-5, 1, true)};
}

TEST(ValueBinsTest, EveryDrawIsAValueOfTheDecisionAndMostlyOfItsBin) {
  for (const Decision& decision : Kinds()) {
    const ValueBins bins(decision);
    Random random(1);
    for (int i = 0; i < 200; ++i) {
      const double position = random.Uniform() * static_cast<double>(bins.size());
      const double value = bins.At(position);
      if (decision.kind == Decision::Kind::kCategorical) {
        EXPECT_EQ(value, std::floor(position));
      } else {
        EXPECT_GE(value, decision.low);
        EXPECT_LE(value, decision.high);
      }
      if (decision.kind == Decision::Kind::kInteger) {
        EXPECT_EQ(value, std::round(value));
      } else {
        EXPECT_EQ(bins.Of(value), static_cast<size_t>(position));
      }
    }
  }
}

TEST(ValueBinsTest, FewIntegersHaveABinEachManyShareThem) {
  EXPECT_EQ(ValueBins(Number(Decision::Kind::kInteger, 3, 9, false)).size(), 7);
  EXPECT_EQ(ValueBins(Number(Decision::Kind::kInteger, 0, 100'000, false)).size(),
            ValueBins::kMaxBins);
}

TEST(ValueBinsTest, ALogarithmicRangeHasAsManyBinsInEachDecade) {
  const Decision decision = Number(Decision::Kind::kReal, 1e-4, 1, true);
  const ValueBins bins(decision);
  EXPECT_NEAR(static_cast<double>(bins.Of(1e-2)), static_cast<double>(bins.size()) / 2, 1);
  EXPECT_EQ(bins.Of(1e-4), 0);
  EXPECT_EQ(bins.Of(1), bins.size() - 1);
}

TEST(DensityTest, IsAProbabilityForAnyCounts) {
  Random random(2);
  for (const Decision& decision : Kinds()) {
    const ValueBins bins(decision);
    for (const int64_t most : {1, 4, 1000}) {
      std::vector<int64_t> counts(bins.size());
      for (int64_t& count : counts) count = static_cast<int64_t>(random.Below(most));
      const Density density(bins, counts);
      double sum = 0;
      for (size_t bin = 0; bin < bins.size(); ++bin) sum += std::exp(density.Log(bin));
      EXPECT_NEAR(sum, 1, 1e-9);
    }
  }
}

TEST(DensityTest, DrawsFollowIt) {
  const Decision decision = Labels(3);
  const ValueBins bins(decision);
  const Density density(bins, {0, 3, 12});
  Random random(3);
  std::vector<double> drawn(3);
  for (int i = 0; i < 20'000; ++i) drawn[bins.Of(density.Draw(random))] += 1.0 / 20'000;
  for (size_t bin = 0; bin < 3; ++bin) EXPECT_NEAR(drawn[bin], std::exp(density.Log(bin)), 0.02);
}

TEST(DensityTest, NumbersLendToTheirNeighboursAndLabelsDoNot) {
  const std::vector<int64_t> counts = {0, 0, 0, 0, 0, 0, 20, 0};
  const Decision labels = Labels(8);
  const ValueBins label_bins(labels);
  const Density of_labels(label_bins, counts);
  EXPECT_EQ(of_labels.Log(5), of_labels.Log(0));
  const Decision numbers = Ordered({1, 2, 3, 4, 5, 6, 7, 8});
  const ValueBins number_bins(numbers);
  const Density of_numbers(number_bins, counts);
  EXPECT_GT(of_numbers.Log(5), of_numbers.Log(4) + 0.5);
  EXPECT_NEAR(of_numbers.Log(5), of_numbers.Log(7), 0.01);
}

TEST(DensityTest, ItsWindowNarrowsAsTrialsAgree) {
  const Decision decision = Number(Decision::Kind::kReal, 0, 1, false);
  const ValueBins bins(decision);
  std::vector<int64_t> counts(bins.size());
  counts[64] = 3;
  const double few = Density(bins, counts).Log(64);
  counts[64] = 300;
  const Density many(bins, counts);
  EXPECT_GT(many.Log(64), few + 1);
  Random random(4);
  int near = 0;
  for (int i = 0; i < 1000; ++i) near += std::abs(many.Draw(random) - 0.5) < 0.05;
  EXPECT_GT(near, 950);
}

}  // namespace
}  // namespace cambrian
