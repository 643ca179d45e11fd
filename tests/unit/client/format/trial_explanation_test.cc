#include "client/format/trial_explanation.h"

#include <unistd.h>

#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/studies.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

class TrialExplanationTest : public ::testing::Test {
 protected:
  TrialExplanationTest() {
    Add(7, {0, 1, 2}, "random", 0.81);
    Add(12, {1, 1, 2}, "mutation of 7: cell.edge_0_1", 0.83);
    Add(20, {1, 1, 1}, "random", 0.79);
    Add(41, {2, 1, 2}, "crossover of 20 and 12, mutated", 0.84);
    Add(57, {2, 1, 0},
        "expected improvement 0.0021 (0.847 ± 0.003), mutant of 41 (auto: gp, since it is best)",
        0.849);
  }

  void Add(int64_t number, std::vector<double> values, const std::string& origin, double result) {
    trials_[number] = {number, Architecture{std::move(values)}, ParseOrigin(origin)};
    lines_[number] = origin;
    results_[number] = result;
  }
  TrialExplanation Explain(int64_t number, std::vector<Target> targets = {{"accuracy", true}}) {
    TrialExplanation explanation;
    explanation.study = "fashion-1";
    explanation.state = "succeeded, on the front";
    explanation.line = lines_[number];
    explanation.targets = std::move(targets);
    explanation.ancestry =
        TraceAncestry(trials_.at(number), [this](int64_t other) -> const ProposedTrial* {
          const auto it = trials_.find(other);
          return it == trials_.end() ? nullptr : &it->second;
        });
    explanation.results = [this](int64_t other) {
      return std::vector<std::optional<double>>{results_.at(other)};
    };
    return explanation;
  }

  const std::unique_ptr<StudySpec> study_ = TestStudy();
  std::map<int64_t, ProposedTrial> trials_;
  std::map<int64_t, std::string> lines_;
  std::map<int64_t, double> results_;
};

TEST_F(TrialExplanationTest, SaysWhyAndFromWhat) {
  testing::internal::CaptureStdout();  // which is no terminal then
  const std::string text = TrialExplanationText(*study_->space, Explain(57), STDOUT_FILENO);
  testing::internal::GetCapturedStdout();
  EXPECT_EQ(text,
            " trial            fashion-1/57\n"
            " state            succeeded, on the front\n"
            " accuracy         0.849\n"
            " proposed as      mutation of trial 41\n"
            " because          expected improvement 0.0021\n"
            " predicted        0.847 ± 0.003, came out 0.849 (+0.7 deviations)\n"
            " strategy         auto: gp, since it is best\n"
            " changed from 41  edge_1_2: conv3x3 → none\n"
            "\n"
            "Ancestry: 3 steps back to trial 7; 4 ancestors in all\n"
            "\n"
            " trial  accuracy  by                 changed\n"
            "    57     0.849  mutation           edge_1_2: conv3x3 → none\n"
            "    41      0.84  crossover with 20  edge_0_1: skip → conv3x3\n"
            "    12      0.83  mutation           edge_0_1: none → skip\n"
            "     7      0.81  random\n");
}

TEST_F(TrialExplanationTest, WhatIsMinimisedIsPredictedNegated) {
  Add(58, {0, 0, 0}, "expected improvement 0.1 (-2.5 ± 0.2), random draw", 2.3);
  const Origin& origin = *trials_.at(58).origin;
  EXPECT_EQ(PredictionSentence(origin, {{"latency_ms", false}}, {2.3}),
            "2.5 ± 0.2, came out 2.3 (-1.0 deviations)");
  const auto json = TrialExplanationJson(*study_->space, Explain(58, {{"latency_ms", false}}));
  EXPECT_EQ(json["origin"]["predicted"][0]["mean"], 2.5);
}

