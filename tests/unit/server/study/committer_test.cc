#include "server/study/committer.h"

#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/memory.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/unreliable_store.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;

class CommitterTest : public ::testing::TestWithParam<bool> {
 protected:
  CommitterTest() : memory_(NewMemoryStore()), store_(*memory_) {
    epoch_ = store_.StartEpoch("test", absl::Minutes(1))->number;
    CoordinatorListener listener;
    listener.on_events = [this](int64_t study) { Note("events of " + std::to_string(study)); };
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
  std::vector<std::string> notes_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Committer> committer_;
};

TEST_P(CommitterTest, CommitsThenAnswersThenTells) {
  committer_->Submit(MakeGroup(1));
  committer_->Wait();
  EXPECT_TRUE(committer_->status().ok());
  EXPECT_EQ(memory_->Study("study-1")->id, 1);
  EXPECT_THAT(TakeNotes(), ElementsAre("1 is stored", "events of 1", "unused artifact"));
}

TEST_P(CommitterTest, AfterAFailureNothingIsCommittedUntilReset) {
  store_.FailCommits(1);
  committer_->Submit(MakeGroup(1));
  committer_->Wait();
  EXPECT_FALSE(committer_->status().ok());
  committer_->Submit(MakeGroup(2));
  committer_->Wait();
  EXPECT_TRUE(memory_->Studies()->empty());
  committer_->Reset();
  committer_->Submit(MakeGroup(3));
  committer_->Wait();
  EXPECT_EQ(memory_->Studies()->size(), 1u);
  const std::vector<std::string> notes = TakeNotes();
  ASSERT_EQ(notes.size(), 5u);
  EXPECT_THAT(notes[0], ::testing::StartsWith("1 is not: the store failed"));
  EXPECT_THAT(notes[1], ::testing::StartsWith("2 is not: the store failed"));
  EXPECT_EQ(notes[2], "3 is stored");
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

// Commits that wait to be let go, then fail or not.
class HeldStore : public testing::UnreliableStore {
 public:
  using UnreliableStore::UnreliableStore;

  absl::Status Commit(const Batch& batch) override {
    MutexLock lock(&mutex_);
    ++begun_;
    changed_.SignalAll();
    while (allowed_ < begun_) changed_.Wait(&mutex_);
    return UnreliableStore::Commit(batch);
  }
  void AwaitCommits(int count) {
    MutexLock lock(&mutex_);
    while (begun_ < count) changed_.Wait(&mutex_);
  }
  void Allow(int count) {
    MutexLock lock(&mutex_);
    allowed_ += count;
    changed_.SignalAll();
  }
  int begun() {
    MutexLock lock(&mutex_);
    return begun_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int begun_ ABSL_GUARDED_BY(mutex_) = 0;
  int allowed_ ABSL_GUARDED_BY(mutex_) = 0;
};

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
  // Submits it while another one waits that it may or may not join, then lets all commits go.
  void SubmitBehind(std::unique_ptr<Group> group) {
    const int asked = clock_.asked();
    std::thread submits([&] { committer_->Submit(std::move(group)); });
    clock_.AwaitAsked(asked + 1);
    held_.Allow(9);
    submits.join();
    committer_->Wait();
  }
  HeldStore held_;
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

TEST_P(CommitterQueueTest, NothingIsDecidedFurtherAheadWhileACommitHangs) {
  committer_->Submit(MakeGroup(1));
  held_.AwaitCommits(1);
  committer_->Submit(MakeGroup(2));
  clock_.Advance(absl::Seconds(1));
  SubmitBehind(MakeGroup(3));
  EXPECT_EQ(held_.begun(), 3);
  EXPECT_EQ(memory_->Studies()->size(), 3u);
}

TEST_P(CommitterQueueTest, AJoinedGroupHasEachStudyOnceWithItsText) {
  std::unique_ptr<Group> group = MakeGroup(1);
  group->batch.studies[0].text = "text";
  group->batch.counters.token = 1;
  Group same;
  same.batch.marker = {epoch_, 2};
  same.batch.counters.token = 2;
  same.batch.studies = {group->batch.studies[0]};
  same.batch.studies[0].text.clear();
  same.batch.studies[0].trials = 7;
  same.requests = 3;
  group->Join(std::move(same));
  group->Join(Group{});  // which has no marker
  EXPECT_THAT(group->batch.studies, ::testing::SizeIs(1));
  EXPECT_EQ(group->batch.studies[0].trials, 7);
  EXPECT_EQ(group->batch.studies[0].text, "text");
  EXPECT_EQ(group->batch.marker.number, 2);
  EXPECT_EQ(group->batch.counters.token, 2);
  EXPECT_EQ(group->requests, 3);
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
