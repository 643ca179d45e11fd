// The section `warm_start`: what it says, what it is refused for, and what a server adds to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/common/spec_study/study_files.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// Lines 1 to 9: decisions that exist only under others, and of the recipe.
constexpr char kStudy[] = R"(study: s
data: {idx: {folder: /data}}
space:
  network:
    - {name: a, conv: {kernel: {choose: [1, 3]}, out: {range: [8, 64], step: 8}}}
    - name: d
      choose: {plain: relu, wide: {conv: {kernel: {choose: [3, 5]}}}}
    - head
recipe: {optimizer: {choose: {sgd: {lr: {range: [0.001, 0.5], scale: log}}, adamw: {}}}}
)";
constexpr char kWide[] =
    "{a.kernel: 3, out: 16, d: wide, wide.kernel: 5, optimizer: sgd, lr: 0.0123456789}";
constexpr char kPlain[] = "{a.kernel: 1, a.out: 8, d: plain, recipe.optimizer: adamw}";

std::unique_ptr<StudySpec> Parse(const std::string& section) {
  return ParseGood(absl::StrCat(kStudy, "warm_start: ", section, "\n"));
}

TEST(WarmStartTest, ListedArchitecturesAreTriedInTheirOrder) {
  const auto study = Parse(absl::StrCat("{architectures: [", kWide, ", ", kPlain, "]}"));
  const WarmStartSpec& warm_start = study->strategy.warm_start;
  EXPECT_FALSE(warm_start.IsPending());
  ASSERT_THAT(warm_start.entries, SizeIs(2));
  EXPECT_EQ(warm_start.entries[0].name, "listed 1");
  EXPECT_EQ(warm_start.entries[1].name, "listed 2");
  const Architecture wide = study->space->FromJson(warm_start.entries[0].architecture).value();
  EXPECT_EQ(study->space->ToJson(wide)["recipe.optimizer.sgd.lr"], 0.0123456789);
  EXPECT_TRUE(ParseGood(kStudy)->strategy.warm_start.empty());
}

TEST(WarmStartTest, AStudysTrialsAreLeftToTheServer) {
  const auto study = Parse("{study: fashion-1}");
  const WarmStartSpec& warm_start = study->strategy.warm_start;
  EXPECT_TRUE(warm_start.IsPending());
  EXPECT_EQ(warm_start.study, "fashion-1");
  EXPECT_EQ(warm_start.best, 20);
  EXPECT_EQ(warm_start.mark.line, 10);
  EXPECT_EQ(warm_start.mark.column, 21);
  EXPECT_THAT(ExplainDefaults(*study), HasSubstr("best: 20"));
}

TEST(WarmStartTest, WhatAServerLookedUpIsPartOfTheFile) {
  const auto study = Parse("{study: fashion, best: 3}");
  Random random(3);
  std::vector<WarmStartSpec::Entry> trials;
  for (int i = 0; i < 3; ++i) {
    trials.push_back(
        {study->space->ToJson(study->space->Sample(random)), absl::StrCat("fashion-1/", 7 + i)});
  }
  const auto whole = ParseGood(CompleteWarmStart(*study, trials), "");
  ASSERT_NE(whole, nullptr);
  const WarmStartSpec& warm_start = whole->strategy.warm_start;
  EXPECT_FALSE(warm_start.IsPending());
  EXPECT_EQ(warm_start.study, "fashion");
  EXPECT_EQ(warm_start.best, 3);
  ASSERT_THAT(warm_start.entries, SizeIs(3));
  for (size_t i = 0; i < trials.size(); ++i) {
    EXPECT_EQ(warm_start.entries[i].name, trials[i].name);
    EXPECT_EQ(warm_start.entries[i].architecture, trials[i].architecture);
  }
  EXPECT_EQ(whole->design, study->design);
  EXPECT_EQ(ParseGood(whole->text, "")->text, whole->text);
}

TEST(WarmStartTest, TheWinnersTrainingHasNone) {
  const auto study = ParseGood(
      absl::StrCat(kStudy, "warm_start: {architectures: [", kPlain, "]}\nfinish: {epochs: 1}\n"));
  Random random(1);
  EXPECT_THAT(FinishStudy(*study, study->space->Sample(random)), Not(HasSubstr("warm_start")));
}

TEST(WarmStartTest, MoreThanTheBudgetHasIsOdd) {
  const std::string text =
      absl::StrCat(kStudy, "budget: {trials: 1}\nwarm_start: {architectures: [", kPlain, ", ");
  EXPECT_THAT(Problems(absl::StrCat(text, kWide, "]}\n")),
              HasSubstr("warning: s.yaml:11:1: warm_start has 2 architectures for a budget of 1 "
                        "trials: not all are tried"));
  EXPECT_THAT(Problems(absl::StrCat(kStudy, "budget: {trials: 2}\nwarm_start: {architectures: [",
                                    kPlain, ", ", kWide, "]}\n")),
              IsEmpty());
}

struct Refusal {
  const char* section;
  const char* place;  // the section stands in line 10 from column 1 on
  const char* message;
  const char* suggestion;
};

class WarmStartRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(WarmStartRefusalTest, SaysWhereWhatAndWhatToDo) {
  const std::string problems =
      Problems(absl::StrCat(kStudy, "warm_start: ", GetParam().section, "\n"));
  EXPECT_THAT(problems, HasSubstr(absl::StrCat("error: s.yaml:10:", GetParam().place, ": ")));
  EXPECT_THAT(problems, HasSubstr(GetParam().message));
  EXPECT_THAT(problems, HasSubstr(GetParam().suggestion));
}

