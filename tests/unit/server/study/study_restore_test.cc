#include "common/base/random.h"
#include "tests/unit/server/study/study_fixture.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using testing::StudyText;

constexpr char kEvolution[] =
    "strategy: {regularized_evolution: {population: 6, sample: 3}}\n"
    "objectives: [{maximize: accuracy}, {minimize: parameters}]\n"
    "budget: {trials: 60, failures: 50}\n";
constexpr char kRandom[] =
    "strategy: random\nobjectives: [{maximize: accuracy}]\nbudget: {trials: 60, failures: 50}\n";

class StudyRestoreTest : public StudyTest {
 protected:
  // Does the same with both from here on: a grant, a result, a loss, ….
  void Go(std::vector<Study*> studies, Random& random) {
    const uint64_t what = random.Below(10);
    const double accuracy = random.Uniform();
    const uint64_t which = random.Next();
    const int64_t token = token_ + 1;
    std::optional<int64_t> expected;
    for (Study* study : studies) {
      std::vector<int64_t> running;
      for (int64_t number : study->state().open()) {
        if (study->state().trial(number).state == v1::TRIAL_RUNNING) running.push_back(number);
      }
      int64_t trial = 0;
      if (what < 4 || running.empty()) {
        token_ = token - 1;
        trial = Run(*study);
      } else {
        trial = running[which % running.size()];
        const int64_t current = study->state().trial(trial).token;
        if (what < 7) {
          study->Complete(trial, current, Success(accuracy), kNow);
        } else if (what == 7) {
          study->Complete(trial, current, Without(v1::OUTCOME_FAILED, absl::StrCat(which % 3)),
                          kNow);
        } else if (what == 8) {
          study->Lose(trial, current, kNow);
        } else {
          study->Complete(trial, current, Without(v1::OUTCOME_INFEASIBLE, "NaN"), kNow);
        }
      }
      if (!expected) expected = trial;
      ASSERT_EQ(*expected, trial);
    }
  }

  static void ExpectEqual(const Study& a, const Study& b) {
    ASSERT_EQ(a.record().event, b.record().event);
    ASSERT_EQ(a.record().trials, b.record().trials);
    ASSERT_EQ(a.record().known, b.record().known);
    ASSERT_EQ(a.record().failed, b.record().failed);
    ASSERT_EQ(a.Best(), b.Best());
    ASSERT_EQ(a.state().open(), b.state().open());
    ASSERT_EQ(a.state().Snapshot(), b.state().Snapshot());
    for (int64_t number : a.state().open()) {
      ASSERT_EQ(a.state().trial(number).architecture, b.state().trial(number).architecture);
      ASSERT_EQ(a.state().trial(number).origin, b.state().trial(number).origin);
    }
  }
};

// Whatever the store has, the study that is read back goes on as if nothing had happened: from all
// rows, and from a snapshot with the rows since then.
TEST_F(StudyRestoreTest, ReadBackItGoesOnTheSame) {
  for (const char* text : {kEvolution, kRandom}) {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
      rows_.clear();
      snapshot_.reset();
      token_ = 0;
      Study::Options options;
      options.snapshot_events = 10 + static_cast<int64_t>(seed);
      auto study = Begin(StudyText(text, "[none, skip, conv1x1, conv3x3]"), options);
      Random random(seed);
      const uint64_t steps = 20 + random.Below(120);
      for (uint64_t step = 0; step < steps; ++step) {
        Go({study.get()}, random);
        if (random.Chance(0.3)) Commit(*study);
      }
      Commit(*study);
      auto whole = Reload(*study, /*from_snapshot=*/false, options);
      auto tail = Reload(*study, /*from_snapshot=*/true, options);
      Batch unchanged;
      std::vector<std::string> dropped;
      tail->TakeChanges(unchanged, dropped);
      ASSERT_TRUE(unchanged.empty());
      ExpectEqual(*study, *whole);
      ExpectEqual(*study, *tail);
      for (int step = 0; step < 40; ++step) Go({study.get(), whole.get(), tail.get()}, random);
      ExpectEqual(*study, *whole);
      ExpectEqual(*study, *tail);
    }
  }
}

TEST_F(StudyRestoreTest, SnapshotsAreTakenGeometrically) {
  Study::Options options;
  options.snapshot_events = 20;
  auto study = Begin(StudyText(), options);
  for (int i = 0; i < 3; ++i) Run(*study);
  EXPECT_TRUE(Commit(*study).snapshots.empty());
  for (int i = 0; i < 10; ++i) {
    study->Lose(1 + i % 3, study->state().trial(1 + i % 3).token, kNow);
    if (study->record().event >= 21) break;
    Run(*study);
  }
  ASSERT_GE(study->record().event, 21);
  const Batch batch = Commit(*study);
  ASSERT_EQ(batch.snapshots.size(), 1);
  EXPECT_EQ(batch.snapshots[0].event, study->record().event);
  Run(*study);
  EXPECT_TRUE(Commit(*study).snapshots.empty());
}

