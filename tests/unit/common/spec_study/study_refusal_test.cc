// Everything that a study file is refused for, with its place and its suggestion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/unit/common/spec_study/study_files.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

struct Refusal {
  const char* added;  // after the smallest study, from line 4 on
  const char* place;
  const char* message;
  const char* suggestion;
};

class StudyRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(StudyRefusalTest, SaysWhereWhatAndWhatToDo) {
  const std::string problems = Problems(absl::StrCat(kSmallest, GetParam().added));
  EXPECT_THAT(problems, HasSubstr(absl::StrCat("error: s.yaml:", GetParam().place, ": ")));
  EXPECT_THAT(problems, HasSubstr(GetParam().message));
  EXPECT_THAT(problems, HasSubstr(GetParam().suggestion));
}

INSTANTIATE_TEST_SUITE_P(
    General, StudyRefusalTest,
    ::testing::Values(
        Refusal{"objectivs: [maximize: accuracy]\n", "4:1", "unknown key \"objectivs\"",
                "did you mean \"objectives\"?"},
        Refusal{"seed: 1\nseed: 2\n", "5:1", "duplicate key \"seed\"", "line 4 already"},
        Refusal{"seed: -1\n", "4:7", "seed must be a whole number from 0", "not the number -1"},
        Refusal{"seed: one\n", "4:7", "not the text \"one\"", ""},
        Refusal{"seed: \"1\"\n", "4:7", "not the text \"1\"", ""},
        Refusal{"test: maybe\n", "4:7", "test must be true or false", ""},
        Refusal{"seed: 1\n---\nseed: 2\n", "5:1", "a second document", "remove the line"},
        Refusal{"x: {out: round($a, 2)}\n", "4:20", "a comma inside braces", "quote"}));

INSTANTIATE_TEST_SUITE_P(Workers, StudyRefusalTest,
                         ::testing::Values(Refusal{"workers: {tags: gpu}\n", "4:17",
                                                   "workers.tags must be a list of tags",
                                                   "not the text \"gpu\""},
                                           Refusal{"workers: {tags: [gpu, a/b]}\n", "4:17",
                                                   "workers.tags must be a list of tags", ""},
                                           Refusal{"workers: {tag: [gpu]}\n", "4:11",
                                                   "unknown key \"tag\"", "\"tags\""}));

INSTANTIATE_TEST_SUITE_P(
    Estimator, StudyRefusalTest,
    ::testing::Values(
        Refusal{"estimator: {train: {share: 150 %}}\n", "4:28",
                "estimator.train.share must be a share above 0 %, up to 100 %", "150 %"},
        Refusal{"estimator: {train: {share: 0}}\n", "4:28", "above 0 %", ""},
        Refusal{"estimator: {train: {shares: 20 %}}\n", "4:21", "unknown key \"shares\"",
                "\"share\""},
        Refusal{"estimator: {trian: {share: 20 %}}\n", "4:13", "unknown key \"trian\"",
                "\"train\""},
        Refusal{"estimator: {train: {}, share: 1}\n", "4:24", "unknown key \"share\"", "train"},
        Refusal{"estimator: [train]\n", "4:12", "estimator must be a map, not a list", ""}));

