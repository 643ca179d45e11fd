// The modules of random architectures of every shipped space hold what common/nas counts.
#include "tests/testing/spaces.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "common/base/random.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/torch/test_control.h"
#include "worker/torch/measure.h"
#include "worker/torch/network_module.h"
#include "worker/torch/trainer.h"

namespace cambrian {
namespace {

constexpr int kArchitectures = 8;

// Builds, counts and runs random architectures of `space`.
void Check(const SearchSpace& space, const Task& task) {
  const c10::AutoGradMode no_grad(false);
  Random random(1);
  const at::Tensor batch = EmptyBatch(2, task.input).normal_();
  for (int built = 0; built < kArchitectures;) {
    const Architecture architecture = space.Sample(random);
    const absl::StatusOr<Network> network = space.Lower(architecture, task);
    if (!network.ok()) continue;  // nothing gets through
    ++built;
    NetworkModule module(*network, 1, at::kCPU);
    EXPECT_EQ(module.Parameters(), network->Parameters());
    const at::Tensor logits = module.Forward(batch, {.training = true});
    EXPECT_EQ(logits.sizes().vec(), (std::vector<int64_t>{2, task.classes}));
    EXPECT_TRUE(at::isfinite(logits).all().item<bool>());
    const at::Tensor judged = module.Forward(batch, {});
    NetworkModule folded = module.InferenceForm();
    EXPECT_TRUE(folded.Forward(batch, {}).allclose(judged, 1e-2, 1e-2));
    EXPECT_LE(MeasurePeakBytes(module), network->PeakMemoryBytes() + 8 * module.Parameters());
  }
}

class SpacesTest : public ::testing::TestWithParam<std::string> {};

TEST_P(SpacesTest, ModulesHoldWhatCommonNasCounts) {
  const auto space = testing::Builtin(GetParam());
  ASSERT_NE(space, nullptr);
  Check(*space, {{3, {32, 32}}, 10});
  Check(*space, {{1, {28, 28}}, 7});
}

INSTANTIATE_TEST_SUITE_P(Builtin, SpacesTest, ::testing::ValuesIn(BuiltinSpaces()),
                         [](const auto& info) { return info.param; });

constexpr char kTransformer[] = R"(
parameters: {dim: {choose: [24, 32]}, depth: {choose: [1, 2]}}
network:
  - patches: {size: 4, out: $dim}
  - positions
  - repeat: {times: $depth, block: layer}
  - layer_norm
  - head
blocks:
  layer:
    parameters: {heads: {choose: [2, 3]}, ratio: {choose: [2.0, 3.0]}}
    steps:
      - residual: [layer_norm, {attention: {heads: $heads, head_size: 8}}]
      - residual: [layer_norm, {linear: {out: $ratio * $dim}}, gelu, {linear: {out: $dim}}]
)";

TEST(TransformerSpaceTest, AVisionTransformerIsBuiltAndTrains) {
  const testing::ReadSpace read = testing::Read(kTransformer);
  ASSERT_NE(read.space, nullptr) << read.errors;
  Check(*read.space, {{1, {8, 8}}, 2});
  // Which half of the image is bright: four patches, so attention and positions have to work.
  DataSet data;
  data.train.shape = {1, {8, 8}};
  Random random(1);
  for (int i = 0; i < 400; ++i) {
    data.train.labels.push_back(i % 2);
    for (int pixel = 0; pixel < 64; ++pixel) {
      const bool bright = (pixel < 32) == (i % 2 == 0);
      data.train.bytes.push_back(static_cast<uint8_t>(random.Below(200) + (bright ? 55 : 0)));
    }
  }
  data.classes = 2;
  data.mean = {125};
  data.deviation = {60};
  Recipe recipe;
  recipe.epochs = 12;
  recipe.batch = 32;
  recipe.optimizer = Recipe::Optimizer::kAdamW;
  recipe.lr = 0.003;
  const Split split = MakeSplit(data.train.labels, 2, 0.2, 1, 1);
  const Network network = read.space->Lower(read.space->Sample(random), {{1, {8, 8}}, 2}).value();
  NetworkModule module(network, 1, at::kCPU);
  TestControl control;
  ASSERT_TRUE(Train({recipe, data, split, 1, "a"}, module, control).ok());
  const Verdict verdict = Judge(data, data.train, split.validation, false, module, control).value();
  EXPECT_GT(verdict.correct, 72);  // of 80
}

}  // namespace
}  // namespace cambrian
