#include "server/study/study_state.h"

#include <cmath>

#include "common/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/server_study.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using testing::ParseToy;
using testing::StudyText;

class StudyStateTest : public ::testing::Test {
 protected:
  StudyStateTest()
      : spec_(ParseToy(StudyText("strategy: random\nobjectives: [{maximize: accuracy}, "
                                 "{minimize: parameters}]\nbudget: {trials: 1000}\n"))),
        state_(Record(), spec_, {}) {}

  static StudyRecord Record() {
    StudyRecord record;
    record.id = 1;
    record.name = "toy-1";
    return record;
  }
  void Apply(EventKind kind, TrialRecord trial) {
    StudyEvent event;
    event.kind = kind;
    event.trial = std::move(trial);
    state_.Apply(std::move(event));
  }
  int64_t Propose(const std::string& key) {
    TrialRecord trial;
    trial.evaluation_key = key;
    Apply(EventKind::kProposed, trial);
    return state_.record().trials;
  }
  void Start(int64_t number) {
    TrialRecord trial = state_.trial(number);
    trial.state = v1::TRIAL_RUNNING;
    Apply(EventKind::kStarted, trial);
  }
  void Succeed(int64_t number, double accuracy, double parameters) {
    TrialRecord trial = state_.trial(number);
    trial.state = v1::TRIAL_SUCCEEDED;
    trial.metrics = {{"accuracy", {accuracy, {}, {}}}, {"parameters", {parameters, {}, {}}}};
    trial.checkpoint = std::string(64, static_cast<char>('a' + number % 6));
    Apply(EventKind::kEnded, trial);
  }

  std::shared_ptr<const StudySpec> spec_;
  StudyState state_;
};

