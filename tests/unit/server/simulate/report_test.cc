#include "server/simulate/report.h"

#include <cmath>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

SimulationReport Report() {
  SimulationReport report{"nb", "t.csv", 27, 40, 100, "valid", "test", {20, 40}, {}};
  Summary summary;
  for (int n = 1; n <= 40; ++n) {
    summary.curve.push_back({n, {90 + 0.1 * n, 0.031}, {0.5, 0.001}, {60.0 * n, 2}});
  }
  summary.seconds = {2400, 30};
  summary.utilization = {0.875, 0.004};
  summary.lost_attempts = {1.5, 0.2};
  report.variants.push_back({"random", 16, summary});
  return report;
}

std::vector<std::string> Lines(const std::string& text) {
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

TEST(ReportTest, BudgetsAreLookedAtInThirdsOfADecade) {
  EXPECT_THAT(UsualBudgets(100), ElementsAre(10, 30, 100));
  EXPECT_THAT(UsualBudgets(250), ElementsAre(10, 30, 100, 250));
  EXPECT_THAT(UsualBudgets(5), ElementsAre(5));
  EXPECT_THAT(UsualBudgets(30), ElementsAre(10, 30));
}

TEST(ReportTest, TheTableHasAsManyDigitsAsTheErrorAllows) {
  const std::string table = ReportTable(Report());
  EXPECT_THAT(table, HasSubstr("nb: 100 runs of 40 trials in t.csv (27 rows)"));
  EXPECT_THAT(table, HasSubstr("guided by valid, judged by test"));
  EXPECT_THAT(table, HasSubstr("92.000 ± 0.031"));
  EXPECT_THAT(table, HasSubstr("20 min"));
  EXPECT_THAT(table, HasSubstr("87.50 ± 0.40 %"));
}

TEST(ReportTest, JsonIsAnObjectForEachVariant) {
  SimulationReport report = Report();
  report.variants.push_back(report.variants[0]);
  report.variants[1].summary.curve[19].judged.mean = std::nan("");
  const std::vector<std::string> lines = Lines(ReportJson(report));
  ASSERT_THAT(lines, SizeIs(2));
  const auto json = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(json["workers"], 16);
  EXPECT_EQ(json["utilization"]["mean"], 0.875);
  ASSERT_THAT(json["budgets"], SizeIs(2));
  EXPECT_EQ(json["budgets"][1]["trials"], 40);
  EXPECT_EQ(json["budgets"][1]["judged"]["mean"], 94);
  EXPECT_TRUE(nlohmann::json::parse(lines[1])["budgets"][0]["judged"]["mean"].is_null());
}

TEST(ReportTest, CsvHasARowForEachBudgetAndTheCurveForEachTrial) {
  const std::vector<std::string> csv = Lines(ReportCsv(Report()));
  ASSERT_THAT(csv, SizeIs(3));
  EXPECT_THAT(csv[0], StartsWith("strategy,workers,trials,judged,judged_error"));
  EXPECT_EQ(csv[1], "random,16,20,92,0.031,0.5,0.001,1200,2,0.875,0.004,1.5,0.2");
  const std::vector<std::string> curve = Lines(CurveCsv(Report()));
  ASSERT_THAT(curve, SizeIs(41));
  EXPECT_EQ(curve[40], "random,16,40,94,0.031,0.5,0.001,2400,2");
}

TEST(ReportTest, ABudgetBeyondTheRunIsWhatItCameTo) {
  SimulationReport report = Report();
  report.budgets = {1000};
  EXPECT_THAT(ReportTable(report), HasSubstr("94.000 ± 0.031"));
}

TEST(ReportTest, CurvesOfSeveralWorkerCountsAreOverTime) {
  SimulationReport report = Report();
  EXPECT_THAT(CurveSvg(report), HasSubstr(">trials</text>"));
  report.variants.push_back(report.variants[0]);
  report.variants[1].workers = 64;
  const std::string svg = CurveSvg(report);
  EXPECT_THAT(svg, HasSubstr(">hours</text>"));
  EXPECT_THAT(svg, HasSubstr(">64 workers</text>"));
}

}  // namespace
}  // namespace cambrian
