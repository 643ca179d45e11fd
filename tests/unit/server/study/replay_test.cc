#include "server/study/replay.h"

#include "common/base/random.h"
#include "tests/unit/server/study/study_fixture.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using testing::StudyText;

constexpr char kEvolution[] =
    "strategy: {regularized_evolution: {population: 6, sample: 3}}\n"
    "objectives: [{maximize: accuracy}, {minimize: parameters}]\n"
    "budget: {trials: 40, failures: 50}\n";

class ReplayTest : public StudyTest {
 protected:
  // Twins, results that another study had, failures, and a few trials that stay open.
  std::unique_ptr<Study> Search(const std::string& text) {
    auto study = Begin(StudyText(text, "[none, skip, conv1x1, conv3x3]"));
    Go(*study, 100);
    return study;
  }
  void Go(Study& study, int steps) {
    const auto find = [this](absl::string_view) -> absl::StatusOr<std::optional<TrialRecord>> {
      std::optional<TrialRecord> known;
      if (random_.Chance(0.1)) {
        known.emplace();
        known->state = v1::TRIAL_SUCCEEDED;
        known->metrics = {{"accuracy", {0.3, {}, {}}}, {"parameters", {300, {}, {}}}};
      }
      return known;
    };
    for (int step = 0; step < steps; ++step) {
      if (running_.size() < 4 && random_.Chance(0.6)) {
        const std::optional<NextWork> next = Ask(study, kBoth, find).value();
        if (!next) continue;
        study.Start(next->trial, next->work, ++token_, "w", kNow);
        running_.push_back(next->trial);
      } else if (!running_.empty()) {
        const size_t which = random_.Below(running_.size());
        Complete(
            study, running_[which],
            random_.Chance(0.2) ? Without(v1::OUTCOME_FAILED, "odd") : Success(random_.Uniform()));
        running_.erase(running_.begin() + static_cast<int64_t>(which));
      }
    }
    Commit(study);
  }
  std::vector<TrialRecord> Rows() const {
    std::vector<TrialRecord> rows;
    for (const auto& [number, row] : rows_) rows.push_back(row);
    return rows;
  }

  Random random_{3};
  std::vector<int64_t> running_;
};

TEST_F(ReplayTest, EveryProposalIsReproduced) {
  for (const char* text : {kEvolution,
                           "strategy: random\nobjectives: [{maximize: accuracy}]\n"
                           "budget: {trials: 40, failures: 50}\n"}) {
    rows_.clear();
    running_.clear();
    auto study = Search(text);
    const ReplayReport report = VerifyReplay(spec_, "", study->record().event, Rows()).value();
    EXPECT_EQ(report.difference, "");
    EXPECT_EQ(report.proposals, study->record().trials);
    EXPECT_EQ(report.reproduced, report.proposals);
    EXPECT_GT(study->record().known, 0);
    EXPECT_GT(study->record().failed, 0);
  }
}

TEST_F(ReplayTest, ADifferenceIsNamed) {
  auto study = Search(kEvolution);
  std::vector<TrialRecord> rows = Rows();
  ASSERT_GT(rows.size(), 20);
  rows[14].architecture = rows[0].architecture;
  const ReplayReport report = VerifyReplay(spec_, "", study->record().event, rows).value();
  EXPECT_EQ(report.reproduced, 14);
  EXPECT_THAT(report.difference, HasSubstr("proposal 15: recorded"));
}

TEST_F(ReplayTest, AnOlderProgramMayHaveSaidLessOfOrigins) {
  auto study = Search(kEvolution);
  std::vector<TrialRecord> rows = Rows();
  int shortened = 0;
  for (TrialRecord& row : rows) {
    const size_t end = row.origin.find(", mutated until new");
    if (end == std::string::npos) continue;
    row.origin.resize(end);
    ++shortened;
  }
  ASSERT_GT(shortened, 0);
  EXPECT_EQ(VerifyReplay(spec_, "", study->record().event, rows).value().difference, "");
  rows.back().origin = "crossover of 1 and 2";
  EXPECT_NE(VerifyReplay(spec_, "", study->record().event, rows).value().difference, "");
}

TEST_F(ReplayTest, AResultThatTheStrategyDidNotHearOfShows) {
  auto study = Search(kEvolution);
  std::vector<TrialRecord> rows = Rows();
  for (TrialRecord& row : rows) {
    if (row.state == v1::TRIAL_SUCCEEDED)
      row.metrics["accuracy"].value = 1 - row.metrics["accuracy"].value;
  }
  EXPECT_NE(VerifyReplay(spec_, "", study->record().event, rows).value().difference, "");
}

TEST_F(ReplayTest, WhatCameAfterTheEventDoesNotCount) {
  auto study = Begin(StudyText(kEvolution, "[none, skip, conv1x1, conv3x3]"));
  Go(*study, 30);
  const int64_t event = study->record().event;
  const int64_t trials = study->record().trials;
  Go(*study, 40);
  ASSERT_GT(study->record().trials, trials);
  const ReplayReport report = VerifyReplay(spec_, "", event, Rows()).value();
  EXPECT_EQ(report.proposals, trials);
  EXPECT_EQ(report.difference, "");
}

TEST_F(ReplayTest, InheritedTrialsAreToldAndNotAskedFor) {
  auto first = Search(kEvolution);
  std::vector<TrialRecord> ended = Rows();
  std::erase_if(ended, [](const TrialRecord& row) { return row.IsOpen(); });
  std::sort(ended.begin(), ended.end(), [](const TrialRecord& a, const TrialRecord& b) {
    return a.ended_event < b.ended_event;
  });
  ended.resize(15);
  rows_.clear();
  running_.clear();
  auto second = Begin(StudyText(kEvolution, "[none, skip, conv1x1, conv3x3]"));
  ASSERT_TRUE(second->Inherit(ended, "toy-1", kNow).ok());
  Go(*second, 60);
  const ReplayReport report = VerifyReplay(spec_, "toy-1", second->record().event, Rows()).value();
  EXPECT_EQ(report.inherited, 15);
  EXPECT_EQ(report.proposals, second->record().trials - 15);
  EXPECT_EQ(report.difference, "");
}

}  // namespace
}  // namespace cambrian
