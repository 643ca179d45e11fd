#include "server/study/coordinator.h"

#include <map>
#include <optional>

#include "common/base/version.h"
#include "common/wire/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/memory.h"
#include "server/study/queries.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/server_study.h"
#include "tests/testing/unreliable_store.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ParseToy;
using ::testing::SizeIs;
using testing::StudyText;

template <typename T>
using Got = std::shared_ptr<std::optional<absl::StatusOr<T>>>;

// A coordinator driven by hand, on one thread and in fake time.
class CoordinatorTest : public ::testing::Test {
 protected:
  CoordinatorTest() : memory_(NewMemoryStore()), store_(*memory_), queries_(store_) { Restart(); }

  void Restart() {
    CoordinatorListener listener;
    listener.on_events = [this](int64_t study) { ++notified_[study]; };
    listener.on_unused = [this](std::vector<std::string> checkpoints) {
      unused_.insert(unused_.end(), checkpoints.begin(), checkpoints.end());
    };
    coordinator_ = std::make_unique<Coordinator>(Coordinator::Options{}, store_, clock_,
                                                 NewStudyReader(), listener);
  }

  template <typename T>
  static std::pair<Got<T>, Answer<T>> Wait() {
    auto got = std::make_shared<std::optional<absl::StatusOr<T>>>();
    return {got, [got](absl::StatusOr<T> answer) {
              ASSERT_FALSE(got->has_value()) << "answered twice";
              *got = std::move(answer);
            }};
  }

  static v1::WorkerIdentity Identity(const std::string& name, int slots) {
    v1::WorkerIdentity identity;
    identity.set_name(name);
    identity.set_protocol(kWireProtocol);
    identity.set_version(kVersion);
    identity.set_slots(slots);
    identity.add_evaluators("torch");
    identity.add_devices("cpu");
    return identity;
  }

  std::string Create(const std::string& text, const std::string& request_id = "") {
    auto [got, answer] = Wait<v1::Study>();
    coordinator_->CreateStudy(ParseToy(text), request_id, answer);
    coordinator_->RunOnce();
    return (*got)->value().name();
  }

  // A worker that polls with what it was told last. Null while the Poll hangs.
  Got<v1::Assignments> Poll(const std::string& name, int slots = 1) {
    v1::PollRequest request;
    const v1::Assignments& known = known_[name];
    *request.mutable_worker() = Identity(name, slots);
    request.set_revision(known.revision());
    for (const v1::Assignment& assignment : known.assignments()) {
      v1::Held& held = *request.add_held();
      held.set_assignment(assignment.assignment());
      held.set_token(assignment.token());
    }
    request.set_free_slots(slots - request.held_size());
    auto [got, answer] = Wait<v1::Assignments>();
    coordinator_->Poll(request, answer, [this] { return hung_up_; });
    coordinator_->RunOnce();
    return got;
  }
  // The same, answered.
  v1::Assignments Polled(const std::string& name, int slots = 1) {
    const Got<v1::Assignments> got = Poll(name, slots);
    EXPECT_TRUE(got->has_value());
    if (got->has_value()) known_[name] = (*got)->value();
    return known_[name];
  }

  static v1::Completion Success(const v1::Assignment& assignment, double accuracy,
                                const std::string& checkpoint = "") {
    v1::Completion completion;
    completion.set_assignment(assignment.assignment());
    completion.set_token(assignment.token());
    completion.set_outcome(v1::OUTCOME_SUCCEEDED);
    completion.set_seconds(1);
    completion.set_checkpoint(checkpoint);
    completion.set_log("trained");
    ToProto(Metrics{{"accuracy", {accuracy, {}, {}}}, {"loss", {1 - accuracy, {}, {}}}},
            completion.mutable_metrics());
    return completion;
  }

