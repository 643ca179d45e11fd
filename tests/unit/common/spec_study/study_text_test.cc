// Study files that the program writes itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/common/spec_study/study_files.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kBuiltin[] =
    "study: s\ndata: {idx: {folder: d}}\nspace: {use: nasbench201, set: {channels: 8, cells: 1}}\n";

TEST(StudyTextTest, TheSelfContainedFileGivesTheSameStudy) {
  for (const char* text : {kSmallest, kWhole, kBuiltin}) {
    const auto study = ParseGood(text);
    const auto again = ParseGood(study->text, "");  // reads nothing from disk
    ASSERT_NE(again, nullptr);
    EXPECT_EQ(again->text, study->text);
    EXPECT_EQ(again->space_name, study->space_name);
    EXPECT_EQ(again->data.ToJson(), study->data.ToJson());
    EXPECT_EQ(again->objectives, study->objectives);
    EXPECT_EQ(again->constraints, study->constraints);
    EXPECT_EQ(again->space->Size().ToString(), study->space->Size().ToString());
    Random a(3), b(3);
    for (int i = 0; i < 20; ++i) {
      const Architecture sample = study->space->Sample(a);
      EXPECT_TRUE(sample == again->space->Sample(b));
      EXPECT_EQ(*study->RecipeFor(sample), *again->RecipeFor(sample));
    }
  }
}

TEST(StudyTextTest, WhatWasSetStillApplies) {
  const auto study = ParseGood(ParseGood(kBuiltin)->text, "");
  const auto architecture = study->space->FromJson({{"cell.edge_0_1", "conv3x3"},
                                                    {"cell.edge_0_2", "skip"},
                                                    {"cell.edge_1_2", "conv3x3"},
                                                    {"cell.edge_0_3", "skip"},
                                                    {"cell.edge_1_3", "none"},
                                                    {"cell.edge_2_3", "conv3x3"}});
  ASSERT_TRUE(architecture.ok()) << architecture.status();
  const auto network = study->space->Lower(*architecture, Task{{3, {32, 32}}, 10});
  ASSERT_TRUE(network.ok()) << network.status();
  EXPECT_LT(network->Parameters(), 60'000);  // 8 channels and one cell a stage, not 16 and 5
}

TEST(StudyTextTest, ACompleteStudyKnowsItsData) {
  const auto study = ParseGood(kWhole);
  const Task task{{1, {8, 8}}, 10};
  const auto text = CompleteStudy(*study, task, "0123456789abcdef");
  ASSERT_TRUE(text.ok());
  const auto complete = ParseGood(*text, "");
  EXPECT_EQ(complete->text, *text);
  EXPECT_EQ(complete->data.task, task);
  EXPECT_EQ(complete->data.sha256, "0123456789abcdef");
  EXPECT_EQ(complete->data.path, study->data.path);
  // A hash of digits stays a text.
  EXPECT_EQ(ParseGood(*CompleteStudy(*study, task, "1234"), "")->data.sha256, "1234");
  EXPECT_EQ(*CompleteStudy(*complete, task, "0123456789abcdef"), *text);
}

TEST(StudyTextTest, OtherDataThanTheFileSaysAreRefused) {
  const auto study = ParseGood(*CompleteStudy(*ParseGood(kWhole), Task{{1, {8, 8}}, 10}, "ab"), "");
  const auto task = CompleteStudy(*study, Task{{1, {8, 8}}, 11}, "ab");
  EXPECT_EQ(task.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(task.status().message()), HasSubstr("11 classes"));
  EXPECT_FALSE(CompleteStudy(*study, Task{{1, {8, 8}}, 10}, "cd").ok());
}

TEST(StudyTextTest, TheFinalStudyTrainsTheWinnerOnce) {
  const auto study = ParseGood(*CompleteStudy(*ParseGood(kWhole), Task{{1, {8, 8}}, 10}, "ab"), "");
  Random random(5);
  for (int i = 0; i < 20; ++i) {
    const Architecture winner = study->space->Sample(random);
    const std::string text = FinishStudy(*study, winner);
    const auto final_study = ParseGood(text, "");
    ASSERT_NE(final_study, nullptr);
    EXPECT_EQ(final_study->text, text);
    EXPECT_EQ(final_study->name, "whole-retrain");
    EXPECT_EQ(final_study->strategy.name, "listed");
    EXPECT_EQ(final_study->budget.trials, 1);
    EXPECT_TRUE(final_study->test);
    EXPECT_FALSE(final_study->finish);
    EXPECT_TRUE(final_study->constraints.empty());
    EXPECT_EQ(final_study->objectives, study->objectives);
    EXPECT_EQ(final_study->latency->batch, 4);
    EXPECT_EQ(final_study->estimator.share, 0.9);
    EXPECT_EQ(final_study->data.ToJson(), study->data.ToJson());
    ASSERT_EQ(final_study->strategy.architectures.size(), 1u);
    const auto architecture = final_study->space->FromJson(final_study->strategy.architectures[0]);
    ASSERT_TRUE(architecture.ok()) << architecture.status();
    Recipe expected = *study->RecipeFor(winner);  // as it was, but longer
    expected.epochs = 6;
    EXPECT_EQ(*final_study->RecipeFor(*architecture), expected);
  }
}

TEST(StudyTextTest, AHoleForTheEpochsIsFilledByTheFinalStudy) {
  const auto study =
      ParseGood(absl::StrCat(kSmallest,
                             "recipe: {epochs: {choose: [1, 2]}, batch: {choose: [8, 16]}}\n"
                             "finish: {epochs: 5}\n"));
  ASSERT_EQ(study->space->decisions().size(), 2u);
  Random random(1);
  const auto final_study = ParseGood(FinishStudy(*study, study->space->Sample(random)), "");
  ASSERT_NE(final_study, nullptr);
  EXPECT_EQ(final_study->space->decisions().size(), 1u);
  const auto architecture = final_study->space->FromJson(final_study->strategy.architectures[0]);
  ASSERT_TRUE(architecture.ok()) << architecture.status();
  EXPECT_EQ(final_study->RecipeFor(*architecture)->epochs, 5);
}

TEST(StudyTextTest, ALongNameLeavesRoom) {
  const auto study = ParseGood(absl::StrCat("study: ", std::string(64, 'a'),
                                            "\ndata: {idx: {folder: /d}}\nspace: {network: "
                                            "[head]}\nfinish: {epochs: 1}\n"));
  Random random(1);
  EXPECT_EQ(ParseGood(FinishStudy(*study, study->space->Sample(random)), "")->name.size(), 64u);
}

TEST(StudyTextTest, ExplainsWhatWasLeftOut) {
  const std::string text = ExplainDefaults(*ParseGood(kSmallest));
  for (const char* line :
       {"validation: 0.1", "population: 30", "sample: 10", "maximize: accuracy", "trials: 100",
        "failures: 10", "seed: 1", "batch: 128", "lr: 0.1", "schedule: cosine", "share: 1.0"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("finish")));
}

TEST(StudyTextTest, WhatIsExplainedIsTheSameStudy) {
  for (const char* source : {kSmallest, kWhole, kBuiltin}) {
    const auto study = ParseGood(source);
    const std::string text = ExplainDefaults(*study);
    const auto again = ParseGood(text, "");
    ASSERT_NE(again, nullptr);
    EXPECT_EQ(ExplainDefaults(*again), text);
    EXPECT_EQ(again->budget.time, study->budget.time);
    EXPECT_EQ(again->objectives, study->objectives);
    EXPECT_EQ(again->space->decisions().size(), study->space->decisions().size());
  }
}

}  // namespace
}  // namespace cambrian
