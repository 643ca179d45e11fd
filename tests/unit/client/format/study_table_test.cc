#include "client/format/study_table.h"

#include "gtest/gtest.h"

namespace cambrian {
namespace {

v1::Study Example() {
  v1::Study study;
  study.set_name("fashion-1");
  study.set_state(v1::ACTIVE);
  study.set_trials(10);
  study.set_queued(1);
  study.set_running(2);
  study.set_succeeded(6);
  study.set_infeasible(1);
  study.set_trial_budget(40);
  study.mutable_elapsed()->set_seconds(112);
  study.mutable_created()->set_seconds(1'700'000'000);
  return study;
}

TEST(StudyTableTest, CountsWhatHasEnded) {
  EXPECT_EQ(FinishedTrials(Example()), 7);
  const absl::Time now = absl::FromUnixSeconds(1'700'000'100);
  EXPECT_EQ(StudyTable({Example()}, now, absl::UTCTimeZone()).Render(0, false),
            " study      state   trials  running  infeasible  failed  elapsed  created\n"
            " fashion-1  active    7/40        2           1       0     1:52    22:13\n");
}

TEST(StudyTableTest, CsvIsForPrograms) {
  EXPECT_EQ(StudiesCsv({Example()}),
            "study,state,finished,trial_budget,running,succeeded,infeasible,failed,"
            "elapsed_seconds,created,parent\n"
            "fashion-1,active,7,40,2,6,1,0,112,2023-11-14T22:13:20.000Z,\n");
}

}  // namespace
}  // namespace cambrian
