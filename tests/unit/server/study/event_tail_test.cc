#include "server/study/event_tail.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;

Batch Events(int64_t study, int64_t first, int64_t last) {
  Batch batch;
  for (int64_t number = first; number <= last; ++number) {
    EventRecord& event = batch.events.emplace_back();
    event.study = study;
    event.number = number;
  }
  return batch;
}

std::vector<int64_t> Numbers(const EventTail& tail, int64_t study, int64_t after, int64_t limit) {
  std::vector<int64_t> numbers;
  const auto events = tail.After(study, after, limit);
  if (!events) return {-1};
  for (const EventRecord& event : *events) {
    EXPECT_EQ(event.study, study);
    numbers.push_back(event.number);
  }
  return numbers;
}

TEST(EventTailTest, GivesWhatCameAfterANumber) {
  EventTail tail;
  Batch batch = Events(1, 5, 6);
  for (const EventRecord& other : Events(2, 1, 1).events) batch.events.push_back(other);
  tail.Add(batch);
  tail.Add(Events(1, 7, 8));
  EXPECT_THAT(Numbers(tail, 1, 4, 100), ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(Numbers(tail, 1, 5, 2), ElementsAre(6, 7));
  EXPECT_THAT(Numbers(tail, 1, 7, 100), ElementsAre(8));
  EXPECT_THAT(Numbers(tail, 2, 0, 100), ElementsAre(1));
}

TEST(EventTailTest, GivesNothingWhereTheStoreMustBeAsked) {
  EventTail tail;
  tail.Add(Events(1, 5, 6));
  EXPECT_FALSE(tail.After(1, 3, 100).has_value());  // event 4 is not here
  EXPECT_FALSE(tail.After(1, 6, 100).has_value());
  EXPECT_FALSE(tail.After(2, 0, 100).has_value());
}

TEST(EventTailTest, KeepsTheNewestOnly) {
  EventTail tail(3);
  tail.Add(Events(1, 1, 10));
  EXPECT_FALSE(tail.After(1, 6, 100).has_value());
  EXPECT_THAT(Numbers(tail, 1, 7, 100), ElementsAre(8, 9, 10));
}

TEST(EventTailTest, HasNoGapAfterAnotherServerWasActive) {
  EventTail tail;
  tail.Add(Events(1, 1, 3));
  tail.Add(Events(1, 9, 9));
  EXPECT_FALSE(tail.After(1, 2, 100).has_value());
  EXPECT_THAT(Numbers(tail, 1, 8, 100), ElementsAre(9));
}

TEST(EventTailTest, ForgetsAStudyThatEnds) {
  EventTail tail;
  tail.Add(Events(1, 1, 3));
  Batch batch = Events(1, 4, 4);
  batch.studies.emplace_back().id = 1;
  batch.studies[0].state = v1::COMPLETED;
  tail.Add(batch);
  EXPECT_FALSE(tail.After(1, 3, 100).has_value());
}

}  // namespace
}  // namespace cambrian
