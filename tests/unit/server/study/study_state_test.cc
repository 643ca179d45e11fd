#include "server/study/study_state.h"

#include <cmath>
#include <map>
#include <set>

#include "common/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/server_study.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using testing::ParseToy;
using testing::StudyText;

class StudyStateTest : public ::testing::Test {
 protected:
  StudyStateTest()
      : spec_(ParseToy(StudyText("strategy: random\nobjectives: [{maximize: accuracy}, "
                                 "{minimize: parameters}]\nbudget: {trials: 1000}\n"))),
        state_(Record(), spec_) {}

  static StudyRecord Record() {
    StudyRecord record;
    record.id = 1;
    record.name = "toy-1";
    return record;
  }
  int64_t Propose(const std::string& key) {
    TrialRecord trial;
    trial.evaluation_key = key;
    return state_.Propose(std::move(trial), absl::UnixEpoch());
  }
  void Set(int64_t number, EventKind kind, v1::TrialState state) {
    state_.Change(number, kind, absl::UnixEpoch(),
                  [&](TrialRecord& trial) { trial.state = state; });
  }
  void Start(int64_t number) { Set(number, EventKind::kStarted, v1::TRIAL_RUNNING); }
  void Succeed(int64_t number, double accuracy, double parameters) {
    state_.Change(number, EventKind::kEnded, absl::UnixEpoch(), [&](TrialRecord& trial) {
      trial.state = v1::TRIAL_SUCCEEDED;
      trial.metrics = {{"accuracy", {accuracy, {}, {}}}, {"parameters", {parameters, {}, {}}}};
      trial.checkpoint = std::string(64, static_cast<char>('a' + number % 6));
    });
  }

  std::shared_ptr<const StudySpec> spec_;
  StudyState state_;
};

