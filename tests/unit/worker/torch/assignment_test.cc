#include "worker/torch/assignment.h"

#include "absl/strings/str_cat.h"
#include "common/tensors/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/torch/test_control.h"
#include "tests/unit/worker/torch/test_data.h"
#include "tests/unit/worker/torch/test_files.h"

namespace cambrian {
namespace {

using evaluator::Error;
using evaluator::Result;
using ::testing::HasSubstr;

class AssignmentTest : public ::testing::Test {
 protected:
  AssignmentTest() {
    WriteStripes("stripes.csv", 200);
    start_.assignment = "a7";
    start_.network = ToJson(SmallNetwork());
    start_.architecture = {{"depth", 2}};
    start_.recipe = {{"epochs", 2}, {"batch", 32}};
    start_.data = {
        {"csv", {{"file", folder_.At("stripes.csv")}, {"label", "label"}, {"shape", {1, 8, 8}}}},
        {"validation", 0.2},
        {"test", 0.1}};
    start_.seed = 3;
    start_.folder = folder_.path();
  }

  void WriteStripes(const std::string& name, int count) {
    const Examples examples = Stripes(count, 1);
    std::string text;
    for (int i = 0; i < 64; ++i) absl::StrAppend(&text, "p", i, ",");
    absl::StrAppend(&text, "label\n");
    for (int i = 0; i < count; ++i) {
      for (int j = 0; j < 64; ++j) {
        absl::StrAppend(&text, static_cast<int>(examples.bytes[i * 64 + j]), ",");
      }
      absl::StrAppend(&text, examples.labels[i], "\n");
    }
    folder_.Write(name, text);
  }

  Result Succeed() {
    const auto outcome = runner_.Run(start_, control_);
    const Error* const error = std::get_if<Error>(&outcome);
    EXPECT_EQ(error, nullptr) << error->message;
    return error == nullptr ? std::get<Result>(outcome) : Result{};
  }
  Error Fail() {
    const auto outcome = runner_.Run(start_, control_);
    EXPECT_TRUE(std::holds_alternative<Error>(outcome));
    return std::holds_alternative<Error>(outcome) ? std::get<Error>(outcome) : Error{};
  }

