// What every store promises. Who instantiates the suite says which stores.
#include <atomic>
#include <cmath>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/conformance/store/store_home.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

StudyRecord MakeStudy(int64_t id) {
  StudyRecord study;
  study.id = id;
  study.name = "study-" + std::to_string(id);
  study.request_id = "request-" + std::to_string(id);
  study.text = "text of " + std::to_string(id);
  study.created = absl::FromUnixMicros(1'700'000'000'123'456);
  study.trial_budget = 10;
  study.objective = {"loss", false};
  study.event = 1;
  return study;
}

TrialRecord MakeTrial(int64_t study, int64_t number) {
  TrialRecord trial;
  trial.study = study;
  trial.number = number;
  trial.architecture = R"({"a": "skip"})";
  trial.canonical_key = "c" + std::to_string(number);
  trial.evaluation_key = "e" + std::to_string(number);
  trial.origin = "random";
  trial.created = absl::FromUnixMicros(1'700'000'001'000'000);
  trial.proposed_event = number + 1;
  return trial;
}

EventRecord MakeEvent(int64_t study, int64_t number, int64_t trial) {
  EventRecord event;
  event.study = study;
  event.number = number;
  event.trial = trial;
  event.kind = trial == 0 ? EventKind::kState : EventKind::kProposed;
  event.event.set_number(number);
  if (trial == 0) {
    event.event.set_state(v1::ACTIVE);
  } else {
    event.event.mutable_trial()->set_number(trial);
  }
  return event;
}

AttemptRecord MakeAttempt(int64_t study, int64_t trial, int64_t token, const std::string& log) {
  AttemptRecord attempt;
  attempt.study = study;
  attempt.trial = trial;
  attempt.token = token;
  attempt.worker = "w";
  attempt.measures = token % 2 == 0;
  attempt.started = absl::FromUnixMicros(1'700'000'002'000'000);
  attempt.ended = absl::FromUnixMicros(1'700'000'003'000'001);
  attempt.end = v1::ATTEMPT_LOST;
  attempt.reason = "no word";
  attempt.seconds = 1.5;
  attempt.log = log;
  return attempt;
}

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

TEST_P(StoreConformanceTest, ACommitIsNamedByItsMarker) {
  Fill(1, 0);
  EXPECT_EQ(store_->LastCommit().value(), (CommitMarker{epoch_, 1}));
  Fill(2, 0);
  EXPECT_EQ(store_->LastCommit().value(), (CommitMarker{epoch_, 2}));
}

TEST_P(StoreConformanceTest, OnlyTheNewestEpochWrites) {
  Batch batch;
  batch.studies = {MakeStudy(1)};
  batch.counters = {4, 17};
  ASSERT_TRUE(Commit(batch).ok());
  const TrialStore::Epoch epoch = store_->StartEpoch("first", absl::Seconds(10)).value();
  EXPECT_GT(epoch.number, epoch_);
  EXPECT_EQ(epoch.counters, (Counters{4, 17}));
  batch.studies = {MakeStudy(2)};
  EXPECT_TRUE(absl::IsFailedPrecondition(Commit(batch)));
  EXPECT_THAT(store_->Studies().value(), SizeIs(1));
  // A new epoch alone is no commit: a marker still names the one before.
  EXPECT_EQ(store_->LastCommit().value(), (CommitMarker{epoch_, 1}));
}

TEST_P(StoreConformanceTest, AnEpochIsRenewedWhileItIsTheNewest) {
  EXPECT_TRUE(store_->RenewEpoch(epoch_, absl::Seconds(10)).ok());
  const TrialStore::Epoch epoch = store_->StartEpoch("first", absl::Seconds(10)).value();
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->RenewEpoch(epoch_, absl::Seconds(10))));
  EXPECT_TRUE(store_->EndEpoch(epoch_).ok());  // not the newest: nothing happens
  EXPECT_TRUE(store_->RenewEpoch(epoch.number, absl::Seconds(10)).ok());
  EXPECT_TRUE(store_->EndEpoch(epoch.number).ok());
  EXPECT_TRUE(store_->StartEpoch("second", absl::Seconds(10)).ok());
}

TEST_P(SharedStoreTest, AnotherServerWaitsUntilTheTermIsOver) {
  TrialStore* const other = home_->Second(*store_);
  const absl::Status refused = other->StartEpoch("second", absl::Seconds(10)).status();
  EXPECT_TRUE(absl::IsAlreadyExists(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("first"));
  home_->Pass(absl::Seconds(9));
  EXPECT_TRUE(store_->RenewEpoch(epoch_, absl::Seconds(10)).ok());
  home_->Pass(absl::Seconds(9));
  EXPECT_TRUE(absl::IsAlreadyExists(other->StartEpoch("second", absl::Seconds(10)).status()));

  home_->Pass(absl::Seconds(2));
  Batch batch;
  batch.studies = {MakeStudy(1)};
  batch.counters = {1, 5};
  EXPECT_TRUE(Commit(batch).ok()) << "nobody has taken over yet";
  const TrialStore::Epoch epoch = other->StartEpoch("second", absl::Seconds(10)).value();
  EXPECT_GT(epoch.number, epoch_);
  EXPECT_EQ(epoch.counters, (Counters{1, 5}));
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->RenewEpoch(epoch_, absl::Seconds(10))));
  EXPECT_TRUE(absl::IsAlreadyExists(store_->StartEpoch("first", absl::Seconds(10)).status()));
  batch.trials = {MakeTrial(1, 1)};
  EXPECT_TRUE(absl::IsFailedPrecondition(Commit(batch)));
  EXPECT_THAT(store_->Trials(1, 0, 10).value(), IsEmpty());
  batch.marker = {epoch.number, 1};
  EXPECT_TRUE(other->Commit(batch).ok());
  EXPECT_THAT(store_->Trials(1, 0, 10).value(), SizeIs(1));
}

TEST_P(SharedStoreTest, AServerThatLeavesMakesRoomAtOnce) {
  TrialStore* const other = home_->Second(*store_);
  ASSERT_TRUE(store_->EndEpoch(epoch_).ok());
  const TrialStore::Epoch epoch = other->StartEpoch("second", absl::Seconds(10)).value();
  ASSERT_TRUE(store_->EndEpoch(epoch_).ok());  // it is not its epoch any more
  EXPECT_TRUE(absl::IsAlreadyExists(store_->StartEpoch("first", absl::Seconds(10)).status()));
  EXPECT_TRUE(other->RenewEpoch(epoch.number, absl::Seconds(10)).ok());
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

TEST_P(StoreConformanceTest, EventsAreCompleteWithWhatTheTrialsRowSays) {
  Fill(1, 1);
  Batch batch;
  batch.events = {MakeEvent(1, 1, 0), MakeEvent(1, 2, 1)};
  ASSERT_TRUE(Commit(batch).ok());
  const std::vector<EventRecord> events = store_->Events(1, 0, 10).value();
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].event.state(), v1::ACTIVE);
  EXPECT_EQ(events[1].number, 2);
  EXPECT_EQ(events[1].trial, 1);
  EXPECT_EQ(events[1].kind, EventKind::kProposed);
  EXPECT_EQ(events[1].event.trial().architecture(), R"({"a": "skip"})");
  EXPECT_EQ(events[1].event.trial().canonical_key(), "c1");
  EXPECT_EQ(events[1].event.trial().origin(), "random");
  EXPECT_THAT(store_->Events(1, 1, 10).value(), SizeIs(1));
  EXPECT_THAT(store_->Events(1, 0, 1).value(), SizeIs(1));
}