TEST_F(StudyStateTest, EventsAreNumberedWithoutGapsAndSayWhatBecameOfATrial) {
  Propose("a");
  Start(1);
  Succeed(1, 0.5, 100);
  Batch batch;
  std::vector<std::string> dropped;
  state_.TakeChanges(batch, dropped);
  ASSERT_EQ(batch.events.size(), 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(batch.events[i].number, i + 1);
  EXPECT_EQ(batch.events[0].event.trial().state(), v1::TRIAL_QUEUED);
  EXPECT_EQ(batch.events[1].event.trial().state(), v1::TRIAL_RUNNING);
  EXPECT_EQ(batch.events[2].event.trial().state(), v1::TRIAL_SUCCEEDED);
  EXPECT_TRUE(batch.events[2].event.on_front());
  ASSERT_EQ(batch.trials.size(), 1);
  EXPECT_EQ(batch.trials[0].proposed_event, 1);
  EXPECT_EQ(batch.trials[0].ended_event, 3);
}

TEST_F(StudyStateTest, OfOneWorkOnlyOneTrialIsRunnable) {
  Propose("a");
  Propose("a");
  Propose("b");
  EXPECT_TRUE(state_.IsRunnable(1));
  EXPECT_FALSE(state_.IsRunnable(2));
  EXPECT_TRUE(state_.IsRunnable(3));
  Start(1);
  EXPECT_FALSE(state_.IsRunnable(2));
  EXPECT_EQ(state_.FirstRunnable(), 3);
  Succeed(1, 0.5, 100);
  EXPECT_TRUE(state_.IsRunnable(2));
  EXPECT_EQ(state_.ResultOf("a"), 1);
}

TEST_F(StudyStateTest, WhoLeavesTheFrontLosesItsCheckpoint) {
  for (int i = 0; i < 3; ++i) Propose(absl::StrCat(i));
  Succeed(1, 0.5, 100);
  Succeed(2, 0.4, 200);  // dominated from the start
  EXPECT_EQ(state_.trial(2).checkpoint, "");
  Batch batch;
  std::vector<std::string> dropped;
  state_.TakeChanges(batch, dropped);
  EXPECT_EQ(dropped.size(), 1);
  Succeed(3, 0.6, 90);
  EXPECT_FALSE(state_.trial(1).on_front);
  EXPECT_TRUE(state_.trial(3).on_front);
  batch = Batch();
  state_.TakeChanges(batch, dropped);
  EXPECT_EQ(dropped.size(), 2);
  EXPECT_EQ(batch.trials.size(), 2);  // both rows changed
  EXPECT_EQ(state_.trial(3).checkpoint.size(), 64);
}

TEST_F(StudyStateTest, TheReferenceIsTheWorstOfTheFirstFiveAndStays) {
  for (int i = 1; i <= 6; ++i) Propose(absl::StrCat(i));
  for (int i = 1; i <= 4; ++i) Succeed(i, 0.1 * i, 100 * i);
  EXPECT_TRUE(std::isnan(state_.record().hypervolume));
  Succeed(5, 0.5, 50);
  EXPECT_THAT(state_.record().reference, ElementsAre(0.1, -400));
  const double before = state_.record().hypervolume;
  Succeed(6, 0.05, 10);  // worse than the reference in accuracy
  EXPECT_THAT(state_.record().reference, ElementsAre(0.1, -400));
  EXPECT_EQ(state_.record().hypervolume, before);
}

// Random histories: counts add up, the front is what brute force says, and reading the rows back
// gives the same state.
TEST_F(StudyStateTest, CountsFrontAndRestoreHoldOverRandomHistories) {
  Random random(5);
  for (int step = 0; step < 3000; ++step) {
    const int64_t trials = state_.record().trials;
    const int64_t number = trials == 0 ? 0 : 1 + static_cast<int64_t>(random.Below(trials));
    if (number == 0 || random.Chance(0.3)) {
      Propose(absl::StrCat(random.Below(100)));
    } else if (state_.trial(number).IsOpen()) {
      TrialRecord trial = state_.trial(number);
      const uint64_t what = random.Below(4);
      if (what == 0) {
        Start(number);
      } else if (what == 1) {
        trial.state = v1::TRIAL_QUEUED;
        Apply(EventKind::kRequeued, trial);
      } else if (what == 2) {
        Succeed(number, random.Uniform(), static_cast<double>(random.Below(50)));
      } else {
        trial.state = random.Chance(0.5) ? v1::TRIAL_FAILED : v1::TRIAL_INFEASIBLE;
        Apply(EventKind::kEnded, trial);
      }
    }
    const StudyRecord& record = state_.record();
    ASSERT_EQ(record.trials, record.queued + record.running + record.succeeded + record.infeasible +
                                 record.failed + record.cancelled);
    ASSERT_EQ(record.queued + record.running, static_cast<int64_t>(state_.open().size()));
  }
  std::vector<TrialRecord> rows;
  for (int64_t i = 1; i <= state_.record().trials; ++i) rows.push_back(state_.trial(i));
  for (const TrialRecord& a : rows) {
    if (a.state != v1::TRIAL_SUCCEEDED) continue;
    const auto values = [](const TrialRecord& t) {
      return std::vector<double>{t.metrics.at("accuracy").value, -t.metrics.at("parameters").value};
    };
    bool dominated = false;
    for (const TrialRecord& b : rows) {
      if (b.state == v1::TRIAL_SUCCEEDED) dominated |= Dominates(values(b), values(a));
    }
    EXPECT_EQ(a.on_front, !dominated) << a.number;
  }
  const StudyState restored(state_.record(), spec_, rows);
  EXPECT_EQ(restored.open(), state_.open());
  EXPECT_EQ(restored.FirstRunnable(), state_.FirstRunnable());
  EXPECT_EQ(restored.failures_in_row(), state_.failures_in_row());
  EXPECT_EQ(restored.record().hypervolume, state_.record().hypervolume);
  EXPECT_EQ(restored.front().points().size(), state_.front().points().size());
}

}  // namespace
}  // namespace cambrian
