// What every store promises of what happened: events, attempts, snapshots.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/conformance/store/make_records.h"
#include "tests/conformance/store/store_home.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

// A trial that succeeded, and its last attempt.
std::pair<TrialRecord, AttemptRecord> MakeSuccess(int64_t number, int64_t token) {
  AttemptRecord attempt = MakeAttempt(1, number, token, "");
  attempt.measures = false;
  attempt.end = v1::ATTEMPT_SUCCEEDED;
  attempt.reason = "";
  TrialRecord trial = MakeTrial(1, number);
  trial.state = v1::TRIAL_SUCCEEDED;
  trial.token = attempt.token;
  trial.worker = attempt.worker;
  trial.started = attempt.started;
  trial.ended = attempt.ended;
  trial.seconds = attempt.seconds;
  trial.ended_event = 50 + number;
  return {trial, attempt};
}

}  // namespace

TEST_P(StoreConformanceTest, ProposalsAndEndsAreEventsThatTheTrialsRowSays) {
  Fill(1, 1);  // trial 1 was proposed by event 2
  Batch batch;
  batch.events = {MakeEvent(1, 1, 0), MakeEvent(1, 3, 1)};
  ASSERT_TRUE(Commit(batch).ok());
  TrialRecord trial = MakeTrial(1, 1);
  trial.state = v1::TRIAL_SUCCEEDED;
  trial.ended_event = 4;
  batch.trials = {trial};
  batch.events = {MakeEvent(1, 4, 1)};
  batch.events[0].kind = EventKind::kEnded;
  ASSERT_TRUE(Commit(batch).ok());
  const std::vector<EventRecord> events = store_->Events(1, 0, 10).value();
  ASSERT_THAT(events, SizeIs(4));
  const EventKind kinds[] = {EventKind::kState, EventKind::kProposed, EventKind::kProgress,
                             EventKind::kEnded};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(events[i].study, 1);
    EXPECT_EQ(events[i].number, i + 1);
    EXPECT_EQ(events[i].kind, kinds[i]);
    EXPECT_EQ(events[i].trial, i == 0 ? 0 : 1);
  }
  EXPECT_EQ(events[0].event.state(), v1::ACTIVE);
  EXPECT_EQ(events[2].event.trial().number(), 1);
  EXPECT_THAT(store_->Events(1, 1, 10).value(), SizeIs(3));
  EXPECT_THAT(store_->Events(1, 0, 1).value(), SizeIs(1));
}

TEST_P(StoreConformanceTest, EventsAreReadByPages) {
  Fill(1, 0);
  Fill(2, 0);
  // Trials that are proposed one after the other, and end in another order; progress between.
  std::vector<TrialRecord> open;
  int64_t number = 0;
  for (int64_t i = 1; number < 150; ++i) {
    Batch batch;
    for (const int64_t study : {1, 2}) {
      TrialRecord trial = MakeTrial(study, i);
      trial.proposed_event = number + 1;
      batch.trials.push_back(trial);
      batch.events.push_back(MakeEvent(study, number + 2, i));
      open.push_back(trial);
    }
    number += 2;
    if (i % 3 == 0) {
      ++number;
      for (int k = 0; k < 2; ++k) {
        const auto at = open.end() - 4 + k;  // the last but one of each study
        TrialRecord trial = *at;
        open.erase(at);
        trial.ended_event = number;
        trial.state = v1::TRIAL_FAILED;
        batch.trials.push_back(trial);
      }
    }
    ASSERT_TRUE(Commit(batch).ok());
  }
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
      }
    }
  }
  EXPECT_THAT(store_->Events(1, number, 10).value(), IsEmpty());
}

TEST_P(StoreConformanceTest, AnAttemptThatTheTrialsRowTellsComesBackLikeAnyOther) {
  Fill(1, 0);
  Batch batch;
  std::map<int64_t, std::vector<AttemptRecord>> expected;  // by trial
  const auto add = [&](TrialRecord trial, std::vector<AttemptRecord> attempts) {
    batch.trials.push_back(trial);
    batch.attempts.insert(batch.attempts.end(), attempts.begin(), attempts.end());
    for (AttemptRecord& attempt : attempts) attempt.log.clear();
    expected[trial.number] = std::move(attempts);
  };
  {  // nothing more to say
    const auto [trial, attempt] = MakeSuccess(1, 11);
    batch.trials.push_back(MakeTrial(1, 1));  // it is proposed in the same batch
    add(trial, {attempt});
  }
  {  // a log
    auto [trial, attempt] = MakeSuccess(2, 12);
    attempt.log = "log";
    add(trial, {attempt});
  }
  {  // lost before, which took time
    auto [trial, attempt] = MakeSuccess(3, 13);
    trial.seconds += 1.5;
    add(trial, {MakeAttempt(1, 3, 5, ""), attempt});
  }
  {  // handed back before, which took none
    const auto [trial, attempt] = MakeSuccess(4, 14);
    AttemptRecord preempted = MakeAttempt(1, 4, 6, "");
    preempted.end = v1::ATTEMPT_PREEMPTED;
    preempted.seconds = 0;
    add(trial, {preempted, attempt});
  }
  {  // trained by one, measured by another
    auto [trial, attempt] = MakeSuccess(5, 15);
    attempt.measures = true;
    AttemptRecord trained = attempt;
    trained.token = 7;
    trained.measures = false;
    trial.seconds += trained.seconds;
    add(trial, {trained, attempt});
  }
  {  // the twin of one that succeeded, after an attempt of its own was lost
    auto [trial, attempt] = MakeSuccess(6, 16);
    trial.known = true;
    trial.same_as = 1;
    attempt.end = v1::ATTEMPT_LOST;
    add(trial, {attempt});
  }
  {  // known from the start
    TrialRecord trial = MakeSuccess(7, 17).first;
    trial.known = true;
    trial.token = 0;
    add(trial, {});
  }
  {  // failed
    auto [trial, attempt] = MakeSuccess(8, 18);
    trial.state = v1::TRIAL_FAILED;
    attempt.end = v1::ATTEMPT_FAILED;
    add(trial, {attempt});
  }
  {  // under way
    TrialRecord trial = MakeTrial(1, 9);
    trial.token = 19;
    add(trial, {});
  }
  ASSERT_TRUE(Commit(batch).ok());
  Batch later;  // it leaves the front, and its checkpoint goes
  later.trials = {MakeSuccess(1, 11).first};
  ASSERT_TRUE(Commit(later).ok());
  for (const auto& [number, attempts] : expected) {
    EXPECT_TRUE(store_->Attempts(1, number).value() == attempts) << number;
  }
  EXPECT_THAT(store_->Attempts(1, 99).value(), IsEmpty());
  EXPECT_EQ(store_->Log(1, 1).value(), "");
  EXPECT_EQ(store_->Log(1, 2).value(), "log");
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

}  // namespace cambrian
