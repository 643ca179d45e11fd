#include "client/format/explanation.h"

#include "absl/strings/str_split.h"
#include "client/format/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/mixed_space.h"
#include "tests/unit/client/studies.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

DecisionImportance Importance(size_t decision, Spread alone, Spread together) {
  DecisionImportance importance;
  importance.decision = decision;
  importance.alone = alone;
  importance.together = together;
  importance.best = "conv3x3";
  importance.worst = "none";
  importance.best_value = 0.871;
  importance.worst_value = 0.79;
  return importance;
}

StudyExplanation Explanation() {
  TargetExplanation accuracy;
  accuracy.target = {"accuracy", true};
  accuracy.importance.trials = 120;
  accuracy.importance.enough = true;
  accuracy.importance.r2 = 0.712;
  accuracy.importance.interactions = 0.127;
  accuracy.importance.decisions = {Importance(2, {0.614, 0.048}, {0.741, 0.062}),
                                   Importance(0, {0.233, 0.031}, {0.28, 0.04}),
                                   Importance(1, {-0.004, 0.012}, {0.01, 0.02})};
  accuracy.best = {{}, 12, 0.8712};
  accuracy.preferences.tested_values = 9;
  accuracy.preferences.values = {{{{2, "conv3x3"}}, {11, 1, 30, 78}, true, 0.00002},
                                 {{{0, "none"}}, {0, 12, 50, 58}, false, 0.031}};
  accuracy.preferences.tested_pairs = 27;
  accuracy.preferences.pairs = {{{{0, "skip"}, {2, "conv3x3"}}, {9, 3, 10, 98}, true, 0.0012}};
  StudyExplanation explanation;
  explanation.study = "fashion-1";
  explanation.evaluated = 120;
  explanation.infeasible = 3;
  explanation.other = 1;
  explanation.targets = {accuracy};
  return explanation;
}

TEST(ExplanationTest, TextIsWhatAPersonWantsToKnow) {
  const auto study = TestStudy();
  EXPECT_EQ(StudyExplanationText(*study->space, Explanation(), 0, false),
            "fashion-1: 120 trials with results, 3 infeasible left out, 1 without a result\n"
            "\n"
            "What decides accuracy ↑\n"
            "120 trials; R² 0.71 on trials that the trees have not seen: shares are of that\n"
            "\n"
            " decision     alone    in all  best     typical  worst  typical\n"
            " edge_1_2  61 ± 5 %  74 ± 6 %  conv3x3    0.871  none     0.790\n"
            " edge_0_1  23 ± 3 %  28 ± 4 %  conv3x3    0.871  none     0.790\n"
            " edge_0_2   0 ± 1 %   1 ± 2 %  conv3x3    0.871  none     0.790\n"
            " interactions, which none decides alone: 13 %\n"
            "\n"
            "The best 12 (accuracy ≥ 0.8712) prefer (+) or avoid (−)\n"
            "\n"
            "    value             the best  the rest     lift         p\n"
            " +  edge_1_2 conv3x3      92 %      28 %    × 3.2  < 0.0001\n"
            " −  edge_0_1 none          0 %      46 %  × 0.083     0.031\n"
            "\n"
            "and of pairs, beyond what the two alone give\n"
            "\n"
            "    value                                the best  the rest   lift       p\n"
            " +  edge_0_1 skip with edge_1_2 conv3x3      75 %       9 %  × 7.6  0.0012\n");
}

TEST(ExplanationTest, NothingIsWiderThanTheTerminal) {
  const auto study = TestStudy();
  for (const int width : {40, 60, 80}) {
    const std::string text = StudyExplanationText(*study->space, Explanation(), width, false);
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      EXPECT_LE(DisplayWidth(line), width) << line;
    }
  }
}

TEST(ExplanationTest, ColoursAreForTerminals) {
  const auto study = TestStudy();
  EXPECT_THAT(StudyExplanationText(*study->space, Explanation(), 0, false), Not(HasSubstr("\x1b")));
  EXPECT_THAT(StudyExplanationText(*study->space, Explanation(), 0, true), HasSubstr("\x1b[1m"));
}