TEST_P(StoreConformanceTest, EventsOfCommitsOfAnySizeAreReadByPages) {
  Fill(1, 1);
  Fill(2, 1);
  int64_t number = 0;
  for (const int size : {1, 100, 3, 40}) {
    Batch batch;
    for (int i = 0; i < size; ++i) {
      EventRecord event = MakeEvent(1, ++number, i % 2);
      if (i % 7 == 3) event.kind = EventKind::kProgress;
      if (i % 2 == 1)
        event.event.mutable_trial()->set_reason(std::string(i == 97 ? 5000 : 300, 'r'));
      batch.events.push_back(event);
      batch.events.push_back(MakeEvent(2, number, 0));  // another study's between
    }
    ASSERT_TRUE(Commit(batch).ok());
  }
  int64_t progress = 0;
  for (const int64_t study : {1, 2}) {
    for (const int64_t limit : {1, 7, 64, 1000}) {
      std::vector<EventRecord> events;
      for (int64_t after = 0; after < number; after = events.back().number) {
        const std::vector<EventRecord> page = store_->Events(study, after, limit).value();
        ASSERT_THAT(page, SizeIs(std::min(limit, number - after)));
        events.insert(events.end(), page.begin(), page.end());
      }
      ASSERT_THAT(events, SizeIs(number));
      for (int64_t i = 0; i < number; ++i) {
        EXPECT_EQ(events[i].study, study);
        EXPECT_EQ(events[i].number, i + 1);
        EXPECT_EQ(events[i].event.number(), i + 1);
        if (events[i].kind == EventKind::kProgress) ++progress;
        EXPECT_EQ(events[i].event.trial().origin(), events[i].trial == 0 ? "" : "random");
      }
    }
  }
  EXPECT_EQ(progress, 4 * (14 + 6));  // in each reading, of the 100 and the 40
  EXPECT_THAT(store_->Events(1, number, 10).value(), IsEmpty());
}

