#include "server/study/coordinator.h"

#include "tests/unit/server/study/coordinator_fixture.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
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
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-1", 2)->state(), v1::TRIAL_SUCCEEDED);
}

TEST_F(CoordinatorTest, NothingLeavesThatIsNotCommitted) {
  Create(StudyText());
  v1::Assignments set = Polled("w");
  const v1::Assignment assignment = set.assignments(0);
  store_.FailCommits(1);
  drops_ = loads_ = 0;
  EXPECT_TRUE(absl::IsUnavailable(Complete("w", Success(assignment, 0.5)).status()));
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-1", 1)->state(), v1::TRIAL_RUNNING);
  EXPECT_EQ(drops_, 1);
  EXPECT_EQ(loads_, 0);
  coordinator_->RunOnce();  // reads everything again
  EXPECT_EQ(drops_, 1);
  EXPECT_EQ(loads_, 1);
  set = Complete("w", Success(assignment, 0.5)).value();
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-1", 1)->state(), v1::TRIAL_SUCCEEDED);
  EXPECT_EQ(set.assignments(0).assignment(), "toy-1/2");
}

TEST_F(CoordinatorTest, ACommitOfUnknownOutcomeIsSettledByItsMarker) {
  Create(StudyText());
  const v1::Assignment assignment = Polled("w").assignments(0);
  store_.ForgetCommits(1);  // it is done, but the store says that it failed
  const v1::Assignments set = Complete("w", Success(assignment, 0.5)).value();
  EXPECT_EQ(set.assignments(0).assignment(), "toy-1/2");
  EXPECT_EQ(queries_.GetStudy(Scope(), "toy-1", false)->succeeded(), 1);
}

TEST_F(CoordinatorTest, WhileTheStoreIsAwayEverybodyIsToldSo) {
  Create(StudyText());
  store_.SetAway(true);
  Restart();
  auto [got, answer] = Wait<v1::Study>();
  coordinator_->CancelStudy(Scope(), "toy-1", answer);
  coordinator_->RunOnce();
  EXPECT_TRUE(absl::IsUnavailable((*got)->status()));
  store_.SetAway(false);
  clock_.Advance(absl::Seconds(2));
  EXPECT_THAT(Polled("w").assignments(), SizeIs(1));
}

TEST_F(CoordinatorTest, AReadingThatFailsAtItsEndLeavesNothingBehind) {
  Create(StudyText());
  store_.FailRenewals(1);  // once all studies are read
  Restart();
  coordinator_->RunOnce();
  auto [got, answer] = Wait<v1::Study>();
  coordinator_->CancelStudy(Scope(), "toy-1", answer);
  coordinator_->RunOnce();
  EXPECT_TRUE(absl::IsUnavailable((*got)->status()));
  clock_.Advance(absl::Seconds(2));
  EXPECT_THAT(WorkToTheEnd("w"), SizeIs(8));
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

// Two servers on one store, of which one dies without a word.
TEST_F(CoordinatorTest, AnotherServerTakesOverOnceTheTermOfTheFirstIsOver) {
  Create(StudyText());
  const v1::Assignment held = Polled("w").assignments(0);
  Coordinator::Options options;
  options.holder = "second";
  Coordinator second(options, store_, clock_, NewStudyReader(), {});
  const auto complete = [&](Coordinator& coordinator) {
    v1::ReportRequest request;
    *request.mutable_worker() = Identity("w", 1);
    *request.add_completions() = Success(held, 0.5);
    request.set_free_slots(1);
    auto [got, answer] = Wait<v1::Assignments>();
    coordinator.Report(Scope(), request, answer);
    coordinator.RunOnce();
    return *std::move(*got);
  };
  const absl::Status standing_by = complete(second).status();
  EXPECT_TRUE(absl::IsUnavailable(standing_by));
  EXPECT_THAT(std::string(standing_by.message()), HasSubstr("is active"));
  // The first renews its term, so nothing changes.
  for (int i = 0; i < 8; ++i) {
    clock_.Advance(absl::Seconds(3));
    coordinator_->RunOnce();
    EXPECT_TRUE(absl::IsUnavailable(complete(second).status()));
  }
  EndTerm();  // of the first, which has died
  clock_.Advance(absl::Seconds(2));
  const v1::Assignments set = complete(second).value();
  EXPECT_EQ(set.assignments(0).assignment(), "toy-1/2");
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-1", 1)->state(), v1::TRIAL_SUCCEEDED);
  // The first was frozen only: it notices before it answers anything, and stands by.
  clock_.Advance(absl::Seconds(4));
  EXPECT_TRUE(absl::IsUnavailable(complete(*coordinator_).status()));
  // A clean end lets it take over at once.
  second.Retire();
  clock_.Advance(absl::Seconds(2));
  EXPECT_TRUE(complete(*coordinator_).ok());
}

TEST_F(CoordinatorTest, ACommitUnderAnOldEpochIsRefusedAndTheServerStandsBy) {
  Create(StudyText());
  const v1::Assignment assignment = Polled("w").assignments(0);
  EndTerm();
  ASSERT_TRUE(memory_->StartEpoch("second", absl::Hours(1)).ok());
  EXPECT_TRUE(absl::IsUnavailable(Complete("w", Success(assignment, 0.5)).status()));
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-1", 1)->state(), v1::TRIAL_RUNNING);
  auto [got, answer] = Wait<CoordinatorStatus>();
  coordinator_->Inspect(answer);
  coordinator_->RunOnce();
  EXPECT_FALSE((*got)->value().active);
}

TEST_F(CoordinatorTest, InspectingTellsWorkersAndLeases) {
  Create(StudyText());
  Polled("w", 2);
  clock_.Advance(absl::Seconds(5));
  coordinator_->RunOnce();
  auto [got, answer] = Wait<CoordinatorStatus>();
  coordinator_->Inspect(answer);
  coordinator_->RunOnce();
  const CoordinatorStatus status = (*got)->value();
  EXPECT_TRUE(status.active);
  EXPECT_EQ(status.leases, 2);
  EXPECT_EQ(status.oldest_lease, absl::Seconds(5));
  ASSERT_THAT(status.workers, SizeIs(1));
  EXPECT_EQ(status.workers[0].usable_slots(), 2);
}

}  // namespace
}  // namespace cambrian
