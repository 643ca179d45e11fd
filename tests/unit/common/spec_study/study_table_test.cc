#include "common/spec/study_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/testing/temporary_folder.h"
#include "tests/unit/common/spec_study/study_files.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

constexpr char kTable[] = R"(study: t
data: {task: {input: [3, 32, 32], classes: 10}}
space: {network: [{conv: {out: {choose: [8, 16]}}}, head]}
estimator:
  table:
    file: cells.csv
    metrics: {accuracy: {column: valid, times: 1 %}, latency_ms: latency}
    judge: test
    seconds: {column: time, times: 6 %}
dedupe: architecture
objectives: [maximize: accuracy, minimize: latency_ms]
)";

std::string With(absl::string_view estimator, absl::string_view rest = "") {
  return absl::StrCat(
      "study: t\ndata: {task: {input: [3, 32, 32], classes: 10}}\nspace: {network: [head]}\n"
      "estimator: ",
      estimator, "\n", rest);
}

TEST(StudyTableTest, ReadsEveryKey) {
  const auto study = ParseGood(kTable, "/folder");
  ASSERT_NE(study, nullptr);
  EXPECT_EQ(study->estimator.evaluator, "table");
  ASSERT_TRUE(study->estimator.table.has_value());
  const TableSpec& table = *study->estimator.table;
  EXPECT_EQ(table.metrics.at("accuracy"), (TableValue{"valid", 0.01}));
  EXPECT_EQ(table.metrics.at("latency_ms"), (TableValue{"latency", 1}));
  EXPECT_EQ(table.judge, (TableValue{"test", 1}));
  EXPECT_EQ(table.seconds, (TableValue{"time", 0.06}));
  EXPECT_EQ(study->dedupe, Dedupe::kArchitecture);
  EXPECT_EQ(study->data.format, DataSpec::Format::kTable);
  EXPECT_EQ(study->data.path, "/folder/cells.csv");
  EXPECT_FALSE(study->latency) << "it was measured long ago";
}

TEST(StudyTableTest, TheCompleteFileSaysTheSame) {
  const auto study = ParseGood(kTable, "/folder");
  ASSERT_NE(study, nullptr);
  const auto text = CompleteStudy(*study, *study->data.task, std::string(64, 'a'));
  ASSERT_TRUE(text.ok()) << text.status();
  const auto again = ParseGood(*text, "");
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->estimator.table, study->estimator.table);
  EXPECT_EQ(again->dedupe, Dedupe::kArchitecture);
  EXPECT_EQ(again->data.path, "/folder/cells.csv");
  EXPECT_EQ(again->data.sha256, std::string(64, 'a'));
  const auto explained = ParseGood(ExplainDefaults(*again), "");
  ASSERT_NE(explained, nullptr);
  EXPECT_EQ(explained->estimator.table, study->estimator.table);
  EXPECT_EQ(explained->dedupe, Dedupe::kArchitecture);
}

TEST(StudyTableTest, TheFinalStudyLooksUpInTheSameTable) {
  const auto study = ParseGood(absl::StrCat(kTable, "finish: {retrain: best, epochs: 200}\n"));
  ASSERT_NE(study, nullptr);
  Random random(1);
  const auto final = ParseGood(FinishStudy(*study, study->space->Sample(random)), "");
  ASSERT_NE(final, nullptr);
  EXPECT_TRUE(final->test);
  EXPECT_EQ(final->estimator.table, study->estimator.table);
  EXPECT_EQ(final->data.path, study->data.path);
}

TEST(StudyTableTest, ATableMayLieBelowADataRoot) {
  const auto study = ParseGood(
      "study: t\ndata: {root: tables, task: {input: [4], classes: 2}}\nspace: {network: [head]}\n"
      "estimator: {table: {file: a/b.csv}}\n",
      "");
  ASSERT_NE(study, nullptr);
  EXPECT_EQ(study->data.root, "tables");
  EXPECT_EQ(study->data.path, "a/b.csv");
}

TEST(StudyTableTest, LeftOutMeansTheDefaults) {
  const auto study = ParseGood(With("{table: {file: /t.csv, seconds: 30}}"));
  ASSERT_NE(study, nullptr);
  EXPECT_EQ(study->dedupe, Dedupe::kNetwork);
  EXPECT_TRUE(study->estimator.table->metrics.empty());
  EXPECT_EQ(study->estimator.table->seconds, (TableValue{"", 30}));
  EXPECT_EQ(ParseGood(kSmallest)->dedupe, Dedupe::kNetwork);
}