INSTANTIATE_TEST_SUITE_P(
    Section, WarmStartRefusalTest,
    ::testing::Values(
        Refusal{"fashion-1", "13", "warm_start must be a map, not the text \"fashion-1\"",
                "known here: study, best"},
        Refusal{"{}", "13", "names neither a study nor architectures", "{study: NAME, best: 20}"},
        Refusal{"{study: a-1, architectures: [{}]}", "26",
                "names a study already, not architectures too", "keep one"},
        Refusal{"{studdy: a-1}", "14", "unknown key \"studdy\" in warm_start",
                "did you mean \"study\"?"},
        Refusal{"{study: [a-1]}", "21", "warm_start.study must be a text, not a list", ""},
        Refusal{"{study: [a-1], trials: [{trial: a-1/3, architecture: {d: plain}}]}", "21",
                "warm_start.study must be a text, not a list", ""},
        Refusal{"{study: a-1, trials: [{trial: \"a (auto: b)\", architecture: {d: plain}}]}", "43",
                "warm_start.trials.trial must be STUDY/NUMBER", ""},
        Refusal{"{study: a-1, best: 0}", "32", "warm_start.best must be a whole number from 1", ""},
        Refusal{"{study: a-1, best: 1001}", "32", "from 1 to 1000, not the number 1001", ""},
        Refusal{"{best: 3, architectures: [{}]}", "14",
                "\"best\" is said of a study, and none is named", "study: NAME"},
        Refusal{"{architectures: []}", "29", "a list of 1 to 1000 architectures", ""},
        Refusal{"{architectures: {d: plain}}", "29", "a list of 1 to 1000 architectures, not a map",
                ""},
        Refusal{"{study: a-1, trials: [{trial: a-1/3}]}", "35",
                "warm_start.trials.architecture is missing", "architecture: {…}"},
        Refusal{"{study: a-1, trials: [{trial: a-1/3, architecture: {d: none}}]}", "68",
                "decision \"d\" cannot be \"none\"", "it is one of plain, wide"}));

INSTANTIATE_TEST_SUITE_P(
    Architectures, WarmStartRefusalTest,
    ::testing::Values(
        Refusal{"{architectures: [plain]}", "30", "an architecture is a map of decisions",
                "write \"{DECISION: VALUE, …}\""},
        Refusal{"{architectures: [{a.kernal: 3}]}", "31", "there is no decision \"a.kernal\"",
                "did you mean \"a.kernel\"?"},
        Refusal{"{architectures: [{otu: 8}]}", "31", "there is no decision \"otu\"",
                "did you mean \"out\"?"},
        Refusal{"{architectures: [{kernel: 3}]}", "31", "\"kernel\" may be \"a.kernel\" or ", ""},
        Refusal{"{architectures: [{a.kernel: 3, a.out: 8, out: 8}]}", "54",
                "decision \"a.out\" is given twice", "keep one"},
        Refusal{"{architectures: [{d: wied}]}", "34", "decision \"d\" cannot be \"wied\"",
                "did you mean \"wide\"?"},
        Refusal{"{architectures: [{a.kernel: 2}]}", "41", "decision \"a.kernel\" cannot be \"2\"",
                "it is one of 1, 3"},
        Refusal{"{architectures: [{a.out: 72}]}", "38", "decision \"a.out\" cannot be 72",
                "it lies between 8 and 64"},
        Refusal{"{architectures: [{a.out: many}]}", "38", "decision \"a.out\" is a number", ""},
        Refusal{"{architectures: [{a.kernel: 1, a.out: 8, optimizer: adamw}]}", "30",
                "decision \"d\" is missing", "it is one of plain, wide"},
        Refusal{"{architectures: [{a.kernel: 1, a.out: 8, d: wide, optimizer: adamw}]}", "30",
                "decision \"d.wide.kernel\" is missing", "it is one of 3, 5"},
        Refusal{"{architectures: [{a.kernel: 1, a.out: 8, d: plain, optimizer: adamw, lr: 0.1}]}",
                "82", "does not exist where the others are as they are", "remove it"},
        Refusal{"{architectures: [{a.kernel: 1, a.out: 9, d: plain, optimizer: adamw}]}", "30",
                "decision \"a.out\" cannot be 9", ""}));

TEST(WarmStartTest, ADifferentSpaceIsSaidOnceForEachDecision) {
  const std::string problems =
      Problems(absl::StrCat(kStudy, "warm_start: {architectures: [{x: 1, y: 2, a.kernel: 7}]}\n"));
  EXPECT_THAT(problems, HasSubstr("s.yaml:10:31: there is no decision \"x\""));
  EXPECT_THAT(problems, HasSubstr("s.yaml:10:37: there is no decision \"y\""));
  EXPECT_THAT(problems, HasSubstr("s.yaml:10:53: decision \"a.kernel\" cannot be \"7\""));
}

TEST(WarmStartTest, AListThatIsTheWholeStudyNeedsNone) {
  const std::string problems = Problems(absl::StrCat(
      kStudy, "warm_start: {study: a-1}\nstrategy: {listed: {architectures: [", kPlain, "]}}\n"));
  EXPECT_THAT(problems, HasSubstr("error: s.yaml:10:1: strategy.listed tries its own list"));
  EXPECT_THAT(problems, HasSubstr("remove \"warm_start\""));
}

}  // namespace
}  // namespace cambrian