  const TestFolder folder_;
  evaluator::Start start_;
  TestControl control_;
  AssignmentRunner runner_;
};

TEST_F(AssignmentTest, ReportsEveryMetricAndACheckpoint) {
  start_.test = true;
  start_.latency = evaluator::MeasureLatency{};
  const Result result = Succeed();
  EXPECT_EQ(result.assignment, "a7");
  for (const char* name : {"accuracy", "loss", "latency_ms", "parameters", "macs", "peak_memory_mb",
                           "train_seconds", "test_accuracy", "test_loss"}) {
    EXPECT_TRUE(result.metrics.count(name)) << name;
  }
  EXPECT_EQ(result.metrics.at("parameters").value, SmallNetwork().Parameters());
  EXPECT_EQ(result.metrics.at("macs").value, SmallNetwork().Macs());
  EXPECT_THAT(control_.calls, ::testing::ElementsAre("acquire", "release"));
  EXPECT_EQ(control_.reports.size(), 2u);
  EXPECT_EQ(control_.reports.back().step, 2);
  const auto checkpoint = ReadSafetensors(folder_.At(result.checkpoint));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->metadata.at("architecture"), R"({"depth":2})");
  EXPECT_EQ(checkpoint->metadata.at("classes"), "2");
  EXPECT_TRUE(NetworkFromJson(nlohmann::json::parse(checkpoint->metadata.at("network"))).ok());
}

TEST_F(AssignmentTest, NothingIsTestedOrTimedUnasked) {
  const Result result = Succeed();
  EXPECT_FALSE(result.metrics.count("test_accuracy"));
  EXPECT_FALSE(result.metrics.count("latency_ms"));
  EXPECT_TRUE(control_.calls.empty());
}

TEST_F(AssignmentTest, TheSameAssignmentGivesTheSameResult) {
  const Metrics one = Succeed().metrics;
  const Metrics two = Succeed().metrics;
  EXPECT_EQ(one.at("accuracy"), two.at("accuracy"));
  EXPECT_EQ(one.at("loss"), two.at("loss"));
  start_.seed = 4;
  EXPECT_NE(Succeed().metrics.at("loss"), one.at("loss"));
}

TEST_F(AssignmentTest, KeepsTheDataInMemory) {
  Succeed();
  folder_.Write("stripes.csv", "gone");
  Succeed();
}

TEST_F(AssignmentTest, BrokenDataAreADataError) {
  start_.data["csv"]["file"] = folder_.At("none.csv");
  Error error = Fail();
  EXPECT_EQ(error.kind, Error::Kind::kData);
  EXPECT_THAT(error.message, HasSubstr("none.csv: no such file"));
  start_.data["csv"]["file"] = folder_.At("stripes.csv");
  start_.data["sha256"] = "0000";
  error = Fail();
  EXPECT_EQ(error.kind, Error::Kind::kData);
  EXPECT_THAT(error.message, HasSubstr("not the data that the study was made with"));
}

TEST_F(AssignmentTest, ALossThatIsNoNumberMakesItInfeasible) {
  start_.recipe["optimizer"] = {{"sgd", {{"lr", 1000}}}};
  testing::HandBuilt builder({1, {8, 8}});
  for (int i = 0; i < 12; ++i) builder.Then(OperationKind::kConv, {.out = 8, .kernel = 3});
  start_.network = ToJson(builder.Classifier(2));
  const Error error = Fail();
  EXPECT_EQ(error.kind, Error::Kind::kInfeasible);
  EXPECT_THAT(error.message, HasSubstr("the loss is"));
}

TEST_F(AssignmentTest, StoppingIsItsOwnKind) {
  control_.stop_at = 4;
  EXPECT_EQ(Fail().kind, Error::Kind::kStopped);
}

TEST_F(AssignmentTest, GoesOnFromWhereItWasStopped) {
  start_.recipe["augment"] = {"flip"};
  const Result whole = Succeed();
  const auto weights = ReadSafetensors(folder_.At(whole.checkpoint));
  start_.checkpoint_seconds = 3600;
  control_.stop_at = control_.proceeded + 5;
  const Error stopped = Fail();
  EXPECT_EQ(stopped.kind, Error::Kind::kStopped);
  ASSERT_FALSE(stopped.checkpoint.empty());

  // In another process, elsewhere: nothing but the file is left.
  WriteStripes("moved.csv", 200);
  start_.data["csv"]["file"] = folder_.At("moved.csv");
  start_.checkpoint = folder_.At(stopped.checkpoint);
  AssignmentRunner fresh;
  TestControl control;
  const auto outcome = fresh.Run(start_, control);
  ASSERT_TRUE(std::holds_alternative<Result>(outcome));
  const Result& result = std::get<Result>(outcome);
  for (const auto& [name, measurement] : whole.metrics) {
    if (name == "train_seconds") continue;
    EXPECT_EQ(result.metrics.at(name), measurement) << name;
  }
  const auto again = ReadSafetensors(folder_.At(result.checkpoint));
  ASSERT_TRUE(weights.ok() && again.ok());
  for (size_t i = 0; i < weights->tensors.size(); ++i) {
    EXPECT_EQ(weights->tensors[i].bytes, again->tensors[i].bytes) << weights->tensors[i].name;
  }
  EXPECT_LT(control.proceeded, 20);

  // A state of another seed is not this one's.
  start_.seed = 4;
  start_.checkpoint.clear();
  const Metrics other = Succeed().metrics;
  start_.checkpoint = folder_.At(stopped.checkpoint);
  EXPECT_EQ(Succeed().metrics.at("loss"), other.at("loss"));
}

TEST_F(AssignmentTest, MeasuresWithoutTrainingAndWithoutData) {
  start_.latency = evaluator::MeasureLatency{};
  const Metrics trained = Succeed().metrics;
  start_.train = false;
  start_.data["csv"]["file"] = folder_.At("none.csv");
  control_.reports.clear();
  AssignmentRunner fresh;
  const auto outcome = fresh.Run(start_, control_);
  ASSERT_TRUE(std::holds_alternative<Result>(outcome));
  const Result& result = std::get<Result>(outcome);
  EXPECT_GT(result.metrics.at("latency_ms").value, 0);
  for (const char* name : {"parameters", "macs", "peak_memory_mb"}) {
    EXPECT_EQ(result.metrics.at(name), trained.at(name)) << name;
  }
  EXPECT_FALSE(result.metrics.contains("accuracy"));
  EXPECT_FALSE(result.metrics.contains("train_seconds"));
  EXPECT_TRUE(result.checkpoint.empty());
  EXPECT_TRUE(control_.reports.empty());
}

TEST_F(AssignmentTest, RefusesWhatItCannotRun) {
  const auto message_with = [this](const char* key, const nlohmann::json& value) {
    evaluator::Start start = start_;
    if (std::string(key) == "network") start.network = value;
    if (std::string(key) == "recipe") start.recipe = value;
    if (std::string(key) == "data") start.data = value;
    if (std::string(key) == "device") start.device = value;
    const auto outcome = runner_.Run(start, control_);
    EXPECT_TRUE(std::holds_alternative<Error>(outcome)) << key;
    return std::get<Error>(outcome).message;
  };
  EXPECT_THAT(message_with("network", nullptr), HasSubstr("network"));
  EXPECT_THAT(message_with("network", ToJson(testing::HandBuilt({3, {}}).Classifier(2))),
              HasSubstr("the network maps 3 to 2, the data ask for 1×8×8 to 2"));
  EXPECT_THAT(message_with("recipe", {{"epochs", -1}}), HasSubstr("recipe: epochs"));
  EXPECT_THAT(message_with("data", {{"idx", 1}}), HasSubstr("data: idx"));
  EXPECT_THAT(message_with("device", "tpu:0"), HasSubstr("no device \"tpu:0\"; there is cpu"));
}

TEST_F(AssignmentTest, ATestWithoutATestSetIsADataError) {
  start_.test = true;
  start_.data.erase("test");
  const Error error = Fail();
  EXPECT_EQ(error.kind, Error::Kind::kData);
  EXPECT_THAT(error.message, HasSubstr("there is no test set"));
}

}  // namespace
}  // namespace cambrian
