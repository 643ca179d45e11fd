// Studies that look their results up, from end to end: the real client, server, worker and
// evaluator, and the simulation of the same file.
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/testing/programs.h"

namespace cambrian {
namespace {

using testing::Child;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kStudy[] = R"(study: lookup
data: {task: {input: [3, 8, 8], classes: 4}}
space:
  parameters: {a: {choose: [1, 2, 3]}, b: {choose: [1, 2, 3]}}
  network: [{conv: {out: 4 * $a}}, {conv: {out: 4 * $b}}, head]
estimator:
  table:
    file: table.csv
    metrics: {accuracy: {column: valid, times: 1 %}}
    judge: {column: test, times: 1 %}
    seconds: time
dedupe: architecture
strategy: random
objectives: [maximize: accuracy]
budget: {trials: 9}
finish: {retrain: best, epochs: 1}
)";

// JSON objects, one a line.
std::vector<nlohmann::json> Lines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    lines.push_back(nlohmann::json::parse(line.begin(), line.end(), nullptr, false));
  }
  return lines;
}

class TableTest : public ::testing::Test {
 protected:
  TableTest() {
    Write("study.yaml", kStudy);
    std::string rows = "a,b,valid,test,time\n";
    for (int a = 1; a <= 3; ++a) {
      for (int b = 1; b <= 3; ++b) {
        absl::StrAppend(&rows, a, ",", b, ",", 10 * a + b, ",", 11 * a + b, ",", 60 * a, "\n");
      }
    }
    Write("table.csv", rows);
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }
  // The exit code; what was printed is in out_ and err_.
  int Cambrian(std::vector<std::string> words, bool with_state = true) {
    words.insert(words.begin(), testing::Program("cambrian"));
    if (with_state) words.insert(words.end(), {"--state", folder_ / "state"});
    Child child(words, folder_ / "output");
    const int code = child.Wait();
    out_ = child.Out();
    err_ = child.Err();
    return code;
  }
  std::string StudyFile() { return folder_ / "study.yaml"; }

  testing::TemporaryFolder folder_;
  std::string out_;
  std::string err_;
};

TEST_F(TableTest, ASearchLooksEveryTrialUp) {
  ASSERT_EQ(Cambrian({"run", StudyFile(), "--workers", "2", "--output", "json"}), 0) << err_;
  const std::vector<nlohmann::json> front = Lines(out_);
  ASSERT_THAT(front, SizeIs(1));
  EXPECT_DOUBLE_EQ(front[0]["metrics"]["accuracy"]["value"], 0.33);

  ASSERT_EQ(Cambrian({"trials", "lookup-1", "--output", "json"}), 0) << err_;
  const std::vector<nlohmann::json> trials = Lines(out_);
  ASSERT_THAT(trials, SizeIs(9));
  for (const nlohmann::json& trial : trials) {
    const int a = trial["architecture"]["a"];
    const int b = trial["architecture"]["b"];
    EXPECT_EQ(trial["state"], "succeeded") << trial;
    EXPECT_DOUBLE_EQ(trial["metrics"]["accuracy"]["value"], 0.01 * (10 * a + b));
    EXPECT_DOUBLE_EQ(trial["metrics"]["train_seconds"]["value"], 60 * a);
    EXPECT_FALSE(trial["metrics"].contains("test_accuracy")) << "no search sees the judge";
  }
  // The study of the winner does.
  ASSERT_EQ(Cambrian({"trials", "lookup-retrain-1", "--output", "json"}), 0) << err_;
  ASSERT_THAT(Lines(out_), SizeIs(1));
  EXPECT_DOUBLE_EQ(Lines(out_)[0]["metrics"]["test_accuracy"]["value"], 0.36);
}