INSTANTIATE_TEST_SUITE_P(
    Strategy, StudyRefusalTest,
    ::testing::Values(
        Refusal{"strategy: randm\n", "4:11", "unknown strategy \"randm\"", "\"random\""},
        Refusal{"strategy: {random: {}, listed: {}}\n", "4:11", "a map with several keys", ""},
        Refusal{"strategy: {random: {population: 3}}\n", "4:21", "unknown key \"population\"", ""},
        Refusal{"strategy: {regularized_evolution: {population: 5, sample: 6}}\n", "4:59",
                "a sample of 6 is larger than the population of 5", "sample: 5"},
        Refusal{"strategy: {regularized_evolution: {population: 4}}\n", "4:36",
                "a sample of 10 is larger than the population of 4", ""},
        Refusal{"strategy: {regularized_evolution: {crossover: 120 %}}\n", "4:47",
                "from 0 % to 100 %", ""},
        Refusal{"strategy: {nsga2: {population: 1}}\n", "4:32", "from 2 to", ""},
        Refusal{"strategy: {nsga2: {mutation: 110 %}}\n", "4:30", "from 0 % to 100 %", ""},
        Refusal{"strategy: {tpe: {candidates: 0}}\n", "4:30", "from 1 to", ""},
        Refusal{"strategy: {tpe: {good: 100 %}}\n", "4:24", "between 0 % and 100 %", ""},
        Refusal{"strategy: {tpe: {population: 9}}\n", "4:18", "unknown key \"population\"", ""},
        Refusal{"strategy: {gp: {kernel: haming}}\n", "4:25",
                "strategy.gp.kernel must be one of auto, hamming, paths, weisfeiler_lehman",
                "did you mean \"hamming\"?"},
        Refusal{"strategy: {gp: {startup: -1}}\n", "4:26", "a whole number from 0", ""},
        Refusal{"strategy: {ensemble: {kernel: auto}}\n", "4:23", "unknown key \"kernel\"", ""},
        Refusal{"strategy: {reinforce: {controller: rnn}}\n", "4:36", "must be one of logits, lstm",
                ""},
        Refusal{"strategy: {reinforce: {rate: 0}}\n", "4:30", "a step above 0, up to 1", ""},
        Refusal{"strategy: {reinforce: {entropy: -1}}\n", "4:33", "from 0 to 10", ""},
        Refusal{"strategy: {auto: {startup: 3}}\n", "4:19", "unknown key \"startup\"", ""},
        Refusal{"strategy: listed\n", "4:11", "needs a list of architectures", ""},
        Refusal{"strategy: {listed: {architectures: [{nothing: 1}]}}\n", "4:38", "nothing", ""}));

INSTANTIATE_TEST_SUITE_P(
    Goals, StudyRefusalTest,
    ::testing::Values(
        Refusal{"objectives: []\n", "4:13", "at least one", "maximize: accuracy"},
        Refusal{"objectives: accuracy\n", "4:13", "objectives must be a list", ""},
        Refusal{"objectives: [accuracy]\n", "4:14", "an objective must be a map",
                "write \"maximize: accuracy\""},
        Refusal{"objectives: [maximise: accuracy]\n", "4:14", "unknown key \"maximise\"",
                "\"maximize\""},
        Refusal{"objectives: [{maximize: accuracy, minimize: loss}]\n", "4:14",
                "cannot be maximized and minimized", ""},
        Refusal{"objectives: [maximize: acuracy]\n", "4:24", "unknown metric \"acuracy\"",
                "\"accuracy\""},
        Refusal{"objectives: [maximize: beauty]\n", "4:24", "unknown metric", "there are accuracy"},
        Refusal{"objectives: [maximize: test_accuracy]\n", "4:24", "the test set is read once",
                "write \"accuracy\""},
        Refusal{"objectives: [maximize: accuracy, maximize: accuracy]\n", "4:44",
                "accuracy is an objective already", "remove one"},
        Refusal{"objectives: [maximize: {accuracy: 0}]\n", "4:35", "a number other than 0", ""},
        Refusal{"objectives: [maximize: {acc: 1}]\n", "4:25", "unknown metric \"acc\"", ""},
        Refusal{"objectives: [maximize: {accuracy: 1}, maximize: {loss: -1}]\n", "4:49",
                "a second weighted sum", "keep one"},
        Refusal{"objectives: [{maximize: accuracy, on: {batch: 1}}]\n", "4:35",
                "how latency_ms is measured", "remove it"},
        Refusal{"objectives: [{minimize: latency_ms, on: {batch: 0}}]\n", "4:49",
                "on.batch must be a whole number from 1", ""},
        Refusal{"objectives: [{minimize: latency_ms, on: {runs: 5}}]\n", "4:48",
                "on.runs must be a whole number from 30", ""},
        Refusal{"objectives: [{minimize: latency_ms, on: {device: tpu}}]\n", "4:50", "cpu or cuda",
                ""},
        Refusal{"objectives: [{minimize: latency_ms, on: {target: a/b}}]\n", "4:50",
                "on.target must be the name of a target", "pi4"},
        Refusal{"objectives: [{minimize: latency_ms, on: {treads: 1}}]\n", "4:42",
                "unknown key \"treads\"", "\"threads\""},
        Refusal{"constraints: parameters <= 5\n", "4:14", "constraints must be a list",
                "constraints: [parameters <= 5]"},
        Refusal{"constraints: [parameters < 5]\n", "4:15", "a constraint is", "<="},
        Refusal{"constraints: [parameters]\n", "4:15", "a constraint is", ""},
        Refusal{"constraints: [parameters <= many]\n", "4:15", "must be a number", "\"many\""},
        Refusal{"constraints: [paramters <= 5]\n", "4:15", "unknown metric \"paramters\"",
                "\"parameters\""},
        Refusal{"constraints: [accuracy >= 80]\n", "4:15", "between 0 and 1", "80 %"},
        Refusal{"constraints: [macs <= -1]\n", "4:15", "never negative", ""},
        Refusal{"constraints: [macs <= 5, macs <= 6]\n", "4:26", "has that bound already", "keep"},
        Refusal{"constraints: [macs <= 5, macs >= 6]\n", "4:26", "nothing can meet", ""}));

