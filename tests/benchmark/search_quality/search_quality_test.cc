// The bench's own figures, and a short version of the measurement with wide margins.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/benchmark/search_quality/figures.h"
#include "tests/benchmark/search_quality/problem.h"
#include "tests/benchmark/search_quality/search.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {
namespace {

const Task kTask{{3, {32, 32}}, 10};

StrategySpec Strategy(const char* name) {
  StrategySpec spec;
  spec.name = name;
  return spec;
}

TEST(SearchFiguresTest, TheExpectationOfRandomSearchIsThatOfAllDraws) {
  // Two rows that the guide likes equally, which the judge does not.
  const std::vector<double> guide = {1, 5, 3, 5, 2};
  const std::vector<double> judge = {10, 20, 30, 40, 50};
  for (size_t n = 1; n <= guide.size(); ++n) {
    std::vector<size_t> order(guide.size());
    std::iota(order.begin(), order.end(), size_t{0});
    double sum = 0;
    int draws = 0;
    do {
      sum += JudgedBest(order, n, guide, judge);
      ++draws;
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_NEAR(ExpectedJudgedBest(n, guide, judge), sum / draws, 1e-9) << n;
  }
}

TEST(SearchFiguresTest, CountsStepsToTheBest) {
  const std::vector<double> guide = {1, 7, 3};
  EXPECT_EQ(StepsToBest(std::vector<size_t>{2, 0, 1}, guide), 3u);
  EXPECT_EQ(StepsToBest(std::vector<size_t>{2, 0}, guide), std::nullopt);
}

TEST(SearchFiguresTest, HypervolumeIsAShareOfThatOfAllRows) {
  const std::vector<double> first = {1, 2, 0.5};
  const std::vector<double> second = {-1, -2, -1.5};
  // Above (0, −3): 1×2 and 2×1 dominate 3 together; the third row nothing more.
  const HypervolumeShare share(first, second, 0, -3);
  EXPECT_DOUBLE_EQ(share.Of(std::vector<size_t>{0, 1, 2}, 3), 1);
  EXPECT_DOUBLE_EQ(share.Of(std::vector<size_t>{0, 1, 2}, 1), 2.0 / 3);
  EXPECT_DOUBLE_EQ(share.Of(std::vector<size_t>{2}, 1), 0.75 / 3);
}

TEST(SearchFiguresTest, MeansAndMedians) {
  EXPECT_DOUBLE_EQ(MeanOf({1, 2, 3}).mean, 2);
  EXPECT_NEAR(MeanOf({1, 2, 3}).error, 0.57735, 1e-5);
  EXPECT_EQ(MedianOf({9, 1, 2}), 2);
  EXPECT_EQ(MedianOf({9, 1, 2, 4}), 3);
}

// A table of NAS-Bench-201's cells: quality rises with the number of convolutions.
class SmallSearchTest : public ::testing::Test {
 protected:
  static constexpr const char* kOperations[] = {"none", "skip", "conv1x1", "conv3x3",
                                                "avg_pool3x3"};

  void SetUp() override {
    std::ofstream file(folder_ / "cells.csv");
    file << "edge_0_1,edge_0_2,edge_1_2,edge_0_3,edge_1_3,edge_2_3,quality,seconds\n";
    for (int cell = 0; cell < 15'625; ++cell) {
      int quality = 0;
      int rest = cell;
      for (int edge = 0; edge < 6; ++edge, rest /= 5) {
        file << kOperations[rest % 5] << ",";
        quality += rest % 5 == 3 ? 3 : rest % 5 == 2 ? 1 : 0;
      }
      file << quality << "," << 1 + quality << "\n";
    }
    file.close();
    for (const Dedupe dedupe : {Dedupe::kArchitecture, Dedupe::kNetwork}) {
      auto problem = OpenProblem(folder_ / "cells.csv", "nasbench201", dedupe, kTask);
      ASSERT_TRUE(problem.ok()) << problem.status();
      (dedupe == Dedupe::kNetwork ? networks_ : rows_) = *std::move(problem);
    }
    quality_ = *ColumnOf(rows_, "quality", 1);
    seconds_ = *ColumnOf(rows_, "seconds", 1);
  }

  std::vector<size_t> Run(const Problem& problem, const char* strategy, int workers,
                          uint64_t seed = 1) {
    SearchOptions options;
    options.strategy = Strategy(strategy);
    options.objectives = {&quality_};
    options.seconds = &seconds_;
    options.workers = workers;
    options.seed = seed;
    const auto rows = Search(problem, options);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.value_or(std::vector<size_t>());
  }

  testing::TemporaryFolder folder_;
  Problem rows_, networks_;
  std::vector<double> quality_, seconds_;
};

TEST_F(SmallSearchTest, EvaluationsAreDistinctAndRepeatable) {
  for (const int workers : {1, 16}) {
    for (const char* strategy : {"random", "regularized_evolution"}) {
      const std::vector<size_t> rows = Run(rows_, strategy, workers);
      EXPECT_EQ(rows.size(), 100u);
      EXPECT_EQ(std::set<size_t>(rows.begin(), rows.end()).size(), 100u);
      EXPECT_EQ(Run(rows_, strategy, workers), rows);
      EXPECT_NE(Run(rows_, strategy, workers, 2), rows);
    }
  }
}

TEST_F(SmallSearchTest, OfEqualNetworksOneIsEvaluated) {
  EXPECT_EQ(std::set<std::string>(networks_.keys.begin(), networks_.keys.end()).size(),
            5'260u - 1 + std::count(networks_.is_dead.begin(), networks_.is_dead.end(), true));
  std::set<std::string> keys;
  for (const size_t row : Run(networks_, "random", 4)) keys.insert(networks_.keys[row]);
  EXPECT_EQ(keys.size(), 100u);
}

TEST_F(SmallSearchTest, QuickResultsComeFirstWithSeveralWorkers) {
  std::vector<size_t> rows = Run(rows_, "random", 16);
  double early = 0, late = 0;
  for (size_t i = 0; i < 20; ++i) early += seconds_[rows[i]], late += seconds_[rows[99 - i]];
  EXPECT_LT(early, late);
}

TEST_F(SmallSearchTest, AColumnThatIsNotThereIsAnError) {
  EXPECT_FALSE(ColumnOf(rows_, "qualty", 1).ok());
  EXPECT_FALSE(OpenProblem(folder_ / "cells.csv", "nasbench", Dedupe::kArchitecture, kTask).ok());
}

// The field's protocol, on the field's table.
class NasBench201Test : public ::testing::Test {
 protected:
  static constexpr int kSeeds = 100;

  void SetUp() override {
    const char* const source = std::getenv("CAMBRIAN_SOURCE");
    const std::string file =
        absl::StrCat(source == nullptr ? "." : source, "/../shared/data/nasbench201/cifar10.csv");
    if (!std::filesystem::exists(file)) {
      GTEST_SKIP() << "shared/data/nasbench201/cifar10.csv is not here";
    }
    auto problem = OpenProblem(file, "nasbench201", Dedupe::kArchitecture, kTask);
    ASSERT_TRUE(problem.ok()) << problem.status();
    problem_ = *std::move(problem);
    guide_ = *ColumnOf(problem_, "valid_accuracy_12", 0.01);
    judge_ = *ColumnOf(problem_, "test_accuracy_200", 1);
    seconds_ = *ColumnOf(problem_, "train_seconds_200", 12.0 / 200);
  }

  double Mean(const char* strategy, size_t evaluations, int workers = 1, int seeds = kSeeds) {
    std::vector<double> judged;
    for (int seed = 1; seed <= seeds; ++seed) {
      SearchOptions options;
      options.strategy = Strategy(strategy);
      options.objectives = {&guide_};
      options.seconds = &seconds_;
      options.evaluations = static_cast<int64_t>(evaluations);
      options.workers = workers;
      options.seed = static_cast<uint64_t>(seed);
      const auto rows = Search(problem_, options);
      EXPECT_TRUE(rows.ok()) << rows.status();
      if (!rows.ok()) return 0;
      judged.push_back(JudgedBest(*rows, evaluations, guide_, judge_));
    }
    return MeanOf(judged).mean;
  }

  Problem problem_;
  std::vector<double> guide_, judge_, seconds_;
};

TEST_F(NasBench201Test, RandomSearchComesToItsExactExpectation) {
  // As published, and as re-runs by another program came to.
  EXPECT_NEAR(ExpectedJudgedBest(30, guide_, judge_), 93.21, 0.01);
  EXPECT_NEAR(ExpectedJudgedBest(60, guide_, judge_), 93.55, 0.01);
  EXPECT_NEAR(ExpectedJudgedBest(100, guide_, judge_), 93.73, 0.01);
  EXPECT_NEAR(Mean("random", 60, 1, 1000), 93.55, 0.06);
  EXPECT_NEAR(Mean("random", 100, 16, 1000), 93.73, 0.05);
}

TEST_F(NasBench201Test, WhatLearnsBeatsChance) {
  EXPECT_GT(Mean("regularized_evolution", 100), 93.95);
  EXPECT_GT(Mean("regularized_evolution", 100, 16), 93.85);
  EXPECT_GT(Mean("tpe", 100), 94.0);
}

}  // namespace
}  // namespace cambrian
