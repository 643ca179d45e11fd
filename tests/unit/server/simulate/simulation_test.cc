#include "server/simulate/simulation.h"

#include <algorithm>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/memory.h"
#include "tests/unit/server/simulate/small_table.h"

namespace cambrian {
namespace {

using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;

std::unique_ptr<TrialStore> MakeStore(const Clock& clock) { return NewMemoryStore(clock); }

class SimulationTest : public ::testing::Test {
 protected:
  SimulatedRun Run(const SimulationOptions& options,
                   const std::vector<std::string>& settings = {}) {
    const auto run = Simulate(*small_.Read(settings), *small_.Open(settings), options, &MakeStore);
    EXPECT_TRUE(run.ok()) << run.status();
    return run.value_or(SimulatedRun());
  }

  const testing::SmallStudy small_;
};

TEST_F(SimulationTest, OneWorkerDoesOneTrialAfterTheOther) {
  const SimulatedRun run = Run({.workers = 1});
  ASSERT_EQ(run.trials.size(), 20u);
  EXPECT_THAT(run.trials, Each(Field(&SimulatedTrial::has_result, true)));
  absl::Duration passed;
  for (const SimulatedTrial& trial : run.trials) {
    passed += absl::Seconds(10 * trial.guided);
    EXPECT_EQ(trial.ended, passed);
    EXPECT_DOUBLE_EQ(trial.judged, 0.1 * trial.guided);
  }
  EXPECT_EQ(run.length, passed);
  EXPECT_EQ(run.busy, passed);
  EXPECT_EQ(run.lost_attempts, 0);
}

TEST_F(SimulationTest, SeveralWorkersWorkAtOnce) {
  const SimulatedRun run = Run({.workers = 4});
  ASSERT_EQ(run.trials.size(), 20u);
  absl::Duration work;
  for (const SimulatedTrial& trial : run.trials) work += absl::Seconds(10 * trial.guided);
  EXPECT_EQ(run.busy, work);
  EXPECT_LT(run.length, work / 3);
  EXPECT_GE(run.length, work / 4);
  EXPECT_TRUE(std::is_sorted(
      run.trials.begin(), run.trials.end(),
      [](const SimulatedTrial& a, const SimulatedTrial& b) { return a.ended < b.ended; }));
}

TEST_F(SimulationTest, TheSameSeedGivesTheSameRun) {
  const auto times = [](const SimulatedRun& run) {
    std::vector<absl::Duration> times;
    for (const SimulatedTrial& trial : run.trials) times.push_back(trial.ended);
    return times;
  };
  const SimulationOptions options{.workers = 3, .loss_per_hour = 0.9, .seed = 5};
  EXPECT_EQ(times(Run(options)), times(Run(options)));
  SimulationOptions other = options;
  other.seed = 6;
  EXPECT_NE(times(Run(options)), times(Run(other)));
}

// Nothing is lost but time: the coordinator gives lost work to others.
TEST_F(SimulationTest, LostWorkersCostTimeAndNoTrial) {
  const SimulatedRun calm = Run({.workers = 2});
  // Two hours of work: on average a worker lives for a quarter of an hour.
  const std::vector<std::string> slow = {"estimator.table.seconds=600"};
  const SimulatedRun run =
      Run({.workers = 2, .loss_per_hour = 0.98, .replacement = absl::Minutes(1)}, slow);
  ASSERT_EQ(run.trials.size(), calm.trials.size());
  EXPECT_GT(run.lost_attempts, 0);
  EXPECT_GT(run.length, absl::Minutes(10) * 20 / 2);
  EXPECT_GT(run.busy, absl::Minutes(10) * 19) << "what was lost was work, too";
}

TEST_F(SimulationTest, AWorkerThatLivesKeepsItsLease) {
  // Each trial lasts for 20 leases; of 1,000 hours one worker dies.
  const SimulatedRun run =
      Run({.workers = 2, .loss_per_hour = 0.001, .seed = 2}, {"estimator.table.seconds=600"});
  EXPECT_EQ(run.lost_attempts, 0);
  EXPECT_EQ(run.length, absl::Minutes(100));
}

TEST_F(SimulationTest, TheStudysTimeIsSimulatedTime) {
  const SimulatedRun run =
      Run({.workers = 1}, {"estimator.table.seconds=60", "budget.time=10 min"});
  // A study's time counts from the first word after its first trial's start.
  EXPECT_THAT(run.trials.size(), ::testing::AllOf(::testing::Ge(10u), ::testing::Le(11u)));
  EXPECT_LE(run.length, absl::Minutes(11));
}

TEST_F(SimulationTest, ASmallSpaceIsExhausted) {
  EXPECT_EQ(Run({.workers = 5}, {"budget.trials=1000"}).trials.size(), 27u);
}

TEST_F(SimulationTest, EvolutionBeatsChanceWhereThereIsSomethingToLearn) {
  double random = 0;
  double evolution = 0;
  const auto quality = [](const SimulatedRun& run) {
    double sum = 0;
    for (const SimulatedTrial& trial : run.trials) sum += trial.guided;
    return sum / static_cast<double>(run.trials.size());
  };
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    random += quality(Run({.workers = 2, .seed = seed}, {"budget.trials=14"}));
    evolution += quality(
        Run({.workers = 2, .seed = seed},
            {"budget.trials=14", "strategy={regularized_evolution: {population: 4, sample: 4}}"}));
  }
  EXPECT_GT(evolution / 20, random / 20 + 0.3);
}

TEST_F(SimulationTest, ConstraintsHold) {
  const SimulatedRun run = Run({.workers = 2}, {"constraints=[time <= 50]"});
  int64_t feasible = 0;
  for (const SimulatedTrial& trial : run.trials) {
    if (!trial.has_result) continue;
    EXPECT_LE(trial.guided, 5);
    ++feasible;
  }
  EXPECT_GT(feasible, 0);
  EXPECT_LT(feasible, 20);
}

TEST_F(SimulationTest, WhatTheTableLacksIsInfeasible) {
  std::string table = testing::SmallTable();
  table.resize(table.find("3,1,1"));
  const testing::SmallStudy part(testing::kSmallStudy, table);
  const auto run = Simulate(*part.Read(), *part.Open(), {.workers = 2}, &MakeStore);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->trials.size(), 20u);
  EXPECT_GT(run->without_row, 0);
  const int64_t without =
      std::count_if(run->trials.begin(), run->trials.end(),
                    [](const SimulatedTrial& trial) { return !trial.has_result; });
  EXPECT_EQ(without, run->without_row);
}

TEST_F(SimulationTest, AStudyThatFailsSaysWhy) {
  std::string table = testing::SmallTable();
  const size_t header = table.find('\n');
  for (size_t at = header; (at = table.find(",0.", at)) != std::string::npos; ++at) {
    const size_t before = table.rfind(',', at - 1);  // the quality
    table.erase(before + 1, at - before - 1);
  }
  // One row knows it, so that the column is one of numbers.
  table.replace(table.find("3,3,3,"), 6, "3,3,3,9");
  const testing::SmallStudy broken(testing::kSmallStudy, table);
  const auto run = Simulate(*broken.Read(), *broken.Open(), {.workers = 2}, &MakeStore);
  EXPECT_EQ(run.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(run.status().message()), HasSubstr("no quality"));
}

}  // namespace
}  // namespace cambrian
