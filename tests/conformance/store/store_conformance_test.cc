// What every store promises of rows and batches. Who instantiates the suite says which stores.
#include <atomic>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/conformance/store/make_records.h"
#include "tests/conformance/store/store_home.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

}  // namespace

void StoreConformanceTest::SetUp() {
  std::string reason;
  home_ = GetParam().make(&reason);
  if (home_ == nullptr) GTEST_SKIP() << reason;
  store_ = home_->Open();
  epoch_ = store_->StartEpoch("first", absl::Seconds(10)).value().number;
}

absl::Status StoreConformanceTest::Commit(Batch batch) {
  batch.marker = {epoch_, ++commits_};
  return store_->Commit(batch);
}

void StoreConformanceTest::Fill(int64_t study, int64_t trials) {
  Batch batch;
  batch.studies = {MakeStudy(study)};
  for (int64_t i = 1; i <= trials; ++i) batch.trials.push_back(MakeTrial(study, i));
  ASSERT_TRUE(Commit(batch).ok());
}

TEST_P(StoreConformanceTest, AStudyComesBackAsItWent) {
  StudyRecord study = MakeStudy(1);
  study.tenant = "";
  study.state = v1::FAILED;
  study.reason = "because 'of' \"this\"";
  study.ended = absl::FromUnixMicros(1'700'000'002'000'001);
  study.elapsed = absl::Microseconds(12'345'678);
  study.parent = "p";
  study.successor = "s";
  study.continues = "an older one";
  study.circumstances = "data, seed and so on";
  study.trials = 21;
  study.queued = 1;
  study.running = 2;
  study.succeeded = 3;
  study.infeasible = 4;
  study.failed = 5;
  study.cancelled = 6;
  study.known = 2;
  study.time_budget = absl::Minutes(5);
  study.device_seconds = 0.1;
  study.hypervolume = 1.0 / 3;
  study.reference = {0.1, -1e300};
  Batch batch;
  batch.studies = {study};
  ASSERT_TRUE(Commit(batch).ok());

  const StudyRecord read = store_->Study("study-1").value();
  EXPECT_EQ(read.id, 1);
  EXPECT_EQ(read.name, study.name);
  EXPECT_EQ(read.request_id, study.request_id);
  EXPECT_EQ(read.text, "");
  EXPECT_EQ(store_->StudyText(1).value(), study.text);
  EXPECT_EQ(read.state, study.state);
  EXPECT_EQ(read.reason, study.reason);
  EXPECT_EQ(read.created, study.created);
  EXPECT_EQ(read.ended, study.ended);
  EXPECT_EQ(read.elapsed, study.elapsed);
  EXPECT_EQ(read.parent, "p");
  EXPECT_EQ(read.successor, "s");
  EXPECT_EQ(read.continues, study.continues);
  EXPECT_EQ(read.circumstances, study.circumstances);
  EXPECT_EQ(read.trials, 21);
  EXPECT_EQ(read.queued, 1);
  EXPECT_EQ(read.running, 2);
  EXPECT_EQ(read.succeeded, 3);
  EXPECT_EQ(read.infeasible, 4);
  EXPECT_EQ(read.failed, 5);
  EXPECT_EQ(read.cancelled, 6);
  EXPECT_EQ(read.known, 2);
  EXPECT_EQ(read.objective, study.objective);
  EXPECT_EQ(read.trial_budget, 10);
  EXPECT_EQ(read.time_budget, absl::Minutes(5));
  EXPECT_EQ(read.device_seconds, 0.1);
  EXPECT_EQ(read.event, 1);
  EXPECT_EQ(read.hypervolume, 1.0 / 3);
  EXPECT_THAT(read.reference, ElementsAre(0.1, -1e300));
}

TEST_P(StoreConformanceTest, WhatIsNotKnownStaysUnknown) {
  Fill(1, 1);
  const StudyRecord study = store_->Study("study-1").value();
  EXPECT_EQ(study.ended, std::nullopt);
  EXPECT_EQ(study.time_budget, absl::InfiniteDuration());
  EXPECT_TRUE(std::isnan(study.hypervolume));
  EXPECT_THAT(study.reference, IsEmpty());
  const TrialRecord trial = store_->Trial(1, 1).value();
  EXPECT_EQ(trial.started, std::nullopt);
  EXPECT_EQ(trial.ended, std::nullopt);
  EXPECT_THAT(trial.metrics, IsEmpty());
}

TEST_P(StoreConformanceTest, ATrialComesBackAsItWent) {
  Fill(1, 0);
  TrialRecord trial = MakeTrial(1, 1);
  trial.state = v1::TRIAL_SUCCEEDED;
  trial.reason = "r";
  trial.metrics = {{"accuracy", {0.1, 0.05, 0.15}}, {"loss", {1e-300, {}, {}}}};
  trial.same_as = 3;
  trial.known = true;
  trial.started = absl::FromUnixMicros(1'700'000'002'000'000);
  trial.ended = absl::FromUnixMicros(1'700'000'003'000'000);
  trial.ended_event = 9;
  trial.attempts = 2;
  trial.losses = 1;
  trial.out_of_memory = 1;
  trial.token = int64_t{1} << 40;
  trial.worker = "w";
  trial.seconds = 2.5;
  trial.checkpoint = std::string(64, 'a');
  trial.resume_from = std::string(64, 'b');
  trial.trained = true;
  trial.on_front = true;
  trial.progress.set_step(2);
  Batch batch;
  batch.trials = {trial};
  ASSERT_TRUE(Commit(batch).ok());

  const TrialRecord read = store_->Trial(1, 1).value();
  EXPECT_EQ(read.study, 1);
  EXPECT_EQ(read.number, 1);
  EXPECT_EQ(read.state, trial.state);
  EXPECT_EQ(read.reason, "r");
  EXPECT_EQ(read.architecture, trial.architecture);
  EXPECT_EQ(read.canonical_key, "c1");
  EXPECT_EQ(read.evaluation_key, "e1");
  EXPECT_EQ(read.origin, "random");
  EXPECT_EQ(read.metrics, trial.metrics);
  EXPECT_EQ(read.same_as, 3);
  EXPECT_TRUE(read.known);
  EXPECT_EQ(read.created, trial.created);
  EXPECT_EQ(read.started, trial.started);
  EXPECT_EQ(read.ended, trial.ended);
  EXPECT_EQ(read.proposed_event, 2);
  EXPECT_EQ(read.ended_event, 9);
  EXPECT_EQ(read.attempts, 2);
  EXPECT_EQ(read.losses, 1);
  EXPECT_EQ(read.out_of_memory, 1);
  EXPECT_EQ(read.token, int64_t{1} << 40);
  EXPECT_EQ(read.worker, "w");
  EXPECT_EQ(read.seconds, 2.5);
  EXPECT_EQ(read.checkpoint, trial.checkpoint);
  EXPECT_EQ(read.resume_from, trial.resume_from);
  EXPECT_EQ(read.trained, trial.trained);
  EXPECT_TRUE(read.on_front);
  EXPECT_EQ(read.progress.step(), 2);
}

TEST_P(StoreConformanceTest, WritingAgainReplacesButForTheText) {
  Fill(1, 1);
  StudyRecord study = store_->Study("study-1").value();
  study.trials = 5;
  TrialRecord trial = MakeTrial(1, 1);
  trial.state = v1::TRIAL_RUNNING;
  Batch batch;
  batch.studies = {study};
  batch.trials = {trial};
  ASSERT_TRUE(Commit(batch).ok());
  EXPECT_EQ(store_->Study("study-1")->trials, 5);
  EXPECT_EQ(store_->StudyText(1).value(), "text of 1");
  EXPECT_EQ(store_->Trial(1, 1)->state, v1::TRIAL_RUNNING);
  EXPECT_THAT(store_->Studies().value(), SizeIs(1));
}

TEST_P(StoreConformanceTest, TrialsAreReadByTheirNumbers) {
  Fill(1, 5);
  Fill(2, 5);
  const auto numbers = [&](const std::vector<int64_t>& asked) {
    std::vector<int64_t> result;
    const std::vector<TrialRecord> trials = store_->TrialsWith(1, asked).value();
    for (const TrialRecord& trial : trials) {
      EXPECT_EQ(trial.study, 1);
      EXPECT_EQ(trial.evaluation_key, "e" + std::to_string(trial.number));
      result.push_back(trial.number);
    }
    return result;
  };
  EXPECT_THAT(numbers({4, 2}), ElementsAre(2, 4));
  EXPECT_THAT(numbers({5, 7, -1, 0, 5}), ElementsAre(5));
  EXPECT_THAT(numbers({}), IsEmpty());
}

TEST_P(StoreConformanceTest, AllOrNothing) {
  Fill(1, 0);
  Batch batch;
  batch.events = {MakeEvent(1, 1, 0)};
  ASSERT_TRUE(Commit(batch).ok());
  batch.studies = {MakeStudy(2)};
  batch.trials = {MakeTrial(2, 1)};  // and event 1 once more, which is refused
  EXPECT_FALSE(Commit(batch).ok());
  EXPECT_TRUE(absl::IsNotFound(store_->Study("study-2").status()));
  EXPECT_THAT(store_->Trials(2, 0, 10).value(), IsEmpty());
  EXPECT_EQ(store_->LastCommit().value(), (CommitMarker{epoch_, commits_ - 1}));
  batch = Batch();
  batch.trials = {MakeTrial(99, 1)};
  EXPECT_FALSE(Commit(batch).ok()) << "a trial of no study";
  batch = Batch();
  batch.events = {MakeEvent(99, 1, 0)};
  EXPECT_FALSE(Commit(batch).ok()) << "an event of no study";
  batch = Batch();
  batch.attempts = {MakeAttempt(99, 1, 1, "")};
  EXPECT_FALSE(Commit(batch).ok()) << "an attempt of no study";
  batch = Batch();
  batch.attempts = {MakeAttempt(1, 1, 1, "")};
  EXPECT_TRUE(Commit(batch).ok());
  EXPECT_FALSE(Commit(batch).ok()) << "the same attempt again";
}

TEST_P(StoreConformanceTest, TheLastOfEqualRecordsInABatchCounts) {
  Batch batch;
  batch.studies = {MakeStudy(1), MakeStudy(1)};
  batch.studies[1].text = "";
  batch.studies[1].trials = 3;
  batch.trials = {MakeTrial(1, 1), MakeTrial(1, 1)};
  batch.trials[1].state = v1::TRIAL_RUNNING;
  batch.trials.push_back(MakeTrial(1, 2));
  batch.trials.push_back(MakeTrial(1, 2));
  batch.trials[3].state = v1::TRIAL_FAILED;
  batch.events = {MakeEvent(1, 1, 2)};  // the second trial is proposed here
  batch.events[0].kind = EventKind::kProposed;
  batch.snapshots = {{1, 1, "a", "a"}, {1, 2, "b", "b"}};
  batch.workers.resize(2);
  ASSERT_TRUE(Commit(batch).ok());
  EXPECT_EQ(store_->Study("study-1")->trials, 3);
  EXPECT_EQ(store_->StudyText(1).value(), "text of 1");
  EXPECT_EQ(store_->Trial(1, 1)->state, v1::TRIAL_RUNNING);
  EXPECT_EQ(store_->Trial(1, 2)->state, v1::TRIAL_FAILED);
  EXPECT_EQ(store_->Snapshot(1).value()->strategy, "b");
}

TEST_P(StoreConformanceTest, WhatABatchDeletesIsNotThereAfterIt) {
  Fill(1, 1);
  Batch batch;
  batch.studies = {MakeStudy(1), MakeStudy(2)};
  batch.trials = {MakeTrial(1, 1), MakeTrial(1, 2), MakeTrial(2, 1)};
  batch.events = {MakeEvent(1, 1, 1)};
  batch.attempts = {MakeAttempt(1, 1, 1, "log")};
  batch.snapshots = {{1, 1, "a", "a"}};
  batch.deleted = {1, 2};
  ASSERT_TRUE(Commit(batch).ok());
  EXPECT_THAT(store_->Studies().value(), IsEmpty());
  EXPECT_THAT(store_->Trials(1, 0, 10).value(), IsEmpty());
  EXPECT_THAT(store_->Attempts(1, 1).value(), IsEmpty());
  Fill(1, 0);  // the name is free again
  EXPECT_THAT(store_->Events(1, 0, 10).value(), IsEmpty());
}

TEST_P(StoreConformanceTest, TextMayHaveAnyCharacter) {
  Fill(1, 0);
  TrialRecord trial = MakeTrial(1, 1);
  trial.reason = "{a,\"b\\\\c\"} NULL 'x' \t\n ü € 😀";
  trial.worker = "NULL";
  trial.origin = "\\";
  trial.metrics = {{"with \"quotes\" and \\", {1, {}, {}}}};
  Batch batch;
  batch.trials = {trial, MakeTrial(1, 2)};
  ASSERT_TRUE(Commit(batch).ok());
  const TrialRecord read = store_->Trial(1, 1).value();
  EXPECT_EQ(read.reason, trial.reason);
  EXPECT_EQ(read.worker, "NULL");
  EXPECT_EQ(read.origin, "\\");
  EXPECT_EQ(read.metrics, trial.metrics);
  EXPECT_EQ(store_->Trial(1, 2)->reason, "");
}

TEST_P(StoreConformanceTest, TrialsComeInPages) {
  Fill(1, 5);
  const auto numbers = [&](int64_t after, int64_t limit) {
    std::vector<int64_t> result;
    const std::vector<TrialRecord> trials = store_->Trials(1, after, limit).value();
    for (const TrialRecord& trial : trials) result.push_back(trial.number);
    return result;
  };
  EXPECT_THAT(numbers(0, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(numbers(3, 3), ElementsAre(4, 5));
  EXPECT_THAT(numbers(5, 3), IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(store_->Trial(1, 6).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Trial(2, 1).status()));
}

TEST_P(StoreConformanceTest, TheFrontAndTheCheckpoints) {
  Fill(1, 0);
  Fill(2, 0);
  Batch batch;
  for (int64_t number : {1, 2, 3}) {
    TrialRecord trial = MakeTrial(1, number);
    trial.on_front = number != 2;
    trial.checkpoint = number == 2 ? "" : "shared";
    trial.resume_from = number == 2 ? "half" : "";
    batch.trials.push_back(trial);
  }
  ASSERT_TRUE(Commit(batch).ok());
  EXPECT_THAT(store_->FrontTrials(1).value(), SizeIs(2));
  EXPECT_THAT(store_->FrontTrials(2).value(), IsEmpty());
  EXPECT_THAT(store_->Checkpoints(1).value(), ElementsAre("half", "shared"));
  EXPECT_TRUE(store_->IsCheckpointUsed("half").value());
  EXPECT_TRUE(store_->IsCheckpointUsed("shared").value());
  EXPECT_FALSE(store_->IsCheckpointUsed("other").value());
  EXPECT_FALSE(store_->IsCheckpointUsed("").value());
  EXPECT_THAT(store_->CheckpointTenants("shared").value(), ElementsAre(""));
  EXPECT_THAT(store_->CheckpointTenants("other").value(), IsEmpty());
  Batch another;
  another.studies = {MakeStudy(3)};
  another.studies[0].tenant = "b";
  another.trials = {MakeTrial(3, 1)};
  another.trials[0].checkpoint = "shared";
  ASSERT_TRUE(Commit(another).ok());
  EXPECT_THAT(store_->CheckpointTenants("shared").value(), ElementsAre("", "b"));
}

TEST_P(StoreConformanceTest, DeletingAStudyDeletesAllOfIt) {
  Fill(1, 2);
  Fill(2, 1);
  Batch batch;
  batch.events = {MakeEvent(1, 1, 1)};
  batch.attempts = {MakeAttempt(1, 1, 1, "log")};
  batch.snapshots = {{1, 3, "strategy", "state"}};
  ASSERT_TRUE(Commit(batch).ok());
  batch = Batch();
  batch.deleted = {1};
  ASSERT_TRUE(Commit(batch).ok());
  EXPECT_TRUE(absl::IsNotFound(store_->Study("study-1").status()));
  EXPECT_TRUE(absl::IsNotFound(store_->StudyText(1).status()));
  EXPECT_THAT(store_->Trials(1, 0, 10).value(), IsEmpty());
  EXPECT_THAT(store_->Events(1, 0, 10).value(), IsEmpty());
  EXPECT_EQ(store_->Log(1, 1).value(), "");
  EXPECT_THAT(store_->Attempts(1, 1).value(), IsEmpty());
  EXPECT_FALSE(store_->Snapshot(1).value().has_value());
  EXPECT_THAT(store_->Trials(2, 0, 10).value(), SizeIs(1));
}

TEST_P(StoreConformanceTest, ReadersSeeWholeBatchesWhileOneWrites) {
  Fill(1, 0);
  std::atomic<bool> done = false;
  int torn = 0;
  std::thread reader([&] {
    while (!done) {
      // Each batch adds two trials.
      const auto trials = store_->Trials(1, 0, 1000);
      torn += !trials.ok() || trials->size() % 2 != 0;
    }
  });
  for (int64_t i = 0; i < 50; ++i) {
    Batch batch;
    batch.trials = {MakeTrial(1, 2 * i + 1), MakeTrial(1, 2 * i + 2)};
    EXPECT_TRUE(Commit(batch).ok());
  }
  done = true;
  reader.join();
  EXPECT_EQ(torn, 0);
}

}  // namespace cambrian
