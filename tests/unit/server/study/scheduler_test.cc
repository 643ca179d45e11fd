#include "server/study/scheduler.h"

#include <map>
#include <vector>

#include "gtest/gtest.h"

namespace cambrian {
namespace {

TEST(SchedulerTest, NothingWithoutStudies) { EXPECT_EQ(PickStudy({}), std::nullopt); }

TEST(SchedulerTest, TheStudyWithTheFewestLeasesFirst) {
  const std::vector<StudyLoad> loads = {{1, 3, 1}, {2, 1, 9}, {3, 2, 5}};
  EXPECT_EQ(PickStudy(loads), 2);
}

TEST(SchedulerTest, OfEqualsTheOneThatWaitsLongestThenTheOldest) {
  EXPECT_EQ(PickStudy(std::vector<StudyLoad>{{1, 1, 7}, {2, 1, 6}}), 2);
  EXPECT_EQ(PickStudy(std::vector<StudyLoad>{{2, 0, 0}, {1, 0, 0}}), 1);
}

TEST(SchedulerTest, SharesSlotsEvenlyWhateverEndsFirst) {
  std::vector<StudyLoad> loads = {{1, 0, 0}, {2, 0, 0}, {3, 0, 0}};
  std::map<int64_t, int> grants;
  int64_t time = 0;
  for (int i = 0; i < 300; ++i) {
    const int64_t study = PickStudy(loads).value();
    ++grants[study];
    loads[study - 1].last_grant = ++time;  // one slot: its trial ends before the next is granted
  }
  EXPECT_EQ(grants[1], 100);
  EXPECT_EQ(grants[2], 100);
  EXPECT_EQ(grants[3], 100);
}

}  // namespace
}  // namespace cambrian
