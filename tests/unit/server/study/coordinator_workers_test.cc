#include <algorithm>

#include "common/base/version.h"
#include "server/study/coordinator.h"
#include "tests/unit/server/study/coordinator_fixture.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::StudyText;

TEST_F(CoordinatorTest, OneCallATrialInTheSteadyState) {
  Create(StudyText());
  v1::Assignments set = Polled("w");
  for (int i = 1; i <= 8; ++i) {
    ASSERT_THAT(set.assignments(), SizeIs(1));
    EXPECT_EQ(set.assignments(0).assignment(), absl::StrCat("toy-1/", i));
    const int64_t token = set.assignments(0).token();
    set = Complete("w", Success(set.assignments(0), 0.5)).value();
    EXPECT_THAT(set.settled(), ElementsAre(token));
  }
  EXPECT_THAT(set.assignments(), IsEmpty());
  const v1::Study study = queries_.GetStudy(Scope(), "toy-1", false).value();
  EXPECT_EQ(study.state(), v1::COMPLETED);
  EXPECT_EQ(study.succeeded(), 8);
  EXPECT_EQ(queries_.GetTrialLog(Scope(), "toy-1", 3).value(), "trained");
}

TEST_F(CoordinatorTest, APollHangsUntilThereIsWorkOrFifteenSecondsArePast) {
  Polled("w");  // the first is answered at once: a revision to start from
  const Got<v1::Assignments> patient = Poll("w");
  EXPECT_FALSE(patient->has_value());
  clock_.Advance(absl::Seconds(14));
  coordinator_->RunOnce();
  EXPECT_FALSE(patient->has_value());
  clock_.Advance(absl::Seconds(1));
  coordinator_->RunOnce();
  ASSERT_TRUE(patient->has_value());
  EXPECT_EQ((*patient)->value().revision(), known_["w"].revision());
  const Got<v1::Assignments> lucky = Poll("w");
  Create(StudyText());
  ASSERT_TRUE(lucky->has_value());
  EXPECT_THAT((*lucky)->value().assignments(), SizeIs(1));
}

TEST_F(CoordinatorTest, ALostAnswerComesAgainUnderTheSameToken) {
  Create(StudyText());
  const Got<v1::Assignments> lost = Poll("w");
  const v1::Assignments again = Polled("w");
  ASSERT_THAT(again.assignments(), SizeIs(1));
  EXPECT_EQ(again.assignments(0).token(), (*lost)->value().assignments(0).token());
  EXPECT_EQ(again.assignments(0).attempt(), 1);
}

TEST_F(CoordinatorTest, NobodyIsGivenWorkWhoHasHungUp) {
  Polled("w");
  Poll("w");
  hung_up_ = true;
  Create(StudyText());
  EXPECT_EQ(queries_.GetStudy(Scope(), "toy-1", false)->running(), 0);
}

TEST_F(CoordinatorTest, AVanishedWorkersTrialRunsElsewhereAndItsLateResultIsRefused) {
  Create(StudyText());
  const v1::Assignment first = Polled("a").assignments(0);
  clock_.Advance(absl::Seconds(31));
  const v1::Assignment second = Polled("b").assignments(0);
  EXPECT_EQ(second.trial(), first.trial());
  EXPECT_EQ(second.attempt(), 2);
  EXPECT_EQ(second.seed(), first.seed());
  EXPECT_GT(second.token(), first.token());
  const v1::Assignments late = Complete("a", Success(first, 0.9)).value();
  EXPECT_THAT(late.settled(), ElementsAre(first.token()));  // it may forget it
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-1", 1)->state(), v1::TRIAL_RUNNING);
  Complete("b", Success(second, 0.5)).value();
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-1", 1)->metrics(0).value(), 0.5);
  Complete("b", Success(second, 0.7)).value();  // said twice: the same answer, no other result
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-1", 1)->metrics(0).value(), 0.5);
}

TEST_F(CoordinatorTest, ALateResultCountsWhileNobodyElseHasTheTrial) {
  Create(StudyText());
  const v1::Assignment assignment = Polled("a").assignments(0);
  clock_.Advance(absl::Seconds(31));
  coordinator_->RunOnce();
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-1", 1)->state(), v1::TRIAL_QUEUED);
  Complete("a", Success(assignment, 0.9)).value();
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-1", 1)->state(), v1::TRIAL_SUCCEEDED);
}

