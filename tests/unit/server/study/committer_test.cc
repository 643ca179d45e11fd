#include "server/study/committer.h"

#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/memory.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/held_store.h"
#include "tests/testing/unreliable_store.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;

class CommitterTest : public ::testing::TestWithParam<bool> {
 protected:
  CommitterTest() : memory_(NewMemoryStore()), store_(*memory_) {
    epoch_ = store_.StartEpoch("test", absl::Minutes(1))->number;
    CoordinatorListener listener;
    listener.on_commit = [this](const Batch& batch) {
      for (const StudyRecord& study : batch.studies) Note("events of " + std::to_string(study.id));
    };
    listener.on_drop = [this] { ++drops_; };
    listener.on_unused = [this](std::vector<std::string> unused) { Note("unused " + unused[0]); };
    committer_ = std::make_unique<Committer>(store_, Clock::System(), std::move(listener),
                                             observer_, [this] { Note("free"); });
    if (GetParam()) committer_->Start();
  }

  void Note(std::string what) {
    MutexLock lock(&mutex_);
    notes_.push_back(std::move(what));
  }
  // Once everything is answered.
  std::vector<std::string> TakeNotes() {
    committer_->Stop();
    MutexLock lock(&mutex_);
    frees_ = std::erase(notes_, "free");
    return std::exchange(notes_, {});
  }

  // A group that begins study `id`.
  std::unique_ptr<Group> MakeGroup(int64_t id) {
    auto group = std::make_unique<Group>();
    group->batch.marker = {epoch_, id};
    StudyRecord study;
    study.id = id;
    study.name = "study-" + std::to_string(id);
    group->batch.studies.push_back(study);
    group->unused.push_back("artifact");
    group->replies.push_back([this, id](const absl::Status& status) {
      Note(std::to_string(id) + (status.ok() ? " is stored" : " is not: ") +
           std::string(status.message()));
    });
    return group;
  }

  const std::unique_ptr<TrialStore> memory_;
  testing::UnreliableStore store_;
  CoordinatorObserver observer_;
  int64_t epoch_ = 0;
  Mutex mutex_;
  int64_t frees_ = 0;  // how often it said so
  int64_t drops_ = 0;
  std::vector<std::string> notes_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Committer> committer_;
};

TEST_P(CommitterTest, CommitsThenAnswersThenTells) {
  committer_->Submit(MakeGroup(1));
  committer_->Wait();
  EXPECT_TRUE(committer_->status().ok());
  EXPECT_EQ(memory_->Study("study-1")->id, 1);
  EXPECT_THAT(TakeNotes(), ElementsAre("events of 1", "1 is stored", "unused artifact"));
}

TEST_P(CommitterTest, AfterAFailureNothingIsCommittedUntilReset) {
  store_.FailCommits(1);
  committer_->Submit(MakeGroup(1));
  committer_->Wait();
  EXPECT_FALSE(committer_->status().ok());
  committer_->Submit(MakeGroup(2));
  committer_->Wait();
  EXPECT_TRUE(memory_->Studies()->empty());
  EXPECT_EQ(drops_, 0);
  committer_->Reset();
  EXPECT_EQ(drops_, 1);
  committer_->Submit(MakeGroup(3));
  committer_->Wait();
  EXPECT_EQ(memory_->Studies()->size(), 1u);
  const std::vector<std::string> notes = TakeNotes();
  ASSERT_EQ(notes.size(), 5u);
  EXPECT_THAT(notes[0], ::testing::StartsWith("1 is not: the store failed"));
  EXPECT_THAT(notes[1], ::testing::StartsWith("2 is not: the store failed"));
  EXPECT_EQ(notes[2], "events of 3");
  EXPECT_EQ(notes[3], "3 is stored");
}

TEST_P(CommitterTest, AnEmptyBatchIsAnsweredWithoutACommit) {
  auto group = std::make_unique<Group>();
  group->replies.push_back([this](const absl::Status& status) { Note(status.ToString()); });
  committer_->Submit(std::move(group));
  committer_->Wait();
  EXPECT_THAT(TakeNotes(), ElementsAre("OK"));
  EXPECT_EQ(memory_->LastCommit()->number, 0);
}

TEST_P(CommitterTest, SaysWhenItIsFree) {
  EXPECT_FALSE(committer_->IsBusy());
  for (int64_t id : {1, 2, 3}) {
    committer_->Submit(MakeGroup(id));
    committer_->Wait();
    EXPECT_FALSE(committer_->IsBusy());
  }
  EXPECT_EQ(TakeNotes().size(), 9u);
  EXPECT_EQ(frees_, GetParam() ? 3 : 0);  // in `Submit` it is free when that returns
}

