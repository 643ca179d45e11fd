#include "server/study/scheduler.h"

#include <map>

#include "gtest/gtest.h"

namespace cambrian {
namespace {

bool Any(int64_t) { return true; }

TEST(SchedulerTest, NothingWithoutStudies) {
  EXPECT_EQ(Scheduler().Pick(&Any), std::nullopt);
  EXPECT_FALSE(Scheduler().HasWork());
}

TEST(SchedulerTest, TheStudyWithTheFewestLeasesFirst) {
  Scheduler scheduler;
  scheduler.Set(1, 3);
  scheduler.Set(2, 1);
  scheduler.Set(3, 2);
  EXPECT_EQ(scheduler.Pick(&Any), 2);
  scheduler.Set(2, 4);
  EXPECT_EQ(scheduler.Pick(&Any), 3);
}

TEST(SchedulerTest, OfEqualsTheOneThatWaitsLongestThenTheOldest) {
  Scheduler scheduler;
  scheduler.Set(2, 0);
  scheduler.Set(1, 0);
  EXPECT_EQ(scheduler.Pick(&Any), 1);
  scheduler.Granted(1);
  EXPECT_EQ(scheduler.Pick(&Any), 2);
  scheduler.Granted(2);
  EXPECT_EQ(scheduler.Pick(&Any), 1);
}

TEST(SchedulerTest, OnlyWhatFitsTheSlot) {
  Scheduler scheduler;
  scheduler.Set(1, 0);
  scheduler.Set(2, 5);
  EXPECT_EQ(scheduler.Pick([](int64_t study) { return study != 1; }), 2);
  EXPECT_EQ(scheduler.Pick([](int64_t) { return false; }), std::nullopt);
}

TEST(SchedulerTest, AStudyWithoutWorkRestsAndKeepsItsTurn) {
  Scheduler scheduler;
  scheduler.Set(1, 0);
  scheduler.Set(2, 0);
  scheduler.Granted(1);
  scheduler.Rest(1);
  EXPECT_EQ(scheduler.Pick([](int64_t study) { return study == 1; }), std::nullopt);
  scheduler.Set(1, 0);
  EXPECT_EQ(scheduler.Pick(&Any), 2);
  scheduler.Remove(2);
  EXPECT_EQ(scheduler.Pick(&Any), 1);
  scheduler.Remove(1);
  scheduler.Remove(1);
  EXPECT_FALSE(scheduler.HasWork());
}

TEST(SchedulerTest, SharesSlotsEvenlyWhateverEndsFirst) {
  Scheduler scheduler;
  for (int64_t study = 1; study <= 3; ++study) scheduler.Set(study, 0);
  std::map<int64_t, int> grants;
  for (int i = 0; i < 300; ++i) {
    const int64_t study = scheduler.Pick(&Any).value();
    ++grants[study];
    scheduler.Granted(study);  // one slot: its trial ends before the next is granted
  }
  EXPECT_EQ(grants[1], 100);
  EXPECT_EQ(grants[2], 100);
  EXPECT_EQ(grants[3], 100);
}

}  // namespace
}  // namespace cambrian