TEST(ExplanationTest, DoesNotOverstate) {
  const auto study = TestStudy();
  StudyExplanation explanation = Explanation();
  ImportanceReport& importance = explanation.targets[0].importance;
  importance.r2 = 0.21;
  EXPECT_THAT(StudyExplanationText(*study->space, explanation, 0, false),
              HasSubstr("warning: R² is small"));
  importance.r2 = 0.01;
  std::string text = StudyExplanationText(*study->space, explanation, 0, false);
  EXPECT_THAT(text, HasSubstr("do not show that any decision matters"));
  EXPECT_THAT(text, Not(HasSubstr("61 ± 5 %")));
  importance = {};
  importance.trials = 7;
  explanation.targets[0].preferences = {};
  text = StudyExplanationText(*study->space, explanation, 0, false);
  EXPECT_THAT(text, HasSubstr("Too few trials to say: 7 of at least 20\n"));
  EXPECT_THAT(text, HasSubstr("prefer no value more than by chance\n"));
}

TEST(ExplanationTest, JsonHasEveryFigure) {
  const auto study = TestStudy();
  const auto json = StudyExplanationJson(*study->space, Explanation());
  EXPECT_EQ(json["study"], "fashion-1");
  EXPECT_EQ(json["trials"], 120);
  EXPECT_EQ(json["infeasible"], 3);
  EXPECT_EQ(json["without_result"], 1);
  EXPECT_EQ(json["front"], nullptr);
  const auto& accuracy = json["objectives"][0];
  EXPECT_EQ(accuracy["importance"]["r2"], 0.712);
  const auto& first = accuracy["importance"]["decisions"][0];
  EXPECT_EQ(first["decision"], "cell.edge_1_2");
  EXPECT_EQ(first["together"]["deviation"], 0.062);
  EXPECT_EQ(accuracy["best"]["threshold"], 0.8712);
  const auto& pair = accuracy["best"]["pairs"][0];
  EXPECT_EQ(pair["values"][1]["value"], "conv3x3");
  EXPECT_EQ(pair["best_with"], 9);
  EXPECT_EQ(pair["rest"], 108);
  EXPECT_LT(pair["log_odds_ratio_low"], pair["log_odds_ratio"]);

  StudyExplanation nothing = Explanation();
  nothing.targets[0].importance = {};
  nothing.targets[0].best = {};
  const auto empty = StudyExplanationJson(*study->space, nothing);
  EXPECT_EQ(empty["objectives"][0]["importance"]["r2"], nullptr);
  EXPECT_EQ(empty["objectives"][0]["best"], nullptr);
}

TEST(ExplanationTest, CsvIsARowForEachDecision) {
  const auto study = TestStudy();
  const std::string csv = StudyExplanationCsv(*study->space, Explanation());
  EXPECT_THAT(csv, HasSubstr("fashion-1,accuracy,cell.edge_1_2,0.614,0.048,0.741,0.062,conv3x3,"
                             "0.871,none,0.79,120,0.712\n"));
}

TEST(ExplanationTest, ChangesOfEveryKind) {
  const auto space = testing::MixedSpace();
  std::vector<DecisionChange> changes;
  for (size_t d = 0; d < space->decisions().size(); ++d) {
    const Decision& decision = space->decisions()[d];
    if (decision.name == "a.out") changes.push_back({d, 8, 64});
    if (decision.name == "d") changes.push_back({d, 0, 2});
    if (decision.name == "d.wide.kernel") changes.push_back({d, std::nullopt, 1});
    if (decision.name == "recipe.optimizer.sgd.lr") changes.push_back({d, 0.0312345, std::nullopt});
  }
  EXPECT_EQ(ChangesText(*space, changes),
            "a.out: 8 → 64, d: plain → wide, d.wide.kernel: – → 5, "
            "recipe.optimizer.sgd.lr: 0.03123 → –");
  for (int i = 0; i < 3; ++i) changes.push_back(changes[0]);
  EXPECT_THAT(ChangesText(*space, changes), ::testing::EndsWith(", and 3 more"));
}

}  // namespace
}  // namespace cambrian
