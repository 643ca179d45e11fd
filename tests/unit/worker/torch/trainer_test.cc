#include "worker/torch/trainer.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/torch/test_control.h"
#include "tests/unit/worker/torch/test_data.h"
#include "worker/torch/backend.h"

namespace cambrian {
namespace {

class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() : data_(StripesData()) {
    SetThreads(1);
    split_ = MakeSplit(data_.train.labels, 2, 0.2, 1, 1);
    recipe_.epochs = 4;
    recipe_.batch = 32;
  }

  absl::StatusOr<double> TrainOnce(NetworkModule& module) {
    return Train({recipe_, data_, split_, 5, "a"}, module, control_);
  }
  Verdict JudgeTest(NetworkModule& module) {
    std::vector<int32_t> all(data_.test.Count());
    std::iota(all.begin(), all.end(), 0);
    return Judge(data_, data_.test, all, false, module, control_).value();
  }

  const DataSet data_;
  Split split_;
  Recipe recipe_;
  TestControl control_;
};

TEST_F(TrainerTest, LearnsWithEveryPartOfARecipe) {
  recipe_.warmup = 1;
  recipe_.label_smoothing = 0.1;
  recipe_.clip = 5;
  recipe_.crop_padding = 1;
  recipe_.cutout = 2;
  for (const auto optimizer : {Recipe::Optimizer::kSgd, Recipe::Optimizer::kAdamW}) {
    for (const auto precision : {Recipe::Precision::kFp32, Recipe::Precision::kBf16}) {
      recipe_.optimizer = optimizer;
      recipe_.precision = precision;
      recipe_.lr = optimizer == Recipe::Optimizer::kSgd ? 0.1 : 0.01;
      NetworkModule module(SmallNetwork(), 1, at::kCPU);
      ASSERT_TRUE(TrainOnce(module).ok());
      const Verdict verdict = JudgeTest(module);
      EXPECT_GT(verdict.correct, 90);
      EXPECT_LT(verdict.loss, 0.45);
    }
  }
}

TEST_F(TrainerTest, TheSameSeedGivesTheSameBits) {
  recipe_.crop_padding = 1;
  recipe_.flip = true;
  NetworkModule one(SmallNetwork(), 1, at::kCPU), two(SmallNetwork(), 1, at::kCPU);
  ASSERT_TRUE(TrainOnce(one).ok());
  ASSERT_TRUE(TrainOnce(two).ok());
  EXPECT_TRUE(one.parameters().equal(two.parameters()));
  NetworkModule other(SmallNetwork(), 1, at::kCPU);
  ASSERT_TRUE(Train({recipe_, data_, split_, 6, "a"}, other, control_).ok());
  EXPECT_FALSE(one.parameters().equal(other.parameters()));
}

TEST_F(TrainerTest, ReportsEveryEpochButTheLastOnAPartOfTheValidationExamples) {
  recipe_.epochs = 2.5;
  NetworkModule module(SmallNetwork(), 1, at::kCPU);
  ASSERT_TRUE(TrainOnce(module).ok());
  ASSERT_EQ(control_.reports.size(), 2u);
  EXPECT_EQ(control_.reports[0].assignment, "a");
  EXPECT_EQ(control_.reports[0].step, 1);
  EXPECT_EQ(control_.reports[1].step, 2);
  EXPECT_EQ(control_.reports[1].steps, 3);
  const Measurement accuracy = control_.reports[1].metrics.at("accuracy");
  EXPECT_LE(*accuracy.low, accuracy.value);
  EXPECT_GE(*accuracy.high, accuracy.value);
  // 320 images trained an epoch allow 16 judged.
  EXPECT_DOUBLE_EQ(std::round(accuracy.value * 16), accuracy.value * 16);
}

TEST_F(TrainerTest, ALossThatIsNoNumberEndsItWithTheReason) {
  recipe_.lr = 1e30;
  recipe_.schedule = Recipe::Schedule::kConstant;
  testing::HandBuilt builder({1, {8, 8}});
  builder.Then(OperationKind::kConv, {.out = 8, .kernel = 3});
  NetworkModule module(builder.Classifier(2), 1, at::kCPU);
  const absl::Status status = TrainOnce(module).status();
  EXPECT_TRUE(absl::IsOutOfRange(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              ::testing::ContainsRegex("the loss is (NaN|infinite) at step"));
}

TEST_F(TrainerTest, StopsBetweenSteps) {
  control_.stop_at = 3;
  NetworkModule module(SmallNetwork(), 1, at::kCPU);
  EXPECT_TRUE(absl::IsCancelled(TrainOnce(module).status()));
  EXPECT_EQ(control_.proceeded, 3);
}

TEST_F(TrainerTest, FewerExamplesThanABatchAreOneBatch) {
  split_.train.resize(10);
  recipe_.epochs = 1;
  NetworkModule module(SmallNetwork(), 1, at::kCPU);
  EXPECT_TRUE(TrainOnce(module).ok());
}

TEST_F(TrainerTest, AugmentingATableIsRefused) {
  DataSet table;
  table.train.shape = {4, {}};
  table.train.floats.resize(40);
  table.train.labels = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
  table.classes = 2;
  table.mean.resize(4);
  table.deviation.assign(4, 1);
  recipe_.flip = true;
  const Split split = MakeSplit(table.train.labels, 2, 0.2, 1, 1);
  NetworkModule module(testing::HandBuilt({4, {}}).Classifier(2), 1, at::kCPU);
  EXPECT_TRUE(
      absl::IsInvalidArgument(Train({recipe_, table, split, 1, "a"}, module, control_).status()));
}

TEST_F(TrainerTest, LabelSmoothingIsNotPartOfTheVerdict) {
  // A network that is sure and right: its loss in validation is near zero.
  recipe_.epochs = 8;
  NetworkModule module(SmallNetwork(), 1, at::kCPU);
  ASSERT_TRUE(TrainOnce(module).ok());
  const double sharp = JudgeTest(module).loss;
  recipe_.label_smoothing = 0.5;
  NetworkModule smooth(SmallNetwork(), 1, at::kCPU);
  ASSERT_TRUE(TrainOnce(smooth).ok());
  // With half of the mass spread over two classes the best guess is 3/4: -ln 0.75 = 0.29.
  EXPECT_LT(sharp, 0.1);
  EXPECT_NEAR(JudgeTest(smooth).loss, 0.29, 0.1);
}

TEST(VerdictTest, TheIntervalIsWilsons) {
  Metrics metrics;
  Verdict{80, 100, 0.5}.AddTo(metrics, "test_");
  EXPECT_DOUBLE_EQ(metrics["test_accuracy"].value, 0.8);
  EXPECT_NEAR(*metrics["test_accuracy"].low, 0.7112, 1e-4);
  EXPECT_NEAR(*metrics["test_accuracy"].high, 0.8666, 1e-4);
  EXPECT_DOUBLE_EQ(metrics["test_loss"].value, 0.5);
  Verdict{0, 10, 2}.AddTo(metrics);
  EXPECT_EQ(*metrics["accuracy"].low, 0);
  EXPECT_NEAR(*metrics["accuracy"].high, 0.2775, 1e-4);
}

}  // namespace
}  // namespace cambrian