TEST(StudyTableTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(Problems(With("table")), HasSubstr("does not say which table"));
  EXPECT_THAT(Problems("study: t\nspace: {network: [head]}\nestimator: {table: {file: /t.csv}}\n"),
              HasSubstr("data: {task: {input: [3, 32, 32], classes: 10}}"));
  EXPECT_THAT(Problems(With("{table: {file: /t.csv, judges: x}}")),
              HasSubstr("did you mean \"judge\"?"));
  EXPECT_THAT(Problems(With("{table: {file: /t.csv, judge: 3}}")),
              HasSubstr("estimator.table.judge must be a column"));
  EXPECT_THAT(Problems(With("{table: {file: /t.csv, seconds: {times: 3}}}")),
              HasSubstr("estimator.table.seconds.column is missing"));
  EXPECT_THAT(Problems(With("{table: {file: /t.csv, metrics: {accuracy: v}}}",
                            "objectives: [maximize: acuracy]\n")),
              HasSubstr("did you mean \"accuracy\"?"));
  EXPECT_THAT(Problems(With("{table: {file: /t.csv, metrics: accuracy}}")),
              HasSubstr("estimator.table.metrics must be a map"));
  EXPECT_THAT(Problems(With("{table: {file: /t.csv}}",
                            "objectives: [{minimize: latency_ms, on: {device: cpu}}]\n")),
              HasSubstr("have been measured"));
  EXPECT_THAT(Problems(With("{table: {file: /t.csv}}", "objectives: [maximize: test_accuracy]\n")),
              HasSubstr("guides no search"));
  EXPECT_THAT(Problems(With("{table: {file: /t.csv}}", "finish: {retrain: best, epochs: 1}\n")),
              HasSubstr("there is none"));
  EXPECT_THAT(Problems(With("{table: {file: /t.csv}}", "dedupe: rows\n")),
              HasSubstr("dedupe must be network or architecture"));
  EXPECT_THAT(Problems(absl::StrCat(kSmallest, "dedupe: architecture\n")),
              HasSubstr("is for tables"));
  EXPECT_THAT(Problems("study: s\ndata: {table: {file: /t.csv}}\nspace: {network: [head]}\n"),
              HasSubstr("write \"estimator: table\""));
}

class OpenTableTest : public ::testing::Test {
 protected:
  std::string File(const std::string& text) {
    std::ofstream(folder_ / "cells.csv") << text;
    return folder_ / "cells.csv";
  }
  testing::TemporaryFolder folder_;
};

TEST_F(OpenTableTest, GivesWhatTheStudyNeeds) {
  const auto study = ParseGood(kTable);
  ASSERT_NE(study, nullptr);
  const auto table =
      OpenTable(*study, File("out,valid,latency,test,time\n8,50,1,60,100\n16,51,2,61,200\n"));
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ((*table)->table().rows(), 2u);
  EXPECT_EQ((*table)->table().sha256().size(), 64u);
}

// Trials of a study are of different networks: the table that they make has no row for a twin.
TEST_F(OpenTableTest, OneRowStandsForEqualNetworks) {
  constexpr char kCell[] = R"(study: t
data: {task: {input: [3, 8, 8], classes: 4}}
space: {network: [cell, head],
        cells: {cell: {graph: {nodes: 2, edge: {choose: [none, skip, conv3x3]}}}},
        blocks: {conv3x3: {conv: {kernel: 3}}}}
estimator: {table: {file: /t.csv}}
objectives: [maximize: valid]
)";
  const std::string file =
      File("edge_0_1,edge_0_2,edge_1_2,valid\nskip,none,conv3x3,70\nnone,none,none,10\n");
  const auto study = ParseGood(kCell);
  const auto rows = ParseGood(absl::StrCat(kCell, "dedupe: architecture\n"));
  ASSERT_NE(study, nullptr);
  ASSERT_NE(rows, nullptr);
  const auto twin =
      study->space->FromJson({{"edge_0_1", "none"}, {"edge_0_2", "conv3x3"}, {"edge_1_2", "skip"}});
  const auto other =
      study->space->FromJson({{"edge_0_1", "none"}, {"edge_0_2", "skip"}, {"edge_1_2", "none"}});
  const auto networks = OpenTable(*study, file);
  ASSERT_TRUE(networks.ok()) << networks.status();
  EXPECT_EQ((*networks)->Look(*twin)->metrics.at("valid").value, 70);
  EXPECT_FALSE((*networks)->Look(*other).ok());
  const auto architectures = OpenTable(*rows, file);
  ASSERT_TRUE(architectures.ok()) << architectures.status();
  EXPECT_FALSE((*architectures)->Look(*twin).ok());
}

TEST_F(OpenTableTest, AMissingColumnOrMetricIsNamed) {
  const auto study = ParseGood(kTable);
  ASSERT_NE(study, nullptr);
  EXPECT_THAT(
      std::string(
          OpenTable(*study, File("out,valid,latency,test\n8,50,1,60\n")).status().message()),
      HasSubstr("there is no column \"time\""));
  const auto plain = ParseGood(With("{table: {file: /t.csv}}", "objectives: [maximize: acc]\n"));
  ASSERT_NE(plain, nullptr);
  EXPECT_THAT(std::string(OpenTable(*plain, File("valid,params\n50,3\n")).status().message()),
              HasSubstr("the table gives no \"acc\"; it gives valid, params"));
}

}  // namespace
}  // namespace cambrian