TEST_F(StudyStateTest, EventsAreNumberedWithoutGapsAndSayWhatBecameOfATrial) {
  Batch proposed;
  Batch batch;
  std::vector<std::string> dropped;
  Propose("a");
  state_.TakeChanges(proposed, dropped);
  Start(1);
  Succeed(1, 0.5, 100);
  state_.TakeChanges(batch, dropped);
  batch.events.insert(batch.events.begin(), proposed.events.begin(), proposed.events.end());
  ASSERT_EQ(batch.events.size(), 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(batch.events[i].number, i + 1);
  EXPECT_EQ(batch.events[0].kind, EventKind::kProposed);
  EXPECT_EQ(batch.events[1].kind, EventKind::kStarted);
  EXPECT_EQ(batch.events[1].event.trial().state(), v1::TRIAL_RUNNING);
  EXPECT_EQ(batch.events[2].kind, EventKind::kEnded);
  ASSERT_EQ(batch.trials.size(), 1);
  EXPECT_EQ(batch.trials[0].state, v1::TRIAL_SUCCEEDED);
  EXPECT_EQ(batch.trials[0].proposed_event, 1);
  EXPECT_EQ(batch.trials[0].ended_event, 3);
}

TEST_F(StudyStateTest, AProposalThatIsStartedAtOnceIsOneEvent) {
  Propose("a");
  Start(1);
  Propose("b");
  Propose("c");
  Start(2);
  Batch batch;
  std::vector<std::string> dropped;
  state_.TakeChanges(batch, dropped);
  std::vector<std::pair<EventKind, int64_t>> events;
  for (const EventRecord& event : batch.events) events.emplace_back(event.kind, event.trial);
  EXPECT_THAT(events, ElementsAre(Pair(EventKind::kProposed, 1), Pair(EventKind::kProposed, 2),
                                  Pair(EventKind::kProposed, 3), Pair(EventKind::kStarted, 2)));
  EXPECT_EQ(batch.events[3].event.trial().state(), v1::TRIAL_RUNNING);
  EXPECT_EQ(state_.record().event, 4);
}

TEST_F(StudyStateTest, OfOneWorkOnlyOneTrialIsUnderWay) {
  Propose("a");
  Propose("a");
  Propose("b");
  EXPECT_EQ(state_.FirstToTrain(), 1);
  Start(1);
  EXPECT_EQ(state_.FirstToTrain(), 3);
  Set(1, EventKind::kRequeued, v1::TRIAL_WAITING);
  EXPECT_EQ(state_.FirstToMeasure(), 1);
  EXPECT_EQ(state_.FirstToTrain(), 3);  // 2 waits for 1
  Start(1);
  EXPECT_EQ(state_.FirstToMeasure(), std::nullopt);
  Succeed(1, 0.5, 100);
  EXPECT_EQ(state_.FirstToTrain(), 2);
  EXPECT_EQ(state_.ResultOf("a"), 1);
  EXPECT_EQ(state_.ResultOf("b"), std::nullopt);
  EXPECT_TRUE(state_.IsKnown("b"));
  EXPECT_FALSE(state_.IsKnown("c"));
}

TEST_F(StudyStateTest, ADroppedArtifactOfATrialThatEndedIsTold) {
  Propose("a");
  state_.Change(1, EventKind::kProgress, absl::UnixEpoch(),
                [](TrialRecord& trial) { trial.resume_from = "saved"; });
  Set(1, EventKind::kEnded, v1::TRIAL_FAILED);
  Batch batch;
  std::vector<std::string> dropped;
  state_.TakeChanges(batch, dropped);
  EXPECT_THAT(dropped, ElementsAre("saved"));
  EXPECT_EQ(batch.trials[0].resume_from, "");
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

// Random histories, committed now and then: counts add up, the front is what brute force says, and
// reading the rows back, all of them or those since a snapshot, gives the same state.
TEST_F(StudyStateTest, CountsFrontAndRestoreHoldOverRandomHistories) {
  Random random(5);
  std::map<int64_t, TrialRecord> rows;
  std::string snapshot;
  int64_t snapshot_event = 0;
  const auto commit = [&] {
    Batch batch;
    std::vector<std::string> dropped;
    state_.TakeChanges(batch, dropped);
    for (const TrialRecord& trial : batch.trials) rows[trial.number] = trial;
  };
  for (int step = 0; step < 3000; ++step) {
    const int64_t trials = state_.record().trials;
    const int64_t number = trials == 0 ? 0 : 1 + static_cast<int64_t>(random.Below(trials));
    if (number == 0 || random.Chance(0.3)) {
      Propose(absl::StrCat(random.Below(100)));
    } else if (state_.open().contains(number)) {
      const uint64_t what = random.Below(4);
      if (what == 0) {
        Start(number);
      } else if (what == 1) {
        Set(number, EventKind::kRequeued,
            random.Chance(0.5) ? v1::TRIAL_QUEUED : v1::TRIAL_WAITING);
      } else if (what == 2) {
        Succeed(number, random.Uniform(), static_cast<double>(random.Below(50)));
      } else {
        Set(number, EventKind::kEnded,
            random.Chance(0.5) ? v1::TRIAL_FAILED : v1::TRIAL_INFEASIBLE);
      }
    }
    const StudyRecord& record = state_.record();
    ASSERT_EQ(record.trials, record.queued + record.running + record.succeeded + record.infeasible +
                                 record.failed + record.cancelled);
    ASSERT_EQ(record.queued + record.running, static_cast<int64_t>(state_.open().size()));
    if (random.Chance(0.1)) commit();
    if (step == 2000) {
      snapshot = state_.Snapshot();
      snapshot_event = record.event;
    }
  }
  commit();
  const auto values = [](const TrialRecord& t) {
    return std::vector<double>{t.metrics.at("accuracy").value, -t.metrics.at("parameters").value};
  };
  for (const auto& [number, a] : rows) {
    if (a.state != v1::TRIAL_SUCCEEDED) continue;
    bool dominated = false;
    for (const auto& [other, b] : rows) {
      if (b.state == v1::TRIAL_SUCCEEDED) dominated |= Dominates(values(b), values(a));
    }
    EXPECT_EQ(a.on_front, !dominated) << number;
  }
  std::vector<ResultKey> results;
  std::set<std::string> seen;
  for (const auto& [number, row] : rows) {
    const bool has = row.state == v1::TRIAL_SUCCEEDED || row.state == v1::TRIAL_INFEASIBLE;
    if (has && seen.insert(row.evaluation_key).second) {
      results.push_back({number, row.evaluation_key});
    }
  }
  for (const bool whole : {true, false}) {
    const int64_t event = whole ? 0 : snapshot_event;
    std::vector<TrialRecord> since;
    for (const auto& [number, row] : rows) {
      if (row.IsOpen() || row.on_front || row.proposed_event > event || row.ended_event > event) {
        since.push_back(row);
      }
    }
    EXPECT_EQ(since.size() == rows.size(), whole);
    StudyState restored(state_.record(), spec_);
    ASSERT_TRUE(restored.Restore(whole ? "" : snapshot, event, since, results).ok());
    EXPECT_EQ(restored.open(), state_.open());
    EXPECT_EQ(restored.FirstToTrain(), state_.FirstToTrain());
    EXPECT_EQ(restored.FirstToMeasure(), state_.FirstToMeasure());
    EXPECT_EQ(restored.failures_in_row(), state_.failures_in_row());
    EXPECT_EQ(restored.record().hypervolume, state_.record().hypervolume);
    EXPECT_EQ(restored.Snapshot(), state_.Snapshot());
    ASSERT_EQ(restored.front().points().size(), state_.front().points().size());
    for (size_t i = 0; i < state_.front().points().size(); ++i) {
      EXPECT_EQ(restored.front().points()[i].id, state_.front().points()[i].id);
    }
    for (int key = 0; key < 101; ++key) {
      EXPECT_EQ(restored.IsKnown(absl::StrCat(key)), state_.IsKnown(absl::StrCat(key))) << key;
    }
  }
}

TEST_F(StudyStateTest, ABrokenSnapshotIsRefused) {
  for (const char* snapshot :
       {"{", "[]", "{\"feasible\": 1}",
        R"({"feasible": 1, "worst": [], "failures": [3], "without_result": []})"}) {
    StudyState state(Record(), spec_);
    EXPECT_TRUE(absl::IsInvalidArgument(state.Restore(snapshot, 5, {}, {}))) << snapshot;
  }
}

}  // namespace
}  // namespace cambrian