  absl::StatusOr<v1::Assignments> Report(const std::string& name, v1::ReportRequest request,
                                         int slots = 1) {
    *request.mutable_worker() = Identity(name, slots);
    request.set_free_slots(slots);
    auto [got, answer] = Wait<v1::Assignments>();
    coordinator_->Report(request, answer);
    coordinator_->RunOnce();
    if ((*got)->ok()) known_[name] = (*got)->value();
    return *std::move(*got);
  }
  absl::StatusOr<v1::Assignments> Complete(const std::string& name,
                                           const v1::Completion& completion, int slots = 1) {
    v1::ReportRequest request;
    *request.add_completions() = completion;
    return Report(name, request, slots);
  }
  // Takes and completes until there is nothing more; gives the architectures in order.
  std::vector<std::string> WorkToTheEnd(const std::string& name) {
    std::vector<std::string> architectures;
    v1::Assignments set = Polled(name);
    while (set.assignments_size() > 0) {
      const v1::Assignment assignment = set.assignments(0);
      architectures.push_back(assignment.architecture());
      set = Complete(name, Success(assignment, 0.1 + 0.01 * assignment.trial())).value();
    }
    return architectures;
  }

  testing::FakeClock clock_;
  std::unique_ptr<TrialStore> memory_;
  testing::UnreliableStore store_;
  Queries queries_;
  std::unique_ptr<Coordinator> coordinator_;
  std::map<std::string, v1::Assignments> known_;
  std::map<int64_t, int> notified_;
  std::vector<std::string> unused_;
  bool hung_up_ = false;
};

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
  const v1::Study study = queries_.GetStudy("toy-1", false).value();
  EXPECT_EQ(study.state(), v1::COMPLETED);
  EXPECT_EQ(study.succeeded(), 8);
  EXPECT_EQ(queries_.GetTrialLog("toy-1", 3).value(), "trained");
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
  EXPECT_EQ(queries_.GetStudy("toy-1", false)->running(), 0);
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
  EXPECT_EQ(queries_.GetTrial("toy-1", 1)->state(), v1::TRIAL_RUNNING);
  Complete("b", Success(second, 0.5)).value();
  EXPECT_EQ(queries_.GetTrial("toy-1", 1)->metrics(0).value(), 0.5);
  Complete("b", Success(second, 0.7)).value();  // said twice: the same answer, no other result
  EXPECT_EQ(queries_.GetTrial("toy-1", 1)->metrics(0).value(), 0.5);
}

TEST_F(CoordinatorTest, ALateResultCountsWhileNobodyElseHasTheTrial) {
  Create(StudyText());
  const v1::Assignment assignment = Polled("a").assignments(0);
  clock_.Advance(absl::Seconds(31));
  coordinator_->RunOnce();
  EXPECT_EQ(queries_.GetTrial("toy-1", 1)->state(), v1::TRIAL_QUEUED);
  Complete("a", Success(assignment, 0.9)).value();
  EXPECT_EQ(queries_.GetTrial("toy-1", 1)->state(), v1::TRIAL_SUCCEEDED);
}

TEST_F(CoordinatorTest, PollingRenews) {
  Create(StudyText());
  Polled("a");
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(absl::Seconds(15));
    Poll("a");
  }
  EXPECT_EQ(queries_.GetTrial("toy-1", 1)->state(), v1::TRIAL_RUNNING);
  EXPECT_EQ(queries_.GetTrial("toy-1", 1)->attempts(), 1);
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

TEST_F(CoordinatorTest, TwoStudiesShareTheSlots) {
  Create(StudyText());
  Create(StudyText());
  const v1::Assignments set = Polled("w", 4);
  std::map<std::string, int> by_study;
  for (const v1::Assignment& assignment : set.assignments()) ++by_study[assignment.study()];
  EXPECT_EQ(by_study["toy-1"], 2);
  EXPECT_EQ(by_study["toy-2"], 2);
}

TEST_F(CoordinatorTest, AWorkerGetsOnlyWhatItCanDo) {
  Create(
      StudyText("strategy: random\nestimator: {evaluator: mine}\n"
                "objectives: [{maximize: accuracy}]\nbudget: {trials: 8}\n"));
  EXPECT_THAT(Polled("w").assignments(), IsEmpty());
}

TEST_F(CoordinatorTest, WorkDoneInOneStudyIsKnownInTheNext) {
  Create(StudyText());
  WorkToTheEnd("w");
  Create(StudyText());
  Poll("w");
  const v1::Study study = queries_.GetStudy("toy-2", false).value();
  EXPECT_EQ(study.state(), v1::COMPLETED);
  EXPECT_EQ(study.known(), 8);
  EXPECT_EQ(study.device_seconds(), 0);
}