INSTANTIATE_TEST_SUITE_P(
    BudgetAndFinish, StudyRefusalTest,
    ::testing::Values(
        Refusal{"budget: {trials: 0}\n", "4:18", "budget.trials must be a whole number from 1", ""},
        Refusal{"budget: {trails: 10}\n", "4:10", "unknown key \"trails\" in budget", "\"trials\""},
        Refusal{"budget: {time: 5}\n", "4:16", "a time with its unit", "write \"5 min\""},
        Refusal{"budget: {time: soon}\n", "4:16", "not the text \"soon\"", ""},
        Refusal{"budget: {time: -5 min}\n", "4:16", "a time with its unit", ""},
        Refusal{"budget: {failures: 1.5}\n", "4:20", "budget.failures must be a whole number", ""},
        Refusal{"budget: 10\n", "4:9", "budget must be a map, not the number 10", ""},
        Refusal{"finish: {epochs: -3}\n", "4:18", "a number of epochs above 0", "-3"},
        Refusal{"finish: {retrain: best}\n", "4:9", "finish.epochs is missing", "epochs: 10"},
        Refusal{"finish: {retrain: all, epochs: 1}\n", "4:19", "finish.retrain must be best", ""},
        Refusal{"finish: {epochs: 1, share: 101 %}\n", "4:28", "up to 100 %", ""},
        Refusal{"recipe: {warmup: 2, epochs: 3}\nfinish: {epochs: 1}\n", "5:1",
                "shorter than the recipe's warmup", ""}));

INSTANTIATE_TEST_SUITE_P(
    RecipeAndSpace, StudyRefusalTest,
    ::testing::Values(Refusal{"recipe: {epochs: -1}\n", "4:18",
                              "epochs must be a number above 0, not -1", ""},
                      Refusal{"recipe: {learning_rate: 1}\n", "4:10",
                              "unknown key \"learning_rate\"", "belongs to sgd"},
                      Refusal{"recipe:\n  optimizer: {sgd: {learning_rate: 0.1}}\n", "5:21",
                              "unknown key \"learning_rate\"", "did you mean \"lr\"?"},
                      Refusal{"recipe:\n  optimizer: {adamw: {nesterov: true}}\n", "5:23",
                              "unknown key \"nesterov\"", "belongs to sgd"},
                      Refusal{"recipe:\n  optimizer:\n    choose:\n      sgd: {lr: 0.1}\n"
                              "      adamw: {lr: 0.1, momentum: 0.9}\n",
                              "8:24", "unknown key \"momentum\"", "belongs to sgd"},
                      Refusal{"recipe:\n  optimizer: {sgd: {lr: {choose: [0.1, -0.1]}}}\n", "5:25",
                              "lr must be a number above 0, not -0.1", ""},
                      Refusal{"recipe:\n  augment: [flip, {crop: {pad: 2}}]\n", "5:27",
                              "unknown key \"pad\"", ""},
                      Refusal{"recipe: {choose: {a: {epochs: 1}, b: {epochs: 2}}}\n", "4:9",
                              "the recipe as a whole", "write holes for its values"}));

