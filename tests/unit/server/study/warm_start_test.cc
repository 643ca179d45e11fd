#include "server/study/warm_start.h"

#include "server/study/replay.h"
#include "tests/unit/server/study/coordinator_fixture.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ParseToy;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::StudyText;

constexpr char kGoals[] = "objectives: [{maximize: accuracy}]\nbudget: {trials: 6}\n";

class WarmStartTest : public CoordinatorTest {
 protected:
  // A study "toy-N" whose trials' results are these, in order; none: the trial fails.
  using Result = std::optional<Metrics>;
  static Metrics Of(double accuracy, double loss) {
    return {{"accuracy", {accuracy, {}, {}}}, {"loss", {loss, {}, {}}}};
  }
  std::string Search(const std::string& rest, const std::vector<Result>& results,
                     absl::string_view choices = "[skip, conv1x1, conv3x3]") {
    const std::string name =
        Create(StudyText(absl::StrCat(rest, "budget: {trials: ", results.size(), "}\n"), choices));
    v1::Assignments set = Polled("w");
    for (const Result& result : results) {
      v1::Completion completion = Success(set.assignments(0), 0);
      completion.clear_metrics();
      if (result) {
        ToProto(*result, completion.mutable_metrics());
      } else {
        completion.set_outcome(v1::OUTCOME_FAILED);
        completion.set_reason("odd");
      }
      set = Complete("w", completion).value();
    }
    return name;
  }
  std::string SearchOf(const std::vector<double>& accuracies) {
    std::vector<Result> results;
    for (const double accuracy : accuracies) results.push_back(Of(accuracy, 1 - accuracy));
    return Search("strategy: random\nobjectives: [{maximize: accuracy}]\n", results);
  }

  absl::StatusOr<std::shared_ptr<const StudySpec>> LookUp(
      const std::string& warm_start, const std::string& rest = kGoals,
      absl::string_view choices = "[skip, conv1x1, conv3x3]", const Scope& scope = {}) {
    const std::string text =
        StudyText(absl::StrCat("strategy: random\nwarm_start: ", warm_start, "\n", rest), choices);
    return LookUpWarmStart(scope, ParseToy(text), queries_, reader_);
  }
  // Their names.
  static std::vector<std::string> Names(
      const absl::StatusOr<std::shared_ptr<const StudySpec>>& study) {
    std::vector<std::string> names;
    for (const auto& entry : study.value()->strategy.warm_start.entries) {
      names.push_back(entry.name);
    }
    return names;
  }
  // With another seed, so that results are not shared.
  std::string CreateLookedUp(const std::string& warm_start, const std::string& rest = kGoals) {
    std::string text = LookUp(warm_start, rest).value()->text;
    text.replace(text.find("seed: 7"), 7, "seed: 8");
    return Create(text);
  }

  const StudyReader reader_ = NewStudyReader();
};

TEST_F(WarmStartTest, TheBestTrialsComeFirst) {
  SearchOf({0.2, 0.9, 0.4, 0.8, 0.1});
  const auto study = LookUp("{study: toy-1, best: 3}");
  EXPECT_THAT(Names(study), ElementsAre("toy-1/2", "toy-1/4", "toy-1/3"));
  EXPECT_EQ((*study)->strategy.warm_start.entries[0].architecture.dump(),
            queries_.GetTrial(Scope(), "toy-1", 2)->architecture());
  EXPECT_THAT(Names(LookUp("{study: toy, best: 100}")), SizeIs(5));  // a beginning of its name
}

TEST_F(WarmStartTest, AStudyWithoutItIsLeftAlone) {
  const auto spec = ParseToy(StudyText());
  EXPECT_EQ(LookUpWarmStart(Scope(), spec, queries_, reader_).value(), spec);
  SearchOf({0.5});
  const auto whole = LookUp("{study: toy-1}").value();
  EXPECT_EQ(LookUpWarmStart(Scope(), whole, queries_, reader_).value(), whole);
}

TEST_F(WarmStartTest, TheyAreTriedFirstThenTheStrategyGoesOn) {
  SearchOf({0.2, 0.9, 0.4});
  EXPECT_EQ(CreateLookedUp("{study: toy-1, best: 2}"), "toy-2");
  WorkToTheEnd("w");
  std::vector<std::string> origins;
  std::vector<std::string> architectures;
  for (int64_t trial = 1; trial <= 4; ++trial) {
    const v1::Trial row = queries_.GetTrial(Scope(), "toy-2", trial).value();
    origins.push_back(row.origin());
    architectures.push_back(row.architecture());
  }
  EXPECT_THAT(origins,
              ElementsAre("warm start: toy-1/2", "warm start: toy-1/3", "random", "random"));
  EXPECT_EQ(architectures[0], queries_.GetTrial(Scope(), "toy-1", 2)->architecture());
  EXPECT_EQ(architectures[1], queries_.GetTrial(Scope(), "toy-1", 3)->architecture());
}