TEST_F(CoordinatorTest, ACancelledStudysTrialsAreToldToStop) {
  Create(StudyText());
  const v1::Assignment assignment = Polled("w").assignments(0);
  const Got<v1::Assignments> poll = Poll("w");
  auto [got, answer] = Wait<v1::Study>();
  coordinator_->CancelStudy("toy-1", answer);
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
  const v1::Study study = queries_.GetStudy("toy-1", false).value();
  EXPECT_EQ(study.state(), v1::COMPLETED);
  EXPECT_EQ(study.successor(), "toy-retrain-1");
  EXPECT_EQ(queries_.GetStudy("toy-retrain-1", false)->parent(), "toy-1");
  ASSERT_THAT(set.assignments(), SizeIs(1));
  EXPECT_EQ(set.assignments(0).assignment(), "toy-retrain-1/1");
  EXPECT_EQ(set.assignments(0).architecture(), queries_.GetTrial("toy-1", 2)->architecture());
  Complete("w", Success(set.assignments(0), 0.95)).value();
  EXPECT_EQ(queries_.GetStudy("toy-retrain-1", false)->state(), v1::COMPLETED);
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
    coordinator_->DeleteStudy(name, answer);
    coordinator_->RunOnce();
    return (*got)->status();
  };
  Complete("w", Success(assignment, 0.9, shared)).value();
  EXPECT_TRUE(absl::IsFailedPrecondition(remove("toy-1")));
  auto [got, answer] = Wait<v1::Study>();
  coordinator_->CancelStudy("toy-1", answer);
  coordinator_->RunOnce();
  Create(StudyText());
  Polled("w");  // its first trial is known, with the same checkpoint
  EXPECT_TRUE(remove("toy-1").ok());
  EXPECT_THAT(unused_, IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(queries_.GetStudy("toy-1", false).status()));
  EXPECT_TRUE(absl::IsNotFound(remove("toy-1")));
  EXPECT_EQ(queries_.GetTrial("toy-2", 1)->checkpoint(), shared);
}

TEST_F(CoordinatorTest, LosersCheckpointsAreNotKept) {
  Create(StudyText());
  v1::Assignments set = Polled("w");
  set = Complete("w", Success(set.assignments(0), 0.5, std::string(64, 'a'))).value();
  EXPECT_THAT(unused_, IsEmpty());
  set = Complete("w", Success(set.assignments(0), 0.9, std::string(64, 'b'))).value();
  EXPECT_THAT(unused_, ElementsAre(std::string(64, 'a')));
}

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
  EXPECT_EQ(queries_.GetStudy("toy-1", false)->event(), next - 1);
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
  EXPECT_THAT(queries_.GetTrial("toy-1", 1)->curve(), SizeIs(2));
  clock_.Advance(absl::Seconds(31));
  assignment = Polled("b").assignments(0);
  EXPECT_THAT(queries_.GetTrial("toy-1", 1)->curve(), IsEmpty());
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

TEST_F(CoordinatorTest, AWorkerOfAnotherProtocolIsToldWhichSideIsTooOld) {
  v1::PollRequest request;
  *request.mutable_worker() = Identity("w", 1);
  request.mutable_worker()->set_protocol(kWireProtocol - 1);
  auto [got, answer] = Wait<v1::Assignments>();
  coordinator_->Poll(request, answer, [] { return false; });
  coordinator_->RunOnce();
  EXPECT_TRUE(absl::IsFailedPrecondition((*got)->status()));
  EXPECT_THAT(std::string((*got)->status().message()), HasSubstr("the worker is too old"));
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

TEST_F(CoordinatorTest, WorkersAreListedWithWhatTheyRun) {
  Create(StudyText());
  Polled("w");
  auto [got, answer] = Wait<v1::ListWorkersResponse>();
  coordinator_->ListWorkers(answer);
  coordinator_->RunOnce();
  ASSERT_THAT((*got)->value().workers(), SizeIs(1));
  EXPECT_EQ((*got)->value().workers(0).name(), "w");
  EXPECT_THAT((*got)->value().workers(0).running(), ElementsAre("toy-1/1"));
}

}  // namespace
}  // namespace cambrian