TEST_F(TableTest, AStudyAndItsTrialsAreExplained) {
  ASSERT_EQ(Cambrian({"run", StudyFile(), "--workers", "1", "--quiet"}), 0) << err_;
  ASSERT_EQ(Cambrian({"explain", "lookup-1"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("lookup-1: 9 trials with results\n"));
  EXPECT_THAT(out_, HasSubstr("Too few trials to say: 9 of at least 20\n"));
  ASSERT_EQ(Cambrian({"explain", "lookup-1", "--output", "json"}), 0) << err_;
  ASSERT_THAT(Lines(out_), SizeIs(1));
  EXPECT_EQ(Lines(out_)[0]["objectives"][0]["objective"], "accuracy");
  EXPECT_EQ(Lines(out_)[0]["objectives"][0]["importance"]["r2"], nullptr);

  ASSERT_EQ(Cambrian({"explain", "lookup-1/3", "--output", "json"}), 0) << err_;
  ASSERT_THAT(Lines(out_), SizeIs(1));
  EXPECT_EQ(Lines(out_)[0]["trial"], 3);
  EXPECT_EQ(Lines(out_)[0]["origin"]["source"], "random");
  const std::string once = out_;
  ASSERT_EQ(Cambrian({"explain", "lookup-1", "--trial", "3", "--output", "json"}), 0) << err_;
  EXPECT_EQ(out_, once);

  EXPECT_EQ(Cambrian({"explain", "lookup-1", "--objective", "acuracy"}), 2);
  EXPECT_THAT(err_, HasSubstr("did you mean \"accuracy\"?"));
  EXPECT_EQ(Cambrian({"explain", "lookup-1/3", "--trial", "4"}), 2);
  EXPECT_EQ(Cambrian({"explain", "lookup-1/99"}), 1);
  EXPECT_THAT(err_, HasSubstr("has no trial 99"));
}

TEST_F(TableTest, TheTrialsOfAStudyAreATable) {
  ASSERT_EQ(Cambrian({"run", StudyFile(), "--workers", "1", "--quiet"}), 0) << err_;
  ASSERT_EQ(Cambrian({"trials", "lookup-1", "--output", "csv"}), 0) << err_;
  Write("trials.csv", out_);
  ASSERT_EQ(Cambrian({"simulate", StudyFile(), "--set",
                      "estimator={table: {file: trials.csv, seconds: train_seconds}}", "--set",
                      "finish=null", "--seeds", "3", "--workers", "1", "--output", "json"},
                     /*with_state=*/false),
            0)
      << err_;
  const std::vector<nlohmann::json> runs = Lines(out_);
  ASSERT_THAT(runs, SizeIs(1));
  // All nine, one after the other: the best is found, and they take as long as they took.
  EXPECT_DOUBLE_EQ(runs[0]["budgets"].back()["judged"]["mean"], 0.33);
  EXPECT_DOUBLE_EQ(runs[0]["seconds"]["mean"], 3 * (60 + 120 + 180));
  EXPECT_EQ(runs[0]["without_row"], 0);
}

// Between the submission and the run the server ends, and the first study is deleted.
TEST_F(TableTest, AWarmStartTriesAnotherStudysBestFirst) {
  ASSERT_EQ(Cambrian({"run", StudyFile(), "--workers", "1", "--quiet", "--set", "budget.trials=6",
                      "--set", "finish=null"}),
            0)
      << err_;
  ASSERT_EQ(Cambrian({"front", "lookup-1", "--output", "json"}), 0) << err_;
  const nlohmann::json best = Lines(out_)[0];
  const std::vector<std::string> settings = {
      "--set", "warm_start={study: lookup-1, best: 2}", "--set", "seed=2", "--set", "finish=null"};
  const auto with = [&](std::vector<std::string> words) {
    words.insert(words.end(), settings.begin(), settings.end());
    return words;
  };
  ASSERT_EQ(Cambrian(with({"submit", StudyFile()})), 0) << err_;
  EXPECT_EQ(out_, "lookup-2\n");
  EXPECT_THAT(err_, HasSubstr("first it tries the best 2 trials of lookup-1"));
  ASSERT_EQ(Cambrian({"delete", "lookup-1", "--yes"}), 0) << err_;
  ASSERT_EQ(Cambrian(with({"run", StudyFile(), "--workers", "1"})), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("continuing lookup-2"));
  ASSERT_EQ(Cambrian({"trials", "lookup-2", "--output", "json"}), 0) << err_;
  const std::vector<nlohmann::json> trials = Lines(out_);
  ASSERT_THAT(trials, SizeIs(9));
  EXPECT_EQ(trials[0]["architecture"], best["architecture"]);
  EXPECT_EQ(trials[0]["origin"], absl::StrCat("warm start: lookup-1/", best["trial"].get<int>()));
  EXPECT_EQ(trials[2]["origin"], "random");
  ASSERT_EQ(Cambrian({"replay", "lookup-2"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("9 of 9 proposals reproduced"));
}

TEST_F(TableTest, AWarmStartThatCannotBeHasItsPlace) {
  Write("warm.yaml", absl::StrCat(kStudy, "warm_start: {study: lookup-7}\n"));
  ASSERT_EQ(Cambrian({"run", StudyFile(), "--workers", "1", "--quiet", "--set", "finish=null"}), 0)
      << err_;
  for (const char* verb : {"run", "submit"}) {
    EXPECT_EQ(Cambrian({verb, folder_ / "warm.yaml"}), 2) << verb;
    EXPECT_THAT(err_, HasSubstr("warm.yaml:17:21: warm_start.study: no study \"lookup-7\"; did you "
                                "mean \"lookup-1\"?"));
  }
  EXPECT_EQ(Cambrian({"validate", folder_ / "warm.yaml"}, /*with_state=*/false), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("the best 20 trials of lookup-7, which the server looks up"));
  EXPECT_EQ(Cambrian({"simulate", folder_ / "warm.yaml"}, /*with_state=*/false), 2);
  EXPECT_THAT(err_, HasSubstr("warm.yaml:17:21: warm_start.study: a simulation has no server"));
}

TEST_F(TableTest, SimulatesTheSameFile) {
  ASSERT_EQ(Cambrian({"simulate", StudyFile(), "--workers", "1,3", "--seeds", "10", "--curve",
                      folder_ / "curve.svg"},
                     /*with_state=*/false),
            0)
      << err_;
  EXPECT_THAT(out_, HasSubstr("lookup: 10 runs of 9 trials"));
  EXPECT_THAT(out_, HasSubstr("guided by accuracy, judged by test"));
  EXPECT_THAT(Child::Read(folder_ / "curve.svg"), HasSubstr("3 workers"));
  EXPECT_EQ(Cambrian({"simulate", folder_ / "none.yaml"}, /*with_state=*/false), 2);
  EXPECT_THAT(err_, HasSubstr("cannot read"));
}

TEST_F(TableTest, WhatIsWrongWithATableIsSaidBeforeAnythingStarts) {
  Write("table.csv", "a,b,valid,test,time\n1,1,50,60,1\n1,1,50,60,1\n");
  for (const char* verb : {"run", "validate", "submit"}) {
    EXPECT_EQ(Cambrian({verb, StudyFile()}), 2) << verb;
    EXPECT_THAT(err_, HasSubstr("line 3: the architecture of line 2 again")) << verb;
  }
  EXPECT_EQ(Cambrian({"run", StudyFile(), "--set", "estimator.table.judge=tset"}), 2);
}

}  // namespace
}  // namespace cambrian
