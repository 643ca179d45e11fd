#include "server/study/queries.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/memory.h"
#include "tests/testing/unreliable_store.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CountingStore : public testing::UnreliableStore {
 public:
  using UnreliableStore::UnreliableStore;

  absl::StatusOr<std::vector<EventRecord>> Events(int64_t study, int64_t after,
                                                  int64_t limit) override {
    ++event_reads;
    return UnreliableStore::Events(study, after, limit);
  }
  int event_reads = 0;
};

// A study whose event N is the proposal of trial N.
class QueriesEventsTest : public ::testing::Test {
 protected:
  QueriesEventsTest() : memory_(NewMemoryStore()), store_(*memory_) {
    epoch_ = store_.StartEpoch("test", absl::Minutes(1))->number;
  }

  Batch Propose(int64_t trials, v1::StudyState state = v1::ACTIVE) {
    Batch batch;
    batch.marker = {epoch_, ++commits_};
    for (int64_t i = 0; i < trials; ++i) {
      TrialRecord& trial = batch.trials.emplace_back();
      trial.study = 1;
      trial.number = trial.proposed_event = ++event_;
      batch.events.push_back({1, event_, EventKind::kProposed, event_, {}});
    }
    StudyRecord& study = batch.studies.emplace_back();
    study.id = 1;
    study.name = "toy-1";
    study.state = state;
    study.event = event_;
    EXPECT_TRUE(store_.Commit(batch).ok());
    return batch;
  }
  std::vector<int64_t> NumbersAfter(int64_t after) {
    std::vector<int64_t> numbers;
    const Queries::EventPage page = queries_.Events("toy-1", after).value();
    for (const v1::Event& event : page.events) {
      EXPECT_EQ(event.trial().number(), event.number());
      numbers.push_back(event.number());
    }
    last_ = page.last;
    return numbers;
  }

  const std::unique_ptr<TrialStore> memory_;
  CountingStore store_;
  EventTail tail_;
  const Queries queries_{store_, &tail_};
  int64_t epoch_ = 0;
  int64_t commits_ = 0;
  int64_t event_ = 0;
  bool last_ = false;
};

TEST_F(QueriesEventsTest, WhoFollowsAStudyNeverHasTheStoreSearched) {
  Propose(2);  // before the server started
  EXPECT_THAT(NumbersAfter(2), IsEmpty());
  tail_.Add(Propose(2));
  EXPECT_THAT(NumbersAfter(2), ElementsAre(3, 4));
  EXPECT_THAT(NumbersAfter(4), IsEmpty());
  const Batch committed = Propose(1);  // but not told yet
  EXPECT_THAT(NumbersAfter(4), IsEmpty());
  tail_.Add(committed);
  EXPECT_THAT(NumbersAfter(4), ElementsAre(5));
  EXPECT_FALSE(last_);
  tail_.Add(Propose(1, v1::COMPLETED));
  EXPECT_THAT(NumbersAfter(5), ElementsAre(6));
  EXPECT_TRUE(last_);
  EXPECT_THAT(NumbersAfter(6), IsEmpty());
  EXPECT_TRUE(last_);
  EXPECT_EQ(store_.event_reads, 0);
}

TEST_F(QueriesEventsTest, WhatIsNotInMemoryComesFromTheStore) {
  Propose(2);
  tail_.Add(Propose(2));
  EXPECT_THAT(NumbersAfter(0), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(store_.event_reads, 1);
  tail_.Clear();
  EXPECT_THAT(NumbersAfter(3), ElementsAre(4));
  EXPECT_EQ(store_.event_reads, 2);
}

TEST_F(QueriesEventsTest, AnEventOfNoTrialIsAnError) {
  tail_.Add(Propose(1));
  Batch batch;
  batch.marker = {epoch_, ++commits_};
  batch.events.push_back({1, 2, EventKind::kProposed, 7, {}});
  StudyRecord& study = batch.studies.emplace_back();
  study.id = 1;
  study.name = "toy-1";
  study.event = 2;
  ASSERT_TRUE(store_.Commit(batch).ok());
  tail_.Add(batch);
  EXPECT_TRUE(absl::IsDataLoss(queries_.Events("toy-1", 1).status()));
  EXPECT_TRUE(absl::IsNotFound(queries_.Events("toy-2", 1).status()));
}

}  // namespace
}  // namespace cambrian