TEST_F(StudyRestoreTest, APausedStudyComesBackPaused) {
  auto study = Begin(StudyText());
  ASSERT_EQ(Run(*study), 1);
  ASSERT_TRUE(study->Pause(kNow).ok());
  Commit(*study);
  auto copy = Reload(*study, false);
  EXPECT_TRUE(copy->IsPaused());
  EXPECT_TRUE(copy->IsCurrent(1, 1));
  ASSERT_TRUE(copy->Resume(kNow).ok());
  EXPECT_EQ(Run(*copy), 2);
}

TEST_F(StudyRestoreTest, ABrokenSnapshotIsAnError) {
  auto study = Begin(StudyText());
  const SnapshotRecord broken = {1, 1, "[", "{}"};
  EXPECT_TRUE(
      absl::IsInvalidArgument(Study::Load(study->record(), spec_, broken, {}, {}, {}).status()));
}

class InheritTest : public StudyRestoreTest {
 protected:
  std::vector<TrialRecord> EndedRows() const {
    std::vector<TrialRecord> ended;
    for (const auto& [number, row] : rows_) {
      if (!row.IsOpen()) ended.push_back(row);
    }
    std::sort(ended.begin(), ended.end(), [](const TrialRecord& a, const TrialRecord& b) {
      return a.ended_event < b.ended_event;
    });
    return ended;
  }
};

TEST_F(InheritTest, ANewStudyBeginsWithTheOthersTrials) {
  auto first = Begin(StudyText(kEvolution));
  for (int i = 1; i <= 8; ++i) Run(*first);
  for (int64_t i : {3, 1, 2, 5}) Complete(*first, i, Success(0.1 * static_cast<double>(i)));
  Complete(*first, 4, Without(v1::OUTCOME_INFEASIBLE, "NaN"));
  Complete(*first, 6, Without(v1::OUTCOME_FAILED, "odd"));
  first->End(v1::CANCELLED, "cancelled", kNow);
  Commit(*first);
  const std::vector<TrialRecord> ended = EndedRows();
  ASSERT_EQ(ended.size(), 8);
  rows_.clear();
  attempts_.clear();
  dropped_.clear();

  auto second = Begin(StudyText(kEvolution));
  ASSERT_TRUE(second->Inherit(ended, "toy-1", kNow).ok());
  Commit(*second);
  EXPECT_EQ(second->record().continues, "toy-1");
  EXPECT_EQ(second->record().trials, 6);  // the cancelled ones say nothing
  EXPECT_EQ(second->record().known, 4);
  EXPECT_EQ(second->record().device_seconds, 0);
  EXPECT_EQ(second->state().failures_in_row(), 0);
  EXPECT_EQ(rows_[1].origin, "from toy-1/3");
  EXPECT_EQ(rows_[1].architecture, ended[0].architecture);
  EXPECT_EQ(rows_[1].metrics.at("accuracy").value, ended[0].metrics.at("accuracy").value);
  EXPECT_EQ(rows_[1].proposed_event + 1, rows_[1].ended_event);
  EXPECT_TRUE(attempts_.empty());
  // It goes on with what is new, as a child of what it knows, and so does its copy.
  auto copy = Reload(*second, false);
  for (int i = 0; i < 6; ++i) {
    const int64_t trial = Run(*second);
    ASSERT_EQ(Run(*copy), trial);
    ASSERT_EQ(second->state().trial(trial).origin, copy->state().trial(trial).origin);
    EXPECT_THAT(second->state().trial(trial).origin, ::testing::Not(HasSubstr("random")));
    for (const TrialRecord& known : ended) {
      if (known.state == v1::TRIAL_CANCELLED) continue;
      EXPECT_NE(known.architecture, second->state().trial(trial).architecture);
    }
  }
}

TEST_F(InheritTest, ABudgetThatIsUsedUpIsAnError) {
  auto first = Begin(StudyText());
  while (const int64_t trial = Run(*first)) Complete(*first, trial, Success(0.5));
  Commit(*first);
  const std::vector<TrialRecord> ended = EndedRows();
  auto second = Begin(StudyText());
  const absl::Status status = second->Inherit(ended, "toy-1", kNow);
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("budget of 8"));
}

}  // namespace
}  // namespace cambrian
