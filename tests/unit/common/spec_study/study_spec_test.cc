#include "common/spec/study_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "tests/unit/common/spec_study/study_files.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr char kElsewhere[] =
    "study: s\n"
    "data: {root: sets, idx: {folder: mnist/./fashion}, task: {input: [1, 28, 28], classes: 10}}\n"
    "space: {network: [head]}\n"
    "workers: {tags: [gpu, a100]}\n"
    "objectives: [maximize: accuracy, {minimize: latency_ms, on: {target: pi4, threads: 4}}]\n";

TEST(StudySpecTest, NamesWhatWorkersOffer) {
  const auto study = ParseGood(kElsewhere);
  ASSERT_NE(study, nullptr);
  EXPECT_EQ(study->data.root, "sets");
  EXPECT_EQ(study->data.path, "mnist/fashion");
  EXPECT_THAT(study->workers.tags, ElementsAre("gpu", "a100"));
  EXPECT_EQ(study->latency->target, "pi4");
  // The complete file, where no path may be relative to a folder, says the same.
  const auto again = ParseGood(study->text, "");
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->data.ToJson(), study->data.ToJson());
  EXPECT_EQ(again->workers.tags, study->workers.tags);
  EXPECT_EQ(again->latency->target, "pi4");
  EXPECT_THAT(ExplainDefaults(*study), HasSubstr("target: pi4"));
}

TEST(StudySpecTest, APathBelowARootStaysThere) {
  for (const char* path : {"/etc", "..", "../x", "a/../../x"}) {
    const std::string problems = Problems(absl::StrCat(
        "study: s\ndata: {root: sets, idx: {folder: ", path, "}}\nspace: {network: [head]}\n"));
    EXPECT_THAT(problems, HasSubstr("must lie below the root")) << path;
  }
}

TEST(StudySpecTest, LeftOutMeansTheDefaults) {
  const auto study = ParseGood(kSmallest);
  ASSERT_NE(study, nullptr);
  EXPECT_EQ(study->name, "s");
  EXPECT_EQ(study->data.path, "/data");
  EXPECT_EQ(study->data.validation, 0.1);
  EXPECT_EQ(study->space_name, "s");
  EXPECT_EQ(study->estimator.evaluator, "torch");
  EXPECT_EQ(study->estimator.share, 1);
  EXPECT_EQ(study->strategy.name, "regularized_evolution");
  EXPECT_THAT(study->objectives, ElementsAre(Objective{"accuracy", true}));
  EXPECT_FALSE(study->latency);
  EXPECT_FALSE(study->finish);
  EXPECT_FALSE(study->test);
  EXPECT_EQ(study->budget.trials, 100);
  EXPECT_EQ(study->budget.time, absl::InfiniteDuration());
  EXPECT_EQ(study->budget.failures, 10);
  EXPECT_EQ(study->seed, 1u);
  Random random(1);
  EXPECT_EQ(*study->RecipeFor(study->space->Sample(random)), Recipe());
}

TEST(StudySpecTest, ReadsEveryKey) {
  const auto study = ParseGood(kWhole, "/folder/of");
  ASSERT_NE(study, nullptr);
  EXPECT_EQ(study->data.format, DataSpec::Format::kCsv);
  EXPECT_EQ(study->data.path, "/folder/of/digits.csv");
  EXPECT_EQ(study->data.label, "digit");
  EXPECT_THAT(study->data.shape, ElementsAre(1, 8, 8));
  EXPECT_EQ(study->data.validation, 0.2);
  EXPECT_EQ(study->data.test, 0.25);
  EXPECT_EQ(study->estimator.share, 0.5);
  EXPECT_EQ(study->strategy.population, 10);
  EXPECT_EQ(study->strategy.sample, 3);
  EXPECT_EQ(study->strategy.crossover, 0.5);
  EXPECT_THAT(study->objectives,
              ElementsAre(Objective{"accuracy", true}, Objective{"latency_ms", false}));
  ASSERT_TRUE(study->latency);
  EXPECT_EQ(study->latency->batch, 4);
  EXPECT_EQ(study->latency->threads, 2);
  EXPECT_EQ(study->latency->runs, 50);
  EXPECT_THAT(study->constraints,
              ElementsAre(Constraint{"parameters", Constraint::Bound::kAtMost, 500000},
                          Constraint{"accuracy", Constraint::Bound::kAtLeast, 0.8}));
  EXPECT_EQ(study->budget.trials, 30);
  EXPECT_EQ(study->budget.time, absl::Minutes(90));
  EXPECT_EQ(study->budget.failures, 5);
  ASSERT_TRUE(study->finish);
  EXPECT_EQ(study->finish->epochs, 6);
  EXPECT_EQ(study->finish->share, 0.9);
  EXPECT_EQ(study->seed, 7u);
}