// Files that are not the smallest study and more.
struct WholeRefusal {
  const char* text;
  const char* place;
  const char* message;
  const char* suggestion;
};

class StudyFileRefusalTest : public ::testing::TestWithParam<WholeRefusal> {};

TEST_P(StudyFileRefusalTest, SaysWhereWhatAndWhatToDo) {
  const std::string problems = Problems(GetParam().text);
  EXPECT_THAT(problems, HasSubstr(absl::StrCat("error: s.yaml", GetParam().place, ": ")));
  EXPECT_THAT(problems, HasSubstr(GetParam().message));
  EXPECT_THAT(problems, HasSubstr(GetParam().suggestion));
}

#define HEAD "study: s\ndata: {idx: {folder: /data}}\n"
#define TAIL "study: s\nspace: {network: [head]}\n"

INSTANTIATE_TEST_SUITE_P(
    All, StudyFileRefusalTest,
    ::testing::Values(
        WholeRefusal{"", "", "the file is empty", ""},
        WholeRefusal{"# nothing\n", "", "the file is empty", ""},
        WholeRefusal{"[1, 2]\n", ":1:1", "the file must be a map, not a list", ""},
        WholeRefusal{"seed: 1\n", ":1:1", "study is missing", "study: NAME"},
        WholeRefusal{"seed: 1\n", ":1:1", "data is missing", ""},
        WholeRefusal{"seed: 1\n", ":1:1", "space is missing", ""},
        WholeRefusal{"study: a b\n", ":1:8", "a name of at most 64", ""},
        WholeRefusal{"study: ../x\n", ":1:8", "a name of at most 64", ""},
        WholeRefusal{TAIL "data: {}\n", ":3:7", "data does not say which", "idx: {folder: PATH}"},
        WholeRefusal{TAIL "data: {idx: {}}\n", ":3:13", "data.idx.folder is missing", ""},
        WholeRefusal{TAIL "data: {idx: {folder: 3, x: 1}}\n", ":3:25", "unknown key \"x\"", ""},
        WholeRefusal{TAIL "data: {idx: {folder: /a}, csv: {file: /b}}\n", ":3:27",
                     "data is idx already", "keep one"},
        WholeRefusal{TAIL "data: {idx: {folder: /a}, validation: 100 %}\n", ":3:39",
                     "a share between 0 % and 100 %", ""},
        WholeRefusal{TAIL "data: {idx: {folder: /a}, test: 10 %}\n", ":3:27",
                     "a test set of their own", "remove"},
        WholeRefusal{TAIL "data: {csv: {file: /a, shape: [0, 8]}}\n", ":3:31", "a shape such as",
                     ""},
        WholeRefusal{TAIL "data: {idx: {folder: /a}, task: {input: [1, 8, 8], classes: 1}}\n",
                     ":3:61", "data.task.classes must be a whole number from 2", ""},
        WholeRefusal{TAIL "data: {csv: {file: /a}}\nfinish: {epochs: 1}\n", ":3:7",
                     "the CSV keeps none", "test: 20 %"},
        WholeRefusal{HEAD "space: nasbench20\n", ":3:8", "no space \"nasbench20\"",
                     "did you mean \"nasbench201\"?"},
        WholeRefusal{HEAD "space: my.yaml\n", ":3:8", "built in", "space: {file: my.yaml}"},
        WholeRefusal{HEAD "space: {use: [darts]}\n", ":3:14", "must be a name, not a list", ""},
        WholeRefusal{HEAD "space: [head]\n", ":3:8", "space must be a name or a map", ""},
        WholeRefusal{HEAD "space: {use: nasbench201, sets: {}}\n", ":3:27", "unknown key \"sets\"",
                     "\"set\""},
        WholeRefusal{HEAD "space: {use: nasbench201, set: {chanels: 8}}\n", ":3:42",
                     "no parameter \"chanels\"", "did you mean \"channels\"?"}));

