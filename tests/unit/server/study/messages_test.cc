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

TEST(MessagesTest, ProposalsAndEndsAreToldByTheTrialsRow) {
  TrialRecord trial;
  trial.number = 3;
  trial.state = v1::TRIAL_RUNNING;
  trial.architecture = "{}";
  trial.origin = "random";
  trial.worker = "w";
  trial.created = absl::FromUnixSeconds(100);
  EventRecord record;
  record.number = 7;
  record.kind = EventKind::kProposed;
  record.trial = 3;
  v1::Event event = ToMessage(record, &trial, "fashion-1");
  EXPECT_EQ(event.number(), 7);
  EXPECT_EQ(event.time().seconds(), 100);
  EXPECT_EQ(event.trial().study(), "fashion-1");
  EXPECT_EQ(event.trial().origin(), "random");
  EXPECT_EQ(event.trial().state(), v1::TRIAL_RUNNING);

  trial.state = v1::TRIAL_SUCCEEDED;
  trial.ended = absl::FromUnixSeconds(200);
  trial.ended_event = 9;
  trial.on_front = true;
  trial.metrics = {{"accuracy", {0.5, {}, {}}}};
  event = ToMessage(record, &trial, "fashion-1");
  EXPECT_EQ(event.trial().state(), v1::TRIAL_QUEUED);  // that it ended is another event
  EXPECT_EQ(event.trial().metrics_size(), 0);
  EXPECT_EQ(event.trial().architecture(), "{}");
  record.number = 9;
  record.kind = EventKind::kEnded;
  event = ToMessage(record, &trial, "fashion-1");
  EXPECT_EQ(event.time().seconds(), 200);
  EXPECT_EQ(event.trial().state(), v1::TRIAL_SUCCEEDED);
  EXPECT_EQ(event.trial().metrics(0).value(), 0.5);
  EXPECT_TRUE(event.on_front());
}

}  // namespace
}  // namespace cambrian