TEST_P(StoreConformanceTest, TheCurveIsOfTheNewestAttempt) {
  Fill(1, 2);
  Batch batch;
  TrialRecord trial = MakeTrial(1, 1);
  trial.attempts = 2;
  batch.trials = {trial};
  int64_t number = 0;
  for (int attempt : {1, 2}) {
    for (int step : {1, 2, 3}) {
      EventRecord event = MakeEvent(1, ++number, step == 3 ? 2 : 1);  // another trial's between
      event.kind = EventKind::kProgress;
      event.event.mutable_trial()->set_attempts(attempt);
      event.event.mutable_trial()->mutable_progress()->set_step(10 * attempt + step);
      batch.events.push_back(event);
    }
  }
  ASSERT_TRUE(Commit(batch).ok());
  const std::vector<v1::Progress> curve = store_->Curve(1, 1).value();
  ASSERT_THAT(curve, SizeIs(2));
  EXPECT_EQ(curve[0].step(), 21);
  EXPECT_EQ(curve[1].step(), 22);
}

TEST_P(StoreConformanceTest, TheLogIsThatOfTheNewestAttempt) {
  Fill(1, 2);
  EXPECT_EQ(store_->Log(1, 1).value(), "");
  const std::string bytes("\0\xff text", 7);
  Batch batch;
  batch.attempts = {MakeAttempt(1, 1, 1, "old"), MakeAttempt(1, 1, 2, bytes),
                    MakeAttempt(1, 1, 4, ""), MakeAttempt(1, 2, 3, "other")};
  ASSERT_TRUE(Commit(batch).ok());
  EXPECT_EQ(store_->Log(1, 1).value(), bytes);
  EXPECT_EQ(store_->Log(1, 2).value(), "other");
}

