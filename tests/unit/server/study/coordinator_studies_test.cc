#include "server/study/coordinator.h"
#include "tests/unit/server/study/coordinator_fixture.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::StudyText;

TEST_F(CoordinatorTest, TwoStudiesShareTheSlots) {
  Create(StudyText());
  Create(StudyText());
  const v1::Assignments set = Polled("w", 4);
  std::map<std::string, int> by_study;
  for (const v1::Assignment& assignment : set.assignments()) ++by_study[assignment.study()];
  EXPECT_EQ(by_study["toy-1"], 2);
  EXPECT_EQ(by_study["toy-2"], 2);
}

TEST_F(CoordinatorTest, WorkDoneInOneStudyIsKnownInTheNext) {
  Create(StudyText());
  WorkToTheEnd("w");
  Create(StudyText());
  Poll("w");
  const v1::Study study = queries_.GetStudy(Scope(), "toy-2", false).value();
  EXPECT_EQ(study.state(), v1::COMPLETED);
  EXPECT_EQ(study.known(), 8);
  EXPECT_EQ(study.device_seconds(), 0);
}

TEST_F(CoordinatorTest, ACancelledStudysTrialsAreToldToStop) {
  Create(StudyText());
  const v1::Assignment assignment = Polled("w").assignments(0);
  const Got<v1::Assignments> poll = Poll("w");
  auto [got, answer] = Wait<v1::Study>();
  coordinator_->CancelStudy(Scope(), "toy-1", answer);
  coordinator_->RunOnce();
  EXPECT_EQ((*got)->value().state(), v1::CANCELLED);
  EXPECT_EQ((*got)->value().cancelled(), 1);
  ASSERT_TRUE(poll->has_value());
  ASSERT_THAT((*poll)->value().assignments(), SizeIs(1));
  EXPECT_TRUE((*poll)->value().assignments(0).stop());
  EXPECT_EQ((*poll)->value().assignments(0).token(), assignment.token());
  known_["w"] = (*poll)->value();
  EXPECT_FALSE(Poll("w")->has_value());  // told once is enough
}

TEST_F(CoordinatorTest, TheWinnerIsRetrainedInTheSameTransaction) {
  Create(
      StudyText("strategy: random\nobjectives: [{maximize: accuracy}]\n"
                "budget: {trials: 3}\nfinish: {retrain: best, epochs: 5}\n"));
  v1::Assignments set = Polled("w");
  for (int i = 1; i <= 3; ++i) {
    set = Complete("w", Success(set.assignments(0), i == 2 ? 0.9 : 0.5)).value();
  }
  const v1::Study study = queries_.GetStudy(Scope(), "toy-1", false).value();
  EXPECT_EQ(study.state(), v1::COMPLETED);
  EXPECT_EQ(study.successor(), "toy-retrain-1");
  EXPECT_EQ(queries_.GetStudy(Scope(), "toy-retrain-1", false)->parent(), "toy-1");
  ASSERT_THAT(set.assignments(), SizeIs(1));
  EXPECT_EQ(set.assignments(0).assignment(), "toy-retrain-1/1");
  EXPECT_EQ(set.assignments(0).architecture(),
            queries_.GetTrial(Scope(), "toy-1", 2)->architecture());
  Complete("w", Success(set.assignments(0), 0.95)).value();
  EXPECT_EQ(queries_.GetStudy(Scope(), "toy-retrain-1", false)->state(), v1::COMPLETED);
}

TEST_F(CoordinatorTest, TheSameRequestGivesTheSameStudy) {
  EXPECT_EQ(Create(StudyText(), "r1"), "toy-1");
  EXPECT_EQ(Create(StudyText(), "r1"), "toy-1");
  EXPECT_EQ(Create(StudyText(), "r2"), "toy-2");
  Restart();
  EXPECT_EQ(Create(StudyText(), "r1"), "toy-1");
}

TEST_F(CoordinatorTest, OnlyAnEndedStudyIsDeletedAndWithItWhatOnlyItUsed) {
  const std::string shared(64, 'a');
  Create(StudyText());
  const v1::Assignment assignment = Polled("w").assignments(0);
  const auto remove = [&](const std::string& name) {
    auto [got, answer] = Wait<v1::DeleteStudyResponse>();
    coordinator_->DeleteStudy(Scope(), name, answer);
    coordinator_->RunOnce();
    return (*got)->status();
  };
  Complete("w", Success(assignment, 0.9, shared)).value();
  EXPECT_TRUE(absl::IsFailedPrecondition(remove("toy-1")));
  auto [got, answer] = Wait<v1::Study>();
  coordinator_->CancelStudy(Scope(), "toy-1", answer);
  coordinator_->RunOnce();
  Create(StudyText());
  Polled("w");  // its first trial is known, with the same checkpoint
  EXPECT_TRUE(remove("toy-1").ok());
  EXPECT_THAT(unused_, IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(queries_.GetStudy(Scope(), "toy-1", false).status()));
  EXPECT_TRUE(absl::IsNotFound(remove("toy-1")));
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-2", 1)->checkpoint(), shared);
}