TEST_F(TrialExplanationTest, EveryStrategySpeaks) {
  const auto say = [](const char* line) {
    const Origin origin = *ParseOrigin(line);
    const std::string why = JudgementSentence(origin);
    return SourceSentence(origin) + (why.empty() ? "" : "; ") + why;
  };
  EXPECT_EQ(say("random"), "random draw");
  EXPECT_EQ(say("from toy-1/3"), "trial 3 of toy-1");
  EXPECT_EQ(say("warm start: toy-1/3"), "first, by the study file's warm start: toy-1/3");
  EXPECT_EQ(say("expected hypervolume improvement 0.17 (0.9 ± 0.01 and -3 ± 0.2), mutant of 17"),
            "mutation of trial 17; expected hypervolume improvement 0.17, in deviations of the "
            "results");
  EXPECT_EQ(say("density ratio e^2.00, the best new one of 24"),
            "draw from the density of the good trials, the best new one of 24; "
            "7.39 times as likely among the good trials as among the others");
  EXPECT_EQ(say("emitted, log-probability -2.30"),
            "emitted by the policy; log-probability -2.30: 10 % of what the policy then emitted");
  EXPECT_EQ(say("emitted and mutated: what was emitted is known"),
            "emitted by the policy, then mutated until it was new");
  EXPECT_EQ(say("drew +1.20 (+0.80 ± 0.30 deviations), second mutant of 17"),
            "mutation of a mutation of trial 17; "
            "drew +1.20, in deviations of the results, from its prediction");
  EXPECT_EQ(say("expected improvement 0.01 with weights 0.30 : 0.70, crossover of 3 and 9"),
            "crossover of trials 3 and 9; expected improvement 0.01 with weights 0.30 : 0.70");
  EXPECT_EQ(say("neighbour of 3: a"), "neighbour of trial 3");
  EXPECT_EQ(say("feasible with 42 %, random draw"),
            "random draw; feasible with 42 %, where no trial was so far");
}

TEST_F(TrialExplanationTest, AnOriginOfTheFutureIsShownAsItIs) {
  Add(59, {0, 0, 0}, "dreamt of 57", 0.5);
  testing::internal::CaptureStdout();
  const std::string text = TrialExplanationText(*study_->space, Explain(59), STDOUT_FILENO);
  testing::internal::GetCapturedStdout();
  EXPECT_THAT(text, HasSubstr("proposed as  dreamt of 57\n"));
  const auto json = TrialExplanationJson(*study_->space, Explain(59));
  EXPECT_EQ(json["origin"]["text"], "dreamt of 57");
}

TEST_F(TrialExplanationTest, JsonHasTheWholeLine) {
  const auto json = TrialExplanationJson(*study_->space, Explain(57));
  EXPECT_EQ(json["origin"]["source"], "mutation");
  EXPECT_EQ(json["origin"]["parent"], 41);
  EXPECT_EQ(json["origin"]["expected_improvement"], 0.0021);
  EXPECT_EQ(json["origin"]["log_probability"], nullptr);
  EXPECT_EQ(json["strategy_reason"], "auto: gp, since it is best");
  EXPECT_EQ(json["ancestors"], 4);
  ASSERT_EQ(json["ancestry"].size(), 4U);
  EXPECT_EQ(json["ancestry"][1]["parent"], 12);
  EXPECT_EQ(json["ancestry"][1]["other_parent"], 20);
  EXPECT_EQ(json["ancestry"][1]["changes"][0]["decision"], "cell.edge_0_1");
  EXPECT_EQ(json["ancestry"][1]["changes"][0]["to"], "conv3x3");
  EXPECT_EQ(json["ancestry"][3]["results"]["accuracy"], 0.81);
  EXPECT_EQ(json["ancestry"][3]["parent"], nullptr);
}

TEST_F(TrialExplanationTest, ALongLineIsFoldedInTextOnly) {
  for (int64_t number = 100; number < 200; ++number) {
    Add(number, {static_cast<double>(number % 3), 0, 0},
        number == 100 ? "random" : "mutation of " + std::to_string(number - 1), 0.5);
  }
  testing::internal::CaptureStdout();
  const std::string text = TrialExplanationText(*study_->space, Explain(199), STDOUT_FILENO);
  testing::internal::GetCapturedStdout();
  EXPECT_THAT(text, HasSubstr("99 steps back to trial 100"));
  EXPECT_THAT(text, HasSubstr("79 more"));
  EXPECT_THAT(text, HasSubstr("   180 "));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("   179 ")));
  EXPECT_THAT(text, HasSubstr("   100 "));
  EXPECT_EQ(TrialExplanationJson(*study_->space, Explain(199))["ancestry"].size(), 100U);
}

}  // namespace
}  // namespace cambrian
