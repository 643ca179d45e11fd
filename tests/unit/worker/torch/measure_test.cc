#include "worker/torch/measure.h"

#include "gtest/gtest.h"
#include "tests/unit/worker/torch/test_control.h"
#include "tests/unit/worker/torch/test_data.h"
#include "worker/torch/backend.h"

namespace cambrian {
namespace {

TEST(MeasureTest, LatencyIsOrderedAndALargerNetworkIsSlower) {
  SetThreads(1);
  TestControl control;
  const NetworkModule small(SmallNetwork(), 1, at::kCPU);
  const NetworkModule large(testing::AllConv3x3(32), 1, at::kCPU);
  const evaluator::MeasureLatency request{.batch = 1, .threads = 1, .runs = 30};
  const absl::StatusOr<Measurement> quick = MeasureLatency(small, request, control);
  const absl::StatusOr<Measurement> slow = MeasureLatency(large, request, control);
  ASSERT_TRUE(quick.ok() && slow.ok());
  EXPECT_GT(quick->value, 0);
  EXPECT_LE(*quick->low, quick->value);
  EXPECT_GE(*quick->high, quick->value);
  EXPECT_GT(slow->value, 3 * quick->value);
}

TEST(MeasureTest, RunsAtLeastAsOftenAsAskedAndGivesTheThreadsBack) {
  SetThreads(1);
  TestControl control;
  const NetworkModule small(SmallNetwork(), 1, at::kCPU);
  ASSERT_TRUE(MeasureLatency(small, {.batch = 8, .threads = 2, .runs = 1500}, control).ok());
  EXPECT_GE(control.proceeded, 1500);
  EXPECT_EQ(Threads(), 1);
}

TEST(MeasureTest, StopsBetweenRuns) {
  TestControl control;
  control.stop_at = 10;
  const NetworkModule small(SmallNetwork(), 1, at::kCPU);
  EXPECT_TRUE(absl::IsCancelled(MeasureLatency(small, {}, control).status()));
}

TEST(MeasureTest, PeakMemoryIsThatOfTheInferenceForm) {
  const NetworkModule module(SmallNetwork(), 1, at::kCPU);
  const int64_t bytes = MeasurePeakBytes(module);
  // relu: 8 × 64 values in and out; the weights with the folded norms' biases.
  EXPECT_EQ(bytes, 2 * 8 * 64 * 4 + 4 * (9 * 8 + 8 + 9 * 8 * 16 + 16 + 16 * 2 + 2));
  EXPECT_LE(bytes, module.network().PeakMemoryBytes());
}

}  // namespace
}  // namespace cambrian