TEST_F(CoordinatorTest, PollingRenews) {
  Create(StudyText());
  Polled("a");
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(absl::Seconds(15));
    Poll("a");
  }
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-1", 1)->state(), v1::TRIAL_RUNNING);
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-1", 1)->attempts(), 1);
}

TEST_F(CoordinatorTest, ALeaseThatAWorkerNoLongerListsIsLost) {
  Create(StudyText());
  Polled("a");
  known_["a"].clear_assignments();  // it knows the revision, but lists nothing
  const v1::Assignments set = Polled("a");
  ASSERT_THAT(set.assignments(), SizeIs(1));
  EXPECT_EQ(set.assignments(0).assignment(), "toy-1/1");
  EXPECT_EQ(set.assignments(0).attempt(), 2);
}

TEST_F(CoordinatorTest, HandedBackWorkGoesToTheNextAtNoCost) {
  Create(StudyText());
  const v1::Assignment assignment = Polled("a").assignments(0);
  v1::ReportRequest request;
  v1::HandBack& hand_back = *request.add_hand_backs();
  hand_back.set_assignment(assignment.assignment());
  hand_back.set_token(assignment.token());
  Report("a", request, /*slots=*/0).value();
  const v1::Assignment again = Polled("b").assignments(0);
  EXPECT_EQ(again.trial(), assignment.trial());
  EXPECT_EQ(again.attempt(), 1);
}

TEST_F(CoordinatorTest, AWorkerGetsOnlyWhatItCanDo) {
  Create(
      StudyText("strategy: random\nestimator: {evaluator: mine}\n"
                "objectives: [{maximize: accuracy}]\nbudget: {trials: 8}\n"));
  EXPECT_THAT(Polled("w").assignments(), IsEmpty());
}

TEST_F(CoordinatorTest, AWorkerOfAnotherProtocolIsToldWhichSideIsTooOld) {
  v1::PollRequest request;
  *request.mutable_worker() = Identity("w", 1);
  request.mutable_worker()->set_protocol(kWireProtocol - 1);
  auto [got, answer] = Wait<v1::Assignments>();
  coordinator_->Poll(Scope(), request, answer, [] { return false; });
  coordinator_->RunOnce();
  EXPECT_TRUE(absl::IsFailedPrecondition((*got)->status()));
  EXPECT_THAT(std::string((*got)->status().message()), HasSubstr("the worker is too old"));
}

TEST_F(CoordinatorTest, WorkersAreListedWithWhatTheyRun) {
  Create(StudyText());
  Polled("w");
  auto [got, answer] = Wait<v1::ListWorkersResponse>();
  coordinator_->ListWorkers(Scope(), answer);
  coordinator_->RunOnce();
  ASSERT_THAT((*got)->value().workers(), SizeIs(1));
  EXPECT_EQ((*got)->value().workers(0).name(), "w");
  EXPECT_THAT((*got)->value().workers(0).running(), ElementsAre("toy-1/1"));
}

TEST_F(CoordinatorTest, OfThoseThatWaitAsManyAreWokenAsThereIsWork) {
  std::vector<Got<v1::Assignments>> polls;
  for (int i = 0; i < 12; ++i) {
    Polled(absl::StrCat("w", i));
    polls.push_back(Poll(absl::StrCat("w", i)));
  }
  Create(StudyText());  // eight trials
  const auto woken = [&] {
    return std::count_if(polls.begin(), polls.end(), [](const auto& poll) {
      return poll->has_value() && !(*poll)->value().assignments().empty();
    });
  };
  EXPECT_EQ(woken(), 8);
  EXPECT_TRUE(polls[0]->has_value());  // who waited longest goes first
  EXPECT_FALSE(polls[11]->has_value());
  Create(StudyText("strategy: random\nobjectives: [{maximize: accuracy}]\nbudget: {trials: 2}\n"));
  EXPECT_EQ(woken(), 10);
}

