#include "server/study/coordinator.h"

#include "tests/unit/server/study/coordinator_fixture.h"

namespace cambrian {
namespace {

using ::testing::SizeIs;
using testing::StudyText;

TEST_F(CoordinatorTest, ARestartLosesNothingAndGivesLeasesOneFullTerm) {
  Create(StudyText());
  v1::Assignments set = Polled("w");
  set = Complete("w", Success(set.assignments(0), 0.5)).value();
  const v1::Assignment held = set.assignments(0);
  clock_.Advance(absl::Seconds(29));
  Restart();
  coordinator_->RunOnce();
  clock_.Advance(absl::Seconds(29));
  set = Polled("w");
  ASSERT_THAT(set.assignments(), SizeIs(1));
  EXPECT_EQ(set.assignments(0).token(), held.token());
  EXPECT_EQ(set.assignments(0).attempt(), 1);
  Complete("w", Success(held, 0.6)).value();
  EXPECT_EQ(queries_.GetTrial("toy-1", 2)->state(), v1::TRIAL_SUCCEEDED);
}

TEST_F(CoordinatorTest, NothingLeavesThatIsNotCommitted) {
  Create(StudyText());
  v1::Assignments set = Polled("w");
  const v1::Assignment assignment = set.assignments(0);
  store_.FailCommits(1);
  EXPECT_TRUE(absl::IsUnavailable(Complete("w", Success(assignment, 0.5)).status()));
  EXPECT_EQ(queries_.GetTrial("toy-1", 1)->state(), v1::TRIAL_RUNNING);
  coordinator_->RunOnce();  // reads everything again
  set = Complete("w", Success(assignment, 0.5)).value();
  EXPECT_EQ(queries_.GetTrial("toy-1", 1)->state(), v1::TRIAL_SUCCEEDED);
  EXPECT_EQ(set.assignments(0).assignment(), "toy-1/2");
}

TEST_F(CoordinatorTest, ACommitOfUnknownOutcomeIsSettledByItsMarker) {
  Create(StudyText());
  const v1::Assignment assignment = Polled("w").assignments(0);
  store_.ForgetCommits(1);  // it is done, but the store says that it failed
  const v1::Assignments set = Complete("w", Success(assignment, 0.5)).value();
  EXPECT_EQ(set.assignments(0).assignment(), "toy-1/2");
  EXPECT_EQ(queries_.GetStudy("toy-1", false)->succeeded(), 1);
}

TEST_F(CoordinatorTest, WhileTheStoreIsAwayEverybodyIsToldSo) {
  Create(StudyText());
  store_.SetAway(true);
  Restart();
  auto [got, answer] = Wait<v1::Study>();
  coordinator_->CancelStudy("toy-1", answer);
  coordinator_->RunOnce();
  EXPECT_TRUE(absl::IsUnavailable((*got)->status()));
  store_.SetAway(false);
  clock_.Advance(absl::Seconds(2));
  EXPECT_THAT(Polled("w").assignments(), SizeIs(1));
}

TEST_F(CoordinatorTest, DrainingLetsNobodyHang) {
  Polled("w");
  const Got<v1::Assignments> poll = Poll("w");
  coordinator_->Drain();
  coordinator_->RunOnce();
  ASSERT_TRUE(poll->has_value());
  EXPECT_TRUE(absl::IsUnavailable((*poll)->status()));
  const Got<v1::Assignments> late = Poll("w");
  ASSERT_TRUE(late->has_value());
  EXPECT_TRUE(absl::IsUnavailable((*late)->status()));
}

}  // namespace
}  // namespace cambrian