TEST_P(CommitterTest, StopCommitsWhatItHas) {
  committer_->Submit(MakeGroup(1));
  committer_->Stop();
  EXPECT_EQ(memory_->Studies()->size(), 1u);
  committer_->Stop();
}

// Says when it was asked.
class AskedClock : public testing::FakeClock {
 public:
  absl::Duration Monotonic() const override {
    MutexLock lock(&mutex_);
    ++asked_;
    changed_.SignalAll();
    return FakeClock::Monotonic();
  }
  int asked() const {
    MutexLock lock(&mutex_);
    return asked_;
  }
  void AwaitAsked(int count) const {
    MutexLock lock(&mutex_);
    while (asked_ < count) changed_.Wait(&mutex_);
  }

 private:
  mutable Mutex mutex_;
  mutable CondVar changed_;
  mutable int asked_ ABSL_GUARDED_BY(mutex_) = 0;
};

class CommitterQueueTest : public CommitterTest {
 protected:
  CommitterQueueTest() : held_(*memory_) {
    committer_ = std::make_unique<Committer>(held_, clock_, CoordinatorListener(), observer_,
                                             [this] { Note("free"); });
    committer_->Start();
  }
  ~CommitterQueueTest() override {
    held_.Allow(9);
    committer_->Stop();
  }

  // Submits it while another one waits that it may or may not join, then lets all commits go.
  void SubmitBehind(std::unique_ptr<Group> group) {
    const int asked = clock_.asked();
    std::thread submits([&] { committer_->Submit(std::move(group)); });
    clock_.AwaitAsked(asked + 1);
    held_.Allow(9);
    submits.join();
    committer_->Wait();
  }
  testing::HeldStore held_;
  AskedClock clock_;
};

TEST_P(CommitterQueueTest, WhatIsSubmittedBehindACommitIsOneGroup) {
  committer_->Submit(MakeGroup(1));
  held_.AwaitCommits(1);
  EXPECT_TRUE(committer_->IsBusy());
  committer_->Submit(MakeGroup(2));
  SubmitBehind(MakeGroup(3));
  EXPECT_FALSE(committer_->IsBusy());
  EXPECT_EQ(held_.begun(), 2);
  EXPECT_EQ(memory_->Studies()->size(), 3u);
  EXPECT_EQ(memory_->LastCommit()->number, 3);
  EXPECT_THAT(TakeNotes(), ElementsAre("1 is stored", "2 is stored", "3 is stored"));
  EXPECT_EQ(frees_, 1);  // not between the two
}

TEST_P(CommitterQueueTest, AGroupThatDeletesAStudyIsNotJoined) {
  committer_->Submit(MakeGroup(1));
  held_.AwaitCommits(1);
  std::unique_ptr<Group> deletes = MakeGroup(2);
  deletes->batch.deleted.push_back(1);
  committer_->Submit(std::move(deletes));
  SubmitBehind(MakeGroup(3));
  EXPECT_EQ(held_.begun(), 3);
  EXPECT_EQ(memory_->Studies()->size(), 2u);
}

TEST_P(CommitterQueueTest, ALargeGroupIsJoinedByNone) {
  committer_->Submit(MakeGroup(1));
  held_.AwaitCommits(1);
  std::unique_ptr<Group> large = MakeGroup(2);
  for (int i = 1; i <= 4000; ++i) {
    TrialRecord& trial = large->batch.trials.emplace_back();
    trial.study = 2;
    trial.number = i;
  }
  committer_->Submit(std::move(large));
  SubmitBehind(MakeGroup(3));
  EXPECT_EQ(held_.begun(), 3);
  EXPECT_EQ(memory_->Studies()->size(), 3u);
}

TEST_P(CommitterQueueTest, NothingIsDecidedFurtherAheadWhileACommitHangs) {
  committer_->Submit(MakeGroup(1));
  held_.AwaitCommits(1);
  committer_->Submit(MakeGroup(2));
  clock_.Advance(absl::Seconds(1));
  SubmitBehind(MakeGroup(3));
  EXPECT_EQ(held_.begun(), 3);
  EXPECT_EQ(memory_->Studies()->size(), 3u);
}