TEST(StudyRefusalTest, AllErrorsAreFoundAtOnce) {
  const std::string problems = Problems(
      "study: s\n"
      "data: {idx: {folder: /d}, validaton: 0.1}\n"
      "space: {network: [{conv: {kernal: 3, out: 4}}, head]}\n"
      "recipe: {epochs: -1, batch: 0}\n"
      "budget: {trials: -4, time: 7}\n"
      "objectivs: []\n");
  for (const char* place :
       {":2:27: ", ":3:27: ", ":4:18: ", ":4:29: ", ":5:18: ", ":5:28: ", ":6:1: "}) {
    EXPECT_THAT(problems, HasSubstr(absl::StrCat("s.yaml", place)));
  }
  const std::vector<std::string> lines = absl::StrSplit(problems, '\n');
  EXPECT_THAT(lines[0], HasSubstr(":2:27"));  // sorted by place
}

TEST(StudyRefusalTest, ErrorsOfTheSpaceHideNoneOfTheRecipe) {
  const std::string problems = Problems(
      "study: s\n"
      "data: {idx: {folder: /d}}\n"
      "space: {network: [nothing]}\n"
      "recipe:\n"
      "  epochs: 2 * $unknown\n"
      "  optimizer: {choose: {sgd: {lr: {range: [0, 1]}}, adamw: {momentum: 1}}}\n"
      "  augment: [{crop: {padding: -1}}]\n");
  for (const char* place : {":3:19: ", ":5:11: ", ":6:60: ", ":7:30: "}) {
    EXPECT_THAT(problems, HasSubstr(absl::StrCat("s.yaml", place)));
  }
}

TEST(StudySettingsTest, ChangeTheFileBeforeItIsChecked) {
  const auto study = ParseGood(kWhole, "/f",
                               {"budget.trials=200", "seed=9", "space.set.width=16",
                                "objectives.1.on.batch=2", "recipe.batch=8", "finish.share=50 %"});
  EXPECT_EQ(study->budget.trials, 200);
  EXPECT_EQ(study->seed, 9u);
  EXPECT_EQ(study->latency->batch, 2);
  EXPECT_EQ(study->finish->share, 0.5);
  Random random(1);
  const Recipe recipe = *study->RecipeFor(study->space->Sample(random));
  EXPECT_EQ(recipe.epochs, 4);  // the width is above 4 now
  EXPECT_EQ(recipe.batch, 8);
  EXPECT_THAT(study->text, HasSubstr("trials: 200"));
}

TEST(StudySettingsTest, OpenWordsAndMakeWhatIsMissing) {
  const char* const text =
      "study: s\ndata: {idx: {folder: /d}}\nspace: nasbench201\nstrategy: random\n";
  const auto study =
      ParseGood(text, "/f",
                {"space.set.cells=1", "budget.time=2 min", "strategy=regularized_evolution",
                 "strategy.regularized_evolution.population=30"});
  EXPECT_EQ(study->budget.time, absl::Minutes(2));
  EXPECT_EQ(study->strategy.population, 30);
  EXPECT_THAT(study->text, HasSubstr("cells: 1"));
}

TEST(StudySettingsTest, BadOnesAreRefused) {
  const auto problems = [](const char* setting) { return Problems(kSmallest, "/f", {setting}); };
  EXPECT_THAT(problems("budget.trails=3"), HasSubstr("did you mean \"trials\"?"));
  EXPECT_THAT(problems("buget.trials=3"), HasSubstr("did you mean \"budget\"?"));
  EXPECT_THAT(problems("budget.trials=many"), HasSubstr("budget.trials must be a whole number"));
  EXPECT_THAT(problems("seed"), HasSubstr("write it as path=value"));
  EXPECT_THAT(problems("=3"), HasSubstr("write it as path=value"));
  EXPECT_THAT(problems("a..b=3"), HasSubstr("write it as path=value"));
  EXPECT_THAT(problems("study.x=3"), HasSubstr("there is no \"x\" in the text \"s\""));
  EXPECT_THAT(problems("space.network.7=3"), HasSubstr("not one of the list's 1 items"));
  EXPECT_THAT(problems("seed=[1"), HasSubstr("not valid YAML"));
  EXPECT_THAT(problems("space.set.width=3"), HasSubstr("no parameter \"width\""));
}

}  // namespace
}  // namespace cambrian
