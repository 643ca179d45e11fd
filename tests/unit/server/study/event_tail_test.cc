#include "server/study/event_tail.h"

#include <limits>

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
  EXPECT_FALSE(tail.After(1, 7, 100).has_value());
  EXPECT_FALSE(tail.After(2, 0, 100).has_value());
  EXPECT_FALSE(tail.After(1, std::numeric_limits<int64_t>::min(), 100).has_value());
  EXPECT_FALSE(tail.After(1, std::numeric_limits<int64_t>::max(), 100).has_value());
  EXPECT_THAT(Numbers(tail, 1, 6, 100), ElementsAre());  // nobody has heard of more
  tail.Clear();
  EXPECT_FALSE(tail.After(1, 6, 100).has_value());
}

TEST(EventTailTest, KeepsTheNewestOfAllStudies) {
  EventTail tail(4 * sizeof(EventRecord));
  tail.Add(Events(1, 1, 10));
  EXPECT_FALSE(tail.After(1, 5, 100).has_value());
  EXPECT_THAT(Numbers(tail, 1, 6, 100), ElementsAre(7, 8, 9, 10));
  tail.Add(Events(2, 1, 3));
  EXPECT_THAT(Numbers(tail, 1, 9, 100), ElementsAre(10));
  tail.Add(Events(2, 4, 4));
  EXPECT_FALSE(tail.After(1, 9, 100).has_value());
  EXPECT_THAT(Numbers(tail, 2, 0, 100), ElementsAre(1, 2, 3, 4));
  // A large one takes the place of many.
  Batch large = Events(3, 1, 1);
  large.events[0].event.mutable_trial()->set_reason(std::string(10'000, 'r'));
  tail.Add(large);
  for (int64_t study : {1, 2, 3}) EXPECT_FALSE(tail.After(study, 0, 100).has_value());
}

TEST(EventTailTest, HasNoGapAfterAnotherServerWasActive) {
  EventTail tail;
  tail.Add(Events(1, 1, 3));
  tail.Add(Events(1, 9, 9));
  EXPECT_FALSE(tail.After(1, 2, 100).has_value());
  EXPECT_THAT(Numbers(tail, 1, 8, 100), ElementsAre(9));
}

}  // namespace
}  // namespace cambrian
