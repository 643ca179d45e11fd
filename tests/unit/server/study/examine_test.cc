#include "server/study/examine.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/server_study.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using testing::ParseToy;
using testing::StudyText;

Candidate ExamineCell(const std::shared_ptr<const StudySpec>& study, absl::string_view edges) {
  const auto json = nlohmann::json::parse(edges.begin(), edges.end());
  return MakeExamine(study)(study->space->FromJson(json).value());
}

constexpr char kCell[] = R"({"edge_0_1": "conv1x1", "edge_0_2": "skip", "edge_1_2": "conv3x3"})";

TEST(ExamineTest, FillsInWhatTheNetworkAloneDetermines) {
  const Candidate candidate = ExamineCell(ParseToy(StudyText()), kCell);
  EXPECT_EQ(candidate.obstacle, "");
  EXPECT_EQ(candidate.canonical_key.size(), 32);
  EXPECT_EQ(candidate.evaluation_key.size(), 32);
  EXPECT_GT(candidate.metrics.at("parameters").value, 0);
  EXPECT_GT(candidate.metrics.at("macs").value, candidate.metrics.at("parameters").value);
}

TEST(ExamineTest, OneNetworkUnderTwoRecipesDataSeedsOrTargetsIsDifferentWork) {
  const std::string base = StudyText();
  const Candidate a = ExamineCell(ParseToy(base), kCell);
  for (const char* setting : {"recipe.epochs=3", "seed=8", "data.validation=0.1",
                              "data.sha256=ff112233445566778899aabbccddeeff"
                              "00112233445566778899aabbccddeeff"}) {
    const Candidate b = ExamineCell(ParseToy(base, {setting}), kCell);
    EXPECT_EQ(a.canonical_key, b.canonical_key) << setting;
    EXPECT_NE(a.evaluation_key, b.evaluation_key) << setting;
  }
  const Candidate measured = ExamineCell(
      ParseToy(StudyText("strategy: random\nobjectives: [{maximize: accuracy}, {minimize: "
                         "latency_ms}]\nbudget: {trials: 8}\n")),
      kCell);
  EXPECT_NE(a.evaluation_key, measured.evaluation_key);
  const Candidate elsewhere = ExamineCell(
      ParseToy(StudyText("strategy: random\nobjectives: [{maximize: accuracy}, {minimize: "
                         "latency_ms, on: {target: pi4}}]\nbudget: {trials: 8}\n")),
      kCell);
  EXPECT_NE(measured.evaluation_key, elsewhere.evaluation_key);
}

TEST(ExamineTest, TheSameWorkWhereverTheDataLie) {
  const std::string base = StudyText();
  const Candidate a = ExamineCell(ParseToy(base), kCell);
  const Candidate b = ExamineCell(ParseToy(base, {"data.csv.file=/elsewhere/toy.csv"}), kCell);
  EXPECT_EQ(a.evaluation_key, b.evaluation_key);
}

TEST(ExamineTest, IsomorphicCellsAreTheSameWork) {
  const auto study = ParseToy(
      StudyText("strategy: random\nobjectives: [{maximize: accuracy}]\nbudget: {trials: 8}\n",
                "[none, skip, conv3x3]"));
  // Node 1 passes on what came in, or is skipped: the same network.
  const Candidate a =
      ExamineCell(study, R"({"edge_0_1": "skip", "edge_0_2": "none", "edge_1_2": "conv3x3"})");
  const Candidate b =
      ExamineCell(study, R"({"edge_0_1": "none", "edge_0_2": "conv3x3", "edge_1_2": "skip"})");
  EXPECT_EQ(a.evaluation_key, b.evaluation_key);
}

TEST(ExamineTest, SaysWhyNothingGetsThrough) {
  const auto study = ParseToy(
      StudyText("strategy: random\nobjectives: [{maximize: accuracy}]\nbudget: {trials: 8}\n",
                "[none, skip, conv3x3]"));
  const Candidate candidate =
      ExamineCell(study, R"({"edge_0_1": "skip", "edge_0_2": "none", "edge_1_2": "none"})");
  EXPECT_NE(candidate.obstacle, "");
  EXPECT_FALSE(candidate.breaks_constraint);
  EXPECT_EQ(candidate.canonical_key, "");
  EXPECT_NE(candidate.evaluation_key, "");
}

TEST(ExamineTest, NamesTheAnalyticConstraintThatIsBroken) {
  const auto study = ParseToy(
      StudyText("strategy: random\nobjectives: [{maximize: accuracy}]\n"
                "constraints: [parameters <= 10, accuracy >= 0.5]\nbudget: {trials: 8}\n"));
  const Candidate candidate = ExamineCell(study, kCell);
  EXPECT_TRUE(candidate.breaks_constraint);
  EXPECT_THAT(candidate.obstacle, HasSubstr("parameters <= 10"));
}

// Two cells with the same network, and one that lets nothing through.
TEST(ExamineTest, EachRowOfATableMayBeWorkOfItsOwn) {
  constexpr char kTable[] = R"(study: toy
data: {task: {input: [3, 8, 8], classes: 4}, table: {file: /toy.csv}, sha256: aa}
space: {network: [cell, head],
        cells: {cell: {graph: {nodes: 2, edge: {choose: [none, skip, conv3x3]}}}},
        blocks: {conv3x3: {conv: {kernel: 3}}}}
estimator: {table: {metrics: {accuracy: valid}}}
)";
  constexpr char kOne[] = R"({"edge_0_1": "skip", "edge_0_2": "none", "edge_1_2": "conv3x3"})";
  constexpr char kTwin[] = R"({"edge_0_1": "none", "edge_0_2": "conv3x3", "edge_1_2": "skip"})";
  constexpr char kDead[] = R"({"edge_0_1": "skip", "edge_0_2": "none", "edge_1_2": "none"})";
  const auto networks = ParseToy(kTable);
  EXPECT_EQ(ExamineCell(networks, kOne).evaluation_key,
            ExamineCell(networks, kTwin).evaluation_key);
  EXPECT_NE(ExamineCell(networks, kDead).obstacle, "");

  const auto rows = ParseToy(kTable, {"dedupe=architecture"});
  const Candidate one = ExamineCell(rows, kOne);
  EXPECT_EQ(one.evaluation_key.size(), 32);
  EXPECT_EQ(one.evaluation_key, ExamineCell(rows, kOne).evaluation_key);
  EXPECT_NE(one.evaluation_key, ExamineCell(rows, kTwin).evaluation_key);
  EXPECT_EQ(ExamineCell(rows, kDead).obstacle, "");
  // Another column is another result.
  const auto others =
      ParseToy(kTable, {"dedupe=architecture", "estimator.table.metrics.accuracy=other"});
  EXPECT_NE(one.evaluation_key, ExamineCell(others, kOne).evaluation_key);
}

TEST(ExamineTest, SeedsFollowFromTheWork) {
  EXPECT_EQ(TrialSeed("a"), TrialSeed("a"));
  EXPECT_NE(TrialSeed("a"), TrialSeed("b"));
}

}  // namespace
}  // namespace cambrian
