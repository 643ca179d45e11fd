#include "server/study/messages.h"

#include "gtest/gtest.h"

namespace cambrian {
namespace {

TEST(MessagesTest, AssignmentsAreNamedByStudyAndTrial) {
  EXPECT_EQ(FormatAssignment("fashion-1", 17), "fashion-1/17");
  const AssignmentName name = ParseAssignment("fashion-1/17").value();
  EXPECT_EQ(name.study, "fashion-1");
  EXPECT_EQ(name.trial, 17);
}

TEST(MessagesTest, OtherNamesAreRefused) {
  for (const char* text : {"", "/", "fashion-1", "fashion-1/", "fashion-1/x", "fashion-1/0",
                           "fashion-1/-3", "fashion-1/99999999999999999999"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseAssignment(text).status())) << text;
  }
}

TEST(MessagesTest, ARunningStudyHasNoEndAndNoTimeBudget) {
  StudyRecord record;
  record.name = "fashion-1";
  v1::Study study = ToMessage(record);
  EXPECT_FALSE(study.has_ended());
  EXPECT_FALSE(study.has_time_budget());
  record.ended = absl::UnixEpoch();
  record.time_budget = absl::Minutes(5);
  study = ToMessage(record);
  EXPECT_TRUE(study.has_ended());
  EXPECT_EQ(study.time_budget().seconds(), 300);
}

}  // namespace
}  // namespace cambrian