TEST(StudySpecTest, TheRecipeFollowsTheArchitecture) {
  const auto study = ParseGood(kWhole);
  const auto recipe_of = [&](const char* decisions) {
    const auto architecture = study->space->FromJson(nlohmann::json::parse(decisions));
    EXPECT_TRUE(architecture.ok()) << architecture.status();
    return *study->RecipeFor(*architecture);
  };
  const Recipe sgd = recipe_of(
      R"({"conv.kernel": 3, "recipe.optimizer": "sgd", "recipe.optimizer.sgd.lr": 0.25})");
  EXPECT_EQ(sgd.optimizer, Recipe::Optimizer::kSgd);
  EXPECT_EQ(sgd.lr, 0.25);
  EXPECT_EQ(sgd.momentum, 0.8);
  EXPECT_EQ(sgd.epochs, 2);  // the space's width was set to 4
  EXPECT_EQ(sgd.crop_padding, 1);
  const Recipe adamw = recipe_of(R"({"conv.kernel": 1, "recipe.optimizer": "adamw"})");
  EXPECT_EQ(adamw.optimizer, Recipe::Optimizer::kAdamW);
  EXPECT_EQ(adamw.decay, 0.1);
}

TEST(StudySpecTest, KnowsTheFormatsOfData) {
  const auto data_of = [](const char* data) {
    return ParseGood(absl::StrCat("study: s\nspace: {network: [head]}\ndata: ", data))->data;
  };
  EXPECT_EQ(data_of("{cifar10: {folder: /c}}").format, DataSpec::Format::kCifar10);
  EXPECT_EQ(data_of("{csv: {file: /c.csv}}").label, "label");
  const DataSpec images = data_of("{images: {folder: /i, shape: [3, 32, 32]}, test: 10 %}");
  EXPECT_EQ(images.format, DataSpec::Format::kImages);
  EXPECT_EQ(images.test, 0.1);
  const DataSpec described =
      data_of("{idx: {folder: /d}, task: {input: [1, 28, 28], classes: 10}, sha256: ab}");
  ASSERT_TRUE(described.task);
  EXPECT_EQ(*described.task, (Task{{1, {28, 28}}, 10}));
  EXPECT_EQ(described.sha256, "ab");
}

TEST(StudySpecTest, DataAsJsonReadBackTheSame) {
  for (
      const char* text :
      {R"({"idx":{"folder":"/d"},"validation":0.1})",
       R"({"csv":{"file":"/d.csv","label":"y","shape":[1,8,8]},"validation":0.2,"test":0.1})",
       R"({"images":{"folder":"/i"},"validation":0.1,"task":{"input":[3,32,32],"classes":7},"sha256":"0e1"})"}) {
    const auto data = DataSpec::FromJson(nlohmann::json::parse(text));
    ASSERT_TRUE(data.ok()) << data.status();
    EXPECT_EQ(data->ToJson().dump(), text);
  }
  EXPECT_FALSE(DataSpec::FromJson({{"idx", {{"folder", "relative"}}}}).ok());
  EXPECT_FALSE(DataSpec::FromJson(3).ok());
}