// The same data, evaluator and seed: the results are shared.
TEST_F(WarmStartTest, NothingIsTrainedTwice) {
  SearchOf({0.2, 0.9, 0.4});
  const std::string rest = "objectives: [{maximize: accuracy}]\nbudget: {trials: 3}\n";
  Create(LookUp("{study: toy-1}", rest).value()->text);
  Poll("w");
  const v1::Study study = queries_.GetStudy(Scope(), "toy-2", false).value();
  EXPECT_EQ(study.state(), v1::COMPLETED);
  EXPECT_EQ(study.known(), 3);
  EXPECT_EQ(study.device_seconds(), 0);
}

TEST_F(WarmStartTest, ARunningStudyGivesWhatHasSucceededSoFar) {
  Create(StudyText());
  const v1::Assignments set = Polled("w");
  EXPECT_THAT(LookUp("{study: toy-1}").status().message(),
              HasSubstr("no trial of toy-1 has succeeded and is feasible"));
  Complete("w", Success(set.assignments(0), 0.5)).value();
  EXPECT_THAT(Names(LookUp("{study: toy-1}")), ElementsAre("toy-1/1"));
}

TEST_F(WarmStartTest, WhatFailedIsLeftOut) {
  Search("strategy: random\nobjectives: [{maximize: accuracy}]\n",
         {Of(0.3, 0.7), std::nullopt, Of(0.9, 0.1)});
  EXPECT_THAT(Names(LookUp("{study: toy-1}")), ElementsAre("toy-1/3", "toy-1/1"));
}

TEST_F(WarmStartTest, TheOrderIsThatOfTheNewStudysObjectives) {
  Search("strategy: random\nobjectives: [{maximize: accuracy}]\n",
         {Of(0.9, 0.5), Of(0.5, 0.1), Of(0.7, 0.3)});
  EXPECT_THAT(Names(LookUp("{study: toy-1}", "objectives: [{minimize: loss}]\n")),
              ElementsAre("toy-1/2", "toy-1/3", "toy-1/1"));
  EXPECT_THAT(Names(LookUp("{study: toy-1, best: 1}",
                           "objectives: [{maximize: {accuracy: 1, loss: -10}}]\n")),
              ElementsAre("toy-1/2"));
}

TEST_F(WarmStartTest, WithSeveralObjectivesTheFirstFrontIsBest) {
  Search("strategy: random\nobjectives: [{maximize: accuracy}]\n",
         {Of(0.4, 0.6), Of(0.9, 0.5), Of(0.5, 0.1)});
  EXPECT_THAT(
      Names(LookUp("{study: toy-1}", "objectives: [{maximize: accuracy}, {minimize: loss}]\n")),
      ElementsAre("toy-1/2", "toy-1/3", "toy-1/1"));
}

TEST_F(WarmStartTest, ConstraintsOfTheNewStudyHold) {
  Search("strategy: random\nobjectives: [{maximize: accuracy}]\n",
         {Of(0.9, 0.5), Of(0.5, 0.1), Of(0.7, 0.3)});
  const std::string goals = "objectives: [{maximize: accuracy}]\nconstraints: [loss <= 0.3]\n";
  EXPECT_THAT(Names(LookUp("{study: toy-1}", goals)), ElementsAre("toy-1/3", "toy-1/2"));
  // Analytic ones, too.
  EXPECT_THAT(LookUp("{study: toy-1}",
                     "objectives: [{maximize: accuracy}]\nconstraints: [parameters <= 3]\n")
                  .status()
                  .message(),
              HasSubstr("no trial of toy-1 has succeeded and is feasible"));
}

TEST_F(WarmStartTest, WithoutTheMetricsTheOrderIsTheOtherStudysOwn) {
  Search("strategy: random\nobjectives: [{minimize: loss}]\nconstraints: [accuracy >= 0.6]\n",
         {Of(0.9, 0.5), Of(0.5, 0.1), Of(0.7, 0.3)});
  EXPECT_THAT(Names(LookUp("{study: toy-1}", "objectives: [{minimize: peak_memory_mb}]\n")),
              ElementsAre("toy-1/3", "toy-1/1"));
}

TEST_F(WarmStartTest, WhatTheSpaceDoesNotHaveIsLeftOut) {
  SearchOf({0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8});
  const auto narrow = LookUp("{study: toy-1}", kGoals, "[skip, conv3x3]");
  std::vector<std::string> expected;
  for (int64_t trial = 8; trial >= 1; --trial) {
    const std::string architecture = queries_.GetTrial(Scope(), "toy-1", trial)->architecture();
    if (architecture.find("conv1x1") != std::string::npos) continue;
    expected.push_back(absl::StrCat("toy-1/", trial));
  }
  ASSERT_THAT(expected, ::testing::Not(IsEmpty()));
  ASSERT_LT(expected.size(), 8u);
  EXPECT_EQ(Names(narrow), expected);
}