// One of everything, of a study or trial with this number.
Group MakeFullGroup(int64_t number) {
  Group group;
  group.batch.marker = {1, number};
  group.batch.counters = {number, number};
  group.batch.studies.emplace_back().id = number;
  group.batch.trials.emplace_back().number = number;
  group.batch.events.emplace_back().number = number;
  group.batch.attempts.emplace_back().token = number;
  group.batch.workers.emplace_back().slots = number;
  group.batch.snapshots.emplace_back().event = number;
  group.batch.deleted.push_back(number);
  group.requests = number;
  group.replies.emplace_back([](const absl::Status&) {});
  group.attempts.emplace_back("", v1::ATTEMPT_LOST);
  group.unused.push_back(std::to_string(number));
  return group;
}

TEST(GroupTest, AJoinedGroupHasWhatBothHaveInOrder) {
  Group group = MakeFullGroup(1);
  group.batch.deleted.clear();
  group.Join(MakeFullGroup(2));
  const Batch& batch = group.batch;
  EXPECT_EQ(batch.marker.number, 2);
  EXPECT_EQ(batch.counters.token, 2);
  EXPECT_THAT(batch.studies, ElementsAre(Field(&StudyRecord::id, 1), Field(&StudyRecord::id, 2)));
  EXPECT_THAT(batch.trials,
              ElementsAre(Field(&TrialRecord::number, 1), Field(&TrialRecord::number, 2)));
  EXPECT_THAT(batch.events,
              ElementsAre(Field(&EventRecord::number, 1), Field(&EventRecord::number, 2)));
  EXPECT_THAT(batch.attempts,
              ElementsAre(Field(&AttemptRecord::token, 1), Field(&AttemptRecord::token, 2)));
  EXPECT_THAT(batch.workers,
              ElementsAre(Field(&WorkerRecord::slots, 1), Field(&WorkerRecord::slots, 2)));
  EXPECT_THAT(batch.snapshots,
              ElementsAre(Field(&SnapshotRecord::event, 1), Field(&SnapshotRecord::event, 2)));
  EXPECT_THAT(batch.deleted, ElementsAre(2));
  EXPECT_EQ(group.requests, 3);
  EXPECT_EQ(group.replies.size(), 2u);
  EXPECT_EQ(group.attempts.size(), 2u);
  EXPECT_THAT(group.unused, ElementsAre("1", "2"));
}

TEST(GroupTest, AJoinedGroupHasAStudyOnceWithItsText) {
  Group group = MakeFullGroup(1);
  group.batch.deleted.clear();
  group.batch.studies[0].text = "text";
  Group later;
  later.batch.studies.emplace_back().id = 1;
  later.batch.studies[0].trials = 7;
  group.Join(std::move(later));
  ASSERT_EQ(group.batch.studies.size(), 1u);
  EXPECT_EQ(group.batch.studies[0].trials, 7);
  EXPECT_EQ(group.batch.studies[0].text, "text");
}

TEST(GroupTest, AGroupThatWritesNothingHasNoMarkerOfItsOwn) {
  Group group = MakeFullGroup(1);
  group.batch.deleted.clear();
  group.Join(Group());
  EXPECT_EQ(group.batch.marker.number, 1);
  EXPECT_EQ(group.batch.counters.token, 1);
}

TEST_P(CommitterQueueTest, AFailureAlsoFailsTheGroupThatWaits) {
  held_.FailCommits(1);
  committer_->Submit(MakeGroup(1));
  held_.AwaitCommits(1);
  committer_->Submit(MakeGroup(2));
  held_.Allow(2);
  committer_->Wait();
  EXPECT_FALSE(committer_->status().ok());
  EXPECT_TRUE(memory_->Studies()->empty());
  const std::vector<std::string> notes = TakeNotes();
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_THAT(notes[0], ::testing::StartsWith("1 is not: the store failed"));
  EXPECT_THAT(notes[1], ::testing::StartsWith("2 is not: the store failed"));
}

TEST_P(CommitterQueueTest, StopCommitsTheGroupThatWaits) {
  committer_->Submit(MakeGroup(1));
  held_.AwaitCommits(1);
  committer_->Submit(MakeGroup(2));
  held_.Allow(2);
  committer_->Stop();
  EXPECT_EQ(memory_->Studies()->size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(, CommitterQueueTest, ::testing::Values(true),
                         [](const auto&) { return "OnItsThread"; });
INSTANTIATE_TEST_SUITE_P(, CommitterTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "OnItsThread" : "InSubmit"; });

}  // namespace
}  // namespace cambrian