TEST(StudySpecTest, RelativePathsStartAtTheStudysFolder) {
  const auto study = ParseGood(
      "study: s\nspace: {network: [head]}\ndata: {idx: {folder: ../data/./x}}\n", "/home/me/work");
  EXPECT_EQ(study->data.path, "/home/me/data/x");
}

TEST(StudySpecTest, AWeightedSumIsClimbedBesideTheFront) {
  const auto study = ParseGood(absl::StrCat(
      kSmallest,
      "objectives:\n  - maximize: {accuracy: 1, latency_ms: -0.05}\n    on: {batch: 8}\n"
      "  - minimize: parameters\n"));
  ASSERT_TRUE(study->scalarization);
  EXPECT_THAT(study->scalarization->weights,
              ElementsAre(Pair("accuracy", 1), Pair("latency_ms", -0.05)));
  EXPECT_THAT(study->objectives,
              ElementsAre(Objective{"accuracy", true}, Objective{"latency_ms", false},
                          Objective{"parameters", false}));
  EXPECT_EQ(study->latency->batch, 8);
}

TEST(StudySpecTest, AConstraintAloneHasLatencyMeasured) {
  EXPECT_TRUE(ParseGood(absl::StrCat(kSmallest, "constraints: [latency_ms <= 5]\n"))->latency);
}

TEST(StudySpecTest, AnotherEvaluatorMayReportOtherMetrics) {
  const auto study = ParseGood(
      absl::StrCat(kSmallest, "estimator: {evaluator: mine}\nobjectives: [maximize: f1_score]\n"));
  EXPECT_EQ(study->estimator.evaluator, "mine");
  EXPECT_EQ(study->objectives[0].metric, "f1_score");
}

TEST(StudySpecTest, ModelsAndControllersHaveOptions) {
  const auto gp = ParseGood(absl::StrCat(kSmallest, "strategy: {gp: {kernel: paths}}\n"));
  EXPECT_EQ(gp->strategy.kernel, "paths");
  EXPECT_EQ(gp->strategy.startup, 10);
  const auto lstm =
      ParseGood(absl::StrCat(kSmallest, "strategy: {reinforce: {controller: lstm, units: 20}}\n"));
  EXPECT_EQ(lstm->strategy.units, 20);
  EXPECT_EQ(lstm->strategy.rate, 3.5e-4);
  EXPECT_EQ(ParseGood(absl::StrCat(kSmallest, "strategy: reinforce\n"))->strategy.rate, 0.1);
  EXPECT_EQ(
      ParseGood(absl::StrCat(kSmallest, "strategy: {ensemble: {startup: 3}}\n"))->strategy.startup,
      3);
}

TEST(StudySpecTest, AutoHearsOfTheBudgetAndTheObjectives) {
  const auto study =
      ParseGood(absl::StrCat(kSmallest,
                             "strategy: auto\nbudget: {trials: 70}\n"
                             "objectives: [{maximize: accuracy}, {minimize: parameters}]\n"));
  EXPECT_EQ(study->strategy.trials, 70);
  EXPECT_EQ(study->strategy.objectives, 2U);
}

TEST(StudySpecTest, StrategiesMayBeWords) {
  EXPECT_EQ(ParseGood(absl::StrCat(kSmallest, "strategy: random\n"))->strategy.name, "random");
  EXPECT_EQ(ParseGood(absl::StrCat(kSmallest, "strategy: {random: {}}\n"))->strategy.name,
            "random");
}

TEST(StudySpecTest, TimesHaveUnits) {
  const auto time_of = [](const char* time) {
    return ParseGood(absl::StrCat(kSmallest, "budget: {time: ", time, "}\n"))->budget.time;
  };
  EXPECT_EQ(time_of("5 min"), absl::Minutes(5));
  EXPECT_EQ(time_of("90 s"), absl::Seconds(90));
  EXPECT_EQ(time_of("2 hours"), absl::Hours(2));
  EXPECT_EQ(time_of("1h30m"), absl::Minutes(90));
  EXPECT_EQ(time_of("1.5 days"), absl::Hours(36));
}