TEST_P(StoreConformanceTest, AttemptsComeBackWithoutTheirLogs) {
  Fill(1, 2);
  Batch batch;
  batch.attempts = {MakeAttempt(1, 1, 7, "log"), MakeAttempt(1, 1, 4, ""),
                    MakeAttempt(1, 2, 5, "")};
  ASSERT_TRUE(Commit(batch).ok());
  const std::vector<AttemptRecord> attempts = store_->Attempts(1, 1).value();
  ASSERT_THAT(attempts, SizeIs(2));
  EXPECT_EQ(attempts[0].token, 4);
  const AttemptRecord expected = batch.attempts[0];
  EXPECT_EQ(attempts[1].token, 7);
  EXPECT_EQ(attempts[1].worker, expected.worker);
  EXPECT_EQ(attempts[1].measures, expected.measures);
  EXPECT_EQ(attempts[1].started, expected.started);
  EXPECT_EQ(attempts[1].ended, expected.ended);
  EXPECT_EQ(attempts[1].end, expected.end);
  EXPECT_EQ(attempts[1].reason, expected.reason);
  EXPECT_EQ(attempts[1].seconds, expected.seconds);
  EXPECT_EQ(attempts[1].log, "");
}

TEST_P(StoreConformanceTest, EveryEndOfAnAttemptIsKeptApart) {
  Fill(1, 1);
  Batch batch;
  for (int end = v1::AttemptEnd_MIN; end <= v1::AttemptEnd_MAX; ++end) {
    batch.attempts.push_back(MakeAttempt(1, 1, end + 1, ""));
    batch.attempts.back().end = static_cast<v1::AttemptEnd>(end);
  }
  ASSERT_TRUE(Commit(batch).ok());
  const std::vector<AttemptRecord> attempts = store_->Attempts(1, 1).value();
  ASSERT_EQ(attempts.size(), batch.attempts.size());
  for (size_t i = 0; i < attempts.size(); ++i) EXPECT_EQ(attempts[i].end, batch.attempts[i].end);
}

TEST_P(StoreConformanceTest, TheNewestSnapshotIsKept) {
  Fill(1, 1);
  EXPECT_FALSE(store_->Snapshot(1).value().has_value());
  const std::string bytes("\0\xff", 2);
  Batch batch;
  batch.snapshots = {{1, 10, "old", "old"}};
  ASSERT_TRUE(Commit(batch).ok());
  batch.snapshots = {{1, 20, bytes, "state"}};
  ASSERT_TRUE(Commit(batch).ok());
  const std::optional<SnapshotRecord> snapshot = store_->Snapshot(1).value();
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->study, 1);
  EXPECT_EQ(snapshot->event, 20);
  EXPECT_EQ(snapshot->strategy, bytes);
  EXPECT_EQ(snapshot->state, "state");
}

TEST_P(StoreConformanceTest, AServerGoesOnFromASnapshot) {
  Fill(1, 0);
  Batch batch;
  for (int64_t number : {1, 2, 3, 4, 5}) {
    TrialRecord trial = MakeTrial(1, number);  // proposed by event number + 1
    trial.evaluation_key = number == 2 ? "e1" : trial.evaluation_key;
    if (number != 3) {
      trial.ended_event = 10 + number;
      trial.state = number == 4   ? v1::TRIAL_FAILED
                    : number == 5 ? v1::TRIAL_INFEASIBLE
                                  : v1::TRIAL_SUCCEEDED;
    }
    trial.on_front = number == 1;
    batch.trials.push_back(trial);
  }
  ASSERT_TRUE(Commit(batch).ok());
  const auto numbers = [&](int64_t event) {
    std::vector<int64_t> result;
    const std::vector<TrialRecord> trials = store_->TrialsSince(1, event).value();
    for (const TrialRecord& trial : trials) {
      result.push_back(trial.number);
    }
    return result;
  };
  EXPECT_THAT(numbers(0), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(numbers(14), ElementsAre(1, 3, 5));  // on the front, open, ended since
  EXPECT_THAT(numbers(20), ElementsAre(1, 3));
  std::vector<std::pair<int64_t, std::string>> keys;
  const std::vector<ResultKey> results = store_->ResultKeys(1).value();
  for (const ResultKey& key : results) {
    keys.emplace_back(key.trial, key.evaluation_key);
  }
  EXPECT_THAT(keys, ElementsAre(Pair(1, "e1"), Pair(5, "e5")));
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
  EXPECT_THAT(store_->UsedArtifacts().value(), ElementsAre("half", "shared"));
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