TEST_F(WarmStartTest, AnotherSpaceIsRefusedWithTheDecision) {
  SearchOf({0.5, 0.9});
  std::string text =
      StudyText(absl::StrCat("strategy: random\nwarm_start: {study: toy-1}\n", kGoals));
  text.replace(text.find("nodes: 2"), 8, "nodes: 1");
  const absl::Status status = LookUpWarmStart(Scope(), ParseToy(text), queries_, reader_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()),
              StartsWith("warm_start.study: no trial of toy-1 can be tried in "
                         "this space; toy-1/2: there is no decision \"cell."));
}

TEST_F(WarmStartTest, AnUnknownStudyIsRefusedWithASuggestion) {
  SearchOf({0.5});
  const absl::Status status = LookUp("{study: tyo-1}").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_EQ(status.message(), "warm_start.study: no study \"tyo-1\"; did you mean \"toy-1\"?");
}

TEST_F(WarmStartTest, AnotherTenantsStudyIsAsUnknownAsNone) {
  SearchOf({0.5});  // of the tenant ""
  const Scope stranger{"speech", /*all=*/false};
  const absl::Status there =
      LookUp("{study: toy-1}", kGoals, "[skip, conv1x1, conv3x3]", stranger).status();
  const absl::Status missing =
      LookUp("{study: toy-9}", kGoals, "[skip, conv1x1, conv3x3]", stranger).status();
  EXPECT_TRUE(absl::IsNotFound(there));
  EXPECT_EQ(there.message(), "warm_start.study: no study \"toy-1\"");
  EXPECT_EQ(missing.message(), "warm_start.study: no study \"toy-9\"");
}

// It was resolved when it was submitted, whatever becomes of the other study.
TEST_F(WarmStartTest, ItGoesOnAfterARestartWithoutTheOtherStudyAndReplays) {
  SearchOf({0.2, 0.9, 0.4, 0.3});
  const std::string evolution = "objectives: [{maximize: accuracy}]\nbudget: {trials: 14}\n";
  const std::string name = CreateLookedUp("{study: toy-1, best: 3}", evolution);
  v1::Assignments set = Polled("w");
  set = Complete("w", Success(set.assignments(0), 0.5)).value();
  auto [got, answer] = Wait<v1::DeleteStudyResponse>();
  coordinator_->DeleteStudy(Scope(), "toy-1", answer);
  coordinator_->RunOnce();
  ASSERT_TRUE((*got)->ok());
  Restart();
  EXPECT_THAT(WorkToTheEnd("w"), SizeIs(13));
  EXPECT_EQ(queries_.GetTrial(Scope(), name, 3)->origin(), "warm start: toy-1/4");
  const auto spec = reader_.parse(queries_.StudyText(Scope(), name).value()).value();
  const StudyRecord record = memory_->Study(name).value();
  const ReplayReport report =
      VerifyReplay(spec, "", record.event, memory_->Trials(record.id, 0, 100).value()).value();
  EXPECT_EQ(report.difference, "");
  EXPECT_EQ(report.reproduced, 14);
}

TEST_F(WarmStartTest, ItCanGoOnFromAnotherStudyAsWell) {
  SearchOf({0.2, 0.9, 0.4});
  const std::string text = LookUp("{study: toy-1}").value()->text;
  auto [got, answer] = Wait<v1::Study>();
  coordinator_->CreateStudy(Scope(), ParseToy(text), "", "toy-1", answer);
  coordinator_->RunOnce();
  ASSERT_TRUE((*got)->ok()) << (*got)->status();
  WorkToTheEnd("w");
  // All of them were inherited already.
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-2", 3)->origin(), "from toy-1/3");
  EXPECT_EQ(queries_.GetTrial(Scope(), "toy-2", 4)->origin(), "random");
}

TEST_F(WarmStartTest, TheCoordinatorTakesNoStudyThatIsNotLookedUp) {
  auto [got, answer] = Wait<v1::Study>();
  coordinator_->CreateStudy(
      Scope(), ParseToy(StudyText(absl::StrCat("warm_start: {study: toy-1}\n", kGoals))), "", "",
      answer);
  coordinator_->RunOnce();
  EXPECT_TRUE(absl::IsInvalidArgument((*got)->status()));
  EXPECT_THAT((*got)->status().message(), HasSubstr("nobody has looked up"));
}

}  // namespace
}  // namespace cambrian