TEST_F(CoordinatorTest, AStudyThatAWorkerCannotDoIsNotGivenToItAgain) {
  Create(StudyText());
  const v1::Assignment assignment = Polled("a").assignments(0);
  v1::ReportRequest request;
  v1::HandBack& hand_back = *request.add_hand_backs();
  hand_back.set_assignment(assignment.assignment());
  hand_back.set_token(assignment.token());
  hand_back.set_unable(true);
  EXPECT_THAT(Report("a", request)->assignments(), IsEmpty());
  EXPECT_FALSE(Poll("a")->has_value());
  EXPECT_EQ(Polled("b").assignments(0).trial(), assignment.trial());
  EXPECT_THAT(Polled("a", 2).assignments(), SizeIs(2));  // it says something new of itself
}

TEST_F(CoordinatorTest, APausedStudysTrialsAreStoppedAndGoOnAfterwards) {
  Create(StudyText());
  const v1::Assignment assignment = Polled("w").assignments(0);
  const Got<v1::Assignments> poll = Poll("w");
  auto [paused, on_paused] = Wait<v1::Study>();
  coordinator_->PauseStudy(Scope(), "toy-1", on_paused);
  coordinator_->RunOnce();
  EXPECT_EQ((*paused)->value().state(), v1::PAUSED);
  ASSERT_TRUE(poll->has_value());
  EXPECT_TRUE((*poll)->value().assignments(0).stop());
  v1::Completion stopped;
  stopped.set_assignment(assignment.assignment());
  stopped.set_token(assignment.token());
  stopped.set_outcome(v1::OUTCOME_STOPPED);
  stopped.set_checkpoint(std::string(64, 'c'));
  EXPECT_THAT(Complete("w", stopped)->assignments(), IsEmpty());
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-1", 1)->state(), v1::TRIAL_QUEUED);
  const Got<v1::Assignments> waits = Poll("w");
  EXPECT_FALSE(waits->has_value());
  auto [resumed, on_resumed] = Wait<v1::Study>();
  coordinator_->ResumeStudy(Scope(), "toy-1", on_resumed);
  coordinator_->RunOnce();
  EXPECT_EQ((*resumed)->value().state(), v1::ACTIVE);
  ASSERT_TRUE(waits->has_value());
  const v1::Assignment again = (*waits)->value().assignments(0);
  EXPECT_EQ(again.trial(), assignment.trial());
  EXPECT_EQ(again.checkpoint(), std::string(64, 'c'));
  EXPECT_EQ(again.attempt(), 1);
}

TEST_F(CoordinatorTest, TenantsNeitherServeNorNameEachOthersStudies) {
  const Scope one{"one", false};
  const Scope two{"two", false};
  auto [created, on_created] = Wait<v1::Study>();
  coordinator_->CreateStudy(one, testing::ParseToy(StudyText()), "r", "", on_created);
  coordinator_->RunOnce();
  EXPECT_EQ((*created)->value().tenant(), "one");
  const auto poll = [&](const Scope& scope, const std::string& name) {
    v1::PollRequest request;
    *request.mutable_worker() = Identity(name, 1);
    request.set_free_slots(1);
    auto [got, answer] = Wait<v1::Assignments>();
    coordinator_->Poll(scope, request, answer, [] { return false; });
    coordinator_->RunOnce();
    return *std::move(*got);
  };
  EXPECT_THAT(poll(two, "b")->assignments(), IsEmpty());
  EXPECT_THAT(poll(one, "a")->assignments(), SizeIs(1));
  EXPECT_TRUE(absl::IsPermissionDenied(poll(two, "a").status()));  // the name is one's
  EXPECT_THAT(poll(Scope(), "shared")->assignments(), SizeIs(1));
  auto [cancelled, on_cancelled] = Wait<v1::Study>();
  coordinator_->CancelStudy(two, "toy-1", on_cancelled);
  auto [other, on_other] = Wait<v1::Study>();
  coordinator_->CreateStudy(two, testing::ParseToy(StudyText()), "r", "", on_other);
  auto [listed, on_listed] = Wait<v1::ListWorkersResponse>();
  coordinator_->ListWorkers(two, on_listed);
  coordinator_->RunOnce();
  EXPECT_TRUE(absl::IsNotFound((*cancelled)->status()));
  EXPECT_EQ((*other)->value().name(), "toy-2");
  ASSERT_THAT((*listed)->value().workers(), SizeIs(2));  // its own and the shared one
  EXPECT_EQ((*listed)->value().workers(1).name(), "shared");
  EXPECT_THAT((*listed)->value().workers(1).running(), IsEmpty());
}

}  // namespace
}  // namespace cambrian
