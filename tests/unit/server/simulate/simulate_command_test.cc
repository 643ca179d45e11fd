#include "server/simulate_command.h"

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/server/simulate/small_table.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SimulateCommandTest : public ::testing::Test {
 protected:
  SimulateCommandTest() {
    flags_.file = small_.file();
    flags_.seeds = 5;
    flags_.workers = {4};
    flags_.output = "json";
  }

  int Run() {
    out_.str("");
    err_.str("");
    return SimulateCommand(flags_, out_, err_);
  }
  std::vector<nlohmann::json> Objects() const {
    std::vector<nlohmann::json> objects;
    std::istringstream lines(out_.str());
    for (std::string line; std::getline(lines, line);) {
      objects.push_back(nlohmann::json::parse(line));
    }
    return objects;
  }
  std::string Contents(const std::string& file) const {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void ExpectWrong(const std::string& words) {
    EXPECT_EQ(Run(), 2);
    EXPECT_THAT(out_.str(), IsEmpty());
    EXPECT_THAT(err_.str(), HasSubstr(words));
  }

  const testing::SmallStudy small_;
  SimulateFlags flags_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(SimulateCommandTest, EachStrategyWithEachNumberOfWorkers) {
  flags_.strategies = {"random", "regularized_evolution"};
  flags_.workers = {1, 4};
  ASSERT_EQ(Run(), 0) << err_.str();
  const std::vector<nlohmann::json> objects = Objects();
  ASSERT_EQ(objects.size(), 4u);
  EXPECT_EQ(objects[0]["strategy"], "random");
  EXPECT_EQ(objects[3]["strategy"], "regularized_evolution");
  EXPECT_EQ(objects[3]["workers"], 4);
  EXPECT_EQ(objects[0]["judge"], "judge");
  EXPECT_NEAR(objects[0]["utilization"]["mean"], 1, 1e-9) << "one worker is always busy";
  EXPECT_LT(objects[1]["seconds"]["mean"], objects[0]["seconds"]["mean"]);
}

TEST_F(SimulateCommandTest, TheSameCommandSaysTheSame) {
  flags_.worker_loss = "50%/h";
  flags_.threads = 2;
  ASSERT_EQ(Run(), 0) << err_.str();
  const std::string first = out_.str();
  flags_.threads = 1;
  ASSERT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(out_.str(), first);
}

TEST_F(SimulateCommandTest, WritesCurves) {
  flags_.curves = {small_.folder() / "curve.csv", small_.folder() / "curve.svg"};
  ASSERT_EQ(Run(), 0) << err_.str();
  EXPECT_THAT(Contents(flags_.curves[0]), HasSubstr("random,4,20,"));
  EXPECT_THAT(Contents(flags_.curves[1]), HasSubstr("</svg>"));
  flags_.curves = {"/nowhere/curve.csv"};
  EXPECT_EQ(Run(), 1);
  EXPECT_THAT(err_.str(), HasSubstr("cannot write /nowhere/curve.csv"));
}

TEST_F(SimulateCommandTest, SettingsChangeTheStudy) {
  flags_.settings = {"budget.trials=7"};
  flags_.budgets = {3};
  ASSERT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(Objects()[0]["trials"], 7);
  EXPECT_EQ(Objects()[0]["budgets"][0]["trials"], 3);
}

TEST_F(SimulateCommandTest, WhatIsWrongIsSaidBeforeAnythingRuns) {
  flags_.worker_loss = "5";
  ExpectWrong("5%/h say");
  flags_.worker_loss = "120%/h";
  ExpectWrong("5%/h say");
  flags_.worker_loss = "";
  flags_.curves = {"curve.png"};
  ExpectWrong(".csv or .svg");
  flags_.curves = {};
  flags_.strategies = {"randum"};
  ExpectWrong("did you mean \"random\"?");
  flags_.strategies = {};
  flags_.output = "yaml";
  ExpectWrong("table, json or csv");
  flags_.output = "json";
  flags_.settings = {"estimator.table.judge=jugde"};
  ExpectWrong("did you mean \"judge\"?");
  flags_.settings = {};
  flags_.file = "/nowhere/study.yaml";
  ExpectWrong("cannot read /nowhere/study.yaml");
}

TEST_F(SimulateCommandTest, AStudyThatTrainsIsToldHowToGetATable) {
  const testing::SmallStudy trains(
      "study: s\ndata: {idx: {folder: /data}}\nspace: {network: [head]}\n");
  flags_.file = trains.file();
  ExpectWrong("cambrian trials STUDY --output csv");
}

TEST_F(SimulateCommandTest, AWarmStartIsListedForAllStrategies) {
  flags_.settings = {"budget.trials=2",
                     "warm_start={architectures: [{a: 1, b: 3, c: 2}, {a: 3, b: 2, c: 2}]}"};
  flags_.strategies = {"random", "regularized_evolution"};
  flags_.workers = {1};
  ASSERT_EQ(Run(), 0) << err_.str();
  // Both have tried the same two, whatever the seed.
  ASSERT_EQ(Objects().size(), 2u);
  EXPECT_EQ(Objects()[0]["budgets"].back()["guided"], Objects()[1]["budgets"].back()["guided"]);
  EXPECT_EQ(Objects()[0]["budgets"].back()["guided"]["error"], 0);
}

TEST_F(SimulateCommandTest, ThereIsNoServerThatKnowsAnotherStudy) {
  flags_.settings = {"warm_start={study: table-1}"};
  ExpectWrong("warm_start.study: a simulation has no server that could look up the trials of");
  ExpectWrong("warm_start: {architectures: […]}");
}

TEST_F(SimulateCommandTest, ATableMayLieBelowADataRoot) {
  std::string text = testing::kSmallStudy;
  text.replace(text.find("data: {"), 7, "data: {root: tables, ");
  const testing::SmallStudy below(text);
  flags_.file = below.file();
  ExpectWrong("--data-root tables=PATH");
  flags_.data_roots = {absl::StrCat("tables=", below.folder().path())};
  EXPECT_EQ(Run(), 0) << err_.str();
}

}  // namespace
}  // namespace cambrian