TEST(StudySpecTest, UsesBuiltInSpaces) {
  const char* const head = "study: s\ndata: {idx: {folder: /data}}\n";
  EXPECT_EQ(ParseGood(absl::StrCat(head, "space: nasbench201\n"))->space_name, "nasbench201");
  const auto set =
      ParseGood(absl::StrCat(head, "space: {use: nasbench201, set: {channels: 8, cells: 1}}\n"));
  EXPECT_EQ(set->space->decisions().size(), 6u);
}

TEST(StudySpecTest, TheExamplesAreStudiesWhoseNetworksCanBeBuilt) {
  const char* const source = std::getenv("CAMBRIAN_SOURCE");
  ASSERT_NE(source, nullptr);
  const std::filesystem::path examples = std::filesystem::path(source) / "examples";
  int found = 0;
  for (const auto& file : std::filesystem::directory_iterator(examples)) {
    if (file.path().extension() != ".yaml") continue;
    SCOPED_TRACE(file.path().string());
    ++found;
    std::stringstream text;
    text << std::ifstream(file.path()).rdbuf();
    const auto study = ParseGood(text.str(), examples.string());
    ASSERT_NE(study, nullptr);
    const bool fashion = study->data.format == DataSpec::Format::kIdx;
    const Task task{fashion ? Shape{1, {28, 28}} : Shape{1, {8, 8}}, 10};
    Random random(1);
    int built = 0;
    for (int i = 0; i < 50; ++i) {
      built += study->space->Lower(study->space->Sample(random), task).ok() ? 1 : 0;
    }
    EXPECT_GT(built, 45);
  }
  EXPECT_GE(found, 4);
}

// A folder of its own, removed at the end.
class StudySpecFileTest : public ::testing::Test {
 protected:
  StudySpecFileTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                absl::StrCat("study_spec_", ::getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~StudySpecFileTest() override { std::filesystem::remove_all(folder_); }

  void Write(const char* name, absl::string_view text) const {
    std::ofstream(folder_ / name) << text;
  }

  const std::filesystem::path folder_;
};

constexpr char kFromFile[] =
    "study: s\ndata: {idx: {folder: /data}}\nspace: {file: my_space.yaml}\n";

TEST_F(StudySpecFileTest, ASpaceMayBeAFileBeside) {
  Write("my_space.yaml", "network:\n  - conv: {kernel: {choose: [1, 3]}, out: 4}\n  - head\n");
  const auto study = ParseGood(kFromFile, folder_.string());
  EXPECT_EQ(study->space_name, "my_space");
  EXPECT_EQ(study->space->decisions().size(), 1u);
  // What is submitted needs the file no longer.
  std::filesystem::remove(folder_ / "my_space.yaml");
  EXPECT_EQ(ParseGood(study->text, "")->text, study->text);
}

TEST_F(StudySpecFileTest, ErrorsOfTheSpaceNameItsFile) {
  Write("my_space.yaml", "network:\n  - head\n  - head: {a: 1, a: 2}\n");
  const std::string problems = Problems(absl::StrCat(kFromFile, "sede: 1\n"), folder_.string());
  EXPECT_THAT(problems, HasSubstr("s.yaml:4:1: unknown key \"sede\""));
  EXPECT_THAT(problems, HasSubstr("my_space.yaml:3:18: duplicate key \"a\""));
}

TEST_F(StudySpecFileTest, AMissingFileIsAnError) {
  EXPECT_THAT(Problems(kFromFile, folder_.string()), HasSubstr("s.yaml:3:15: there is no file"));
}

TEST_F(StudySpecFileTest, ASubmittedStudyReadsNoFiles) {
  EXPECT_THAT(Problems(kFromFile, ""), HasSubstr("s.yaml:3:15: a study that is submitted"));
}

}  // namespace
}  // namespace cambrian