// One transaction cannot take a name from one study and give it to another.
TEST_F(CoordinatorTest, TheNameOfADeletedStudyIsFreeInTheNextGroup) {
  Create(StudyText());
  auto [cancelled, cancel] = Wait<v1::Study>();
  coordinator_->CancelStudy(Scope(), "toy-1", cancel);
  coordinator_->RunOnce();
  auto [deleted, remove] = Wait<v1::DeleteStudyResponse>();
  auto [created, create] = Wait<v1::Study>();
  auto [paused, pause] = Wait<v1::Study>();
  coordinator_->DeleteStudy(Scope(), "toy-1", remove);
  coordinator_->CreateStudy(Scope(), testing::ParseToy(StudyText()), "", "", create);
  coordinator_->PauseStudy(Scope(), "toy-1", pause);
  coordinator_->RunOnce();
  EXPECT_TRUE((*deleted)->ok());
  EXPECT_EQ((*created)->value().name(), "toy-2");
  EXPECT_TRUE(absl::IsNotFound((*paused)->status()));
  auto [cancelled_too, cancel_too] = Wait<v1::Study>();
  coordinator_->CancelStudy(Scope(), "toy-2", cancel_too);
  coordinator_->RunOnce();
  auto [deleted_too, remove_too] = Wait<v1::DeleteStudyResponse>();
  coordinator_->DeleteStudy(Scope(), "toy-2", remove_too);
  coordinator_->RunOnce();
  EXPECT_EQ(Create(StudyText()), "toy-1");
}

TEST_F(CoordinatorTest, LosersCheckpointsAreNotKept) {
  Create(StudyText());
  v1::Assignments set = Polled("w");
  set = Complete("w", Success(set.assignments(0), 0.5, std::string(64, 'a'))).value();
  EXPECT_THAT(unused_, IsEmpty());
  set = Complete("w", Success(set.assignments(0), 0.9, std::string(64, 'b'))).value();
  EXPECT_THAT(unused_, ElementsAre(std::string(64, 'a')));
}

TEST_F(CoordinatorTest, EventsAreNumberedWithoutGapsAndEndWithTheStudy) {
  Create(StudyText());
  WorkToTheEnd("w");
  int64_t next = 1;
  bool last = false;
  while (!last) {
    const Queries::EventPage page = queries_.Events("toy-1", next - 1).value();
    for (const v1::Event& event : page.events) EXPECT_EQ(event.number(), next++);
    ASSERT_FALSE(page.events.empty());
    last = page.last;
    if (!last) continue;
    EXPECT_EQ(page.events.back().state(), v1::COMPLETED);
  }
  EXPECT_EQ(queries_.GetStudy(Scope(), "toy-1", false)->event(), next - 1);
  EXPECT_GT(notified_[1], 8);
}

TEST_F(CoordinatorTest, TheCurveIsThatOfTheNewestAttempt) {
  Create(StudyText());
  v1::Assignment assignment = Polled("a").assignments(0);
  const auto progress = [&](int64_t step) {
    v1::ReportRequest request;
    v1::ProgressReport& report = *request.add_progress();
    report.set_assignment(assignment.assignment());
    report.set_token(assignment.token());
    report.mutable_progress()->set_step(step);
    v1::Held& held = *request.add_held();
    held.set_assignment(assignment.assignment());
    held.set_token(assignment.token());
    Report("a", request).value();
  };
  progress(1);
  progress(2);
  EXPECT_THAT(queries_.GetTrial(Scope(), "toy-1", 1)->curve(), SizeIs(2));
  clock_.Advance(absl::Seconds(31));
  assignment = Polled("b").assignments(0);
  EXPECT_THAT(queries_.GetTrial(Scope(), "toy-1", 1)->curve(), IsEmpty());
}

// The promise: same seed, one slot, no measured objective.
TEST_F(CoordinatorTest, TheSameSeedGivesTheSameTrials) {
  const std::string text = StudyText(
      "strategy: {regularized_evolution: {population: 4, sample: 2}}\n"
      "objectives: [{maximize: accuracy}]\nbudget: {trials: 16}\n");
  Create(text);
  const std::vector<std::string> first = WorkToTheEnd("w");
  memory_ = NewMemoryStore();
  store_.Use(*memory_);
  known_.clear();
  Restart();
  Create(text);
  EXPECT_EQ(WorkToTheEnd("other"), first);
  EXPECT_THAT(first, SizeIs(16));
}

TEST_F(CoordinatorTest, AnEndedStudyIsContinuedUnderALargerBudget) {
  const std::string rest =
      "strategy: random\nobjectives: [{maximize: accuracy}]\nbudget: {trials: 10}\n";
  const auto go_on = [&](const std::string& text) {
    auto [got, answer] = Wait<v1::Study>();
    coordinator_->CreateStudy(Scope(), testing::ParseToy(text), "", "toy-1", answer);
    coordinator_->RunOnce();
    return *std::move(*got);
  };
  Create(StudyText());
  EXPECT_TRUE(absl::IsFailedPrecondition(go_on(StudyText(rest)).status()));  // it runs
  WorkToTheEnd("w");
  EXPECT_TRUE(absl::IsFailedPrecondition(go_on(StudyText(rest, "[skip, conv1x1]")).status()));
  const v1::Study study = go_on(StudyText(rest)).value();
  EXPECT_EQ(study.continues(), "toy-1");
  EXPECT_EQ(study.succeeded(), 8);
  EXPECT_THAT(WorkToTheEnd("w"), SizeIs(2));
  EXPECT_EQ(queries_.GetStudy(Scope(), "toy-2", false)->state(), v1::COMPLETED);
}

}  // namespace
}  // namespace cambrian
