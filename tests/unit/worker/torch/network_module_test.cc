#include "worker/torch/network_module.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/hand_built.h"

namespace cambrian {
namespace {

using K = OperationKind;

at::Tensor Values(const NetworkModule& module, const std::string& name) {
  for (const NamedWeight& weight : module.weights()) {
    if (weight.name == name) return weight.tensor;
  }
  return {};
}

TEST(NetworkModuleTest, WeightsBearTheNamesOfTheirPlaces) {
  testing::HandBuilt builder({1, {8, 8}});
  builder.Then(K::kConv, {.out = 4, .kernel = 3});
  builder.Then(K::kBatchNorm);
  const NetworkModule module(builder.Classifier(3), 1, at::kCPU);
  std::vector<std::string> names;
  for (const NamedWeight& weight : module.weights()) names.push_back(weight.name);
  EXPECT_THAT(names,
              ::testing::ElementsAre("conv_1.weight", "batch_norm_2.weight", "batch_norm_2.bias",
                                     "batch_norm_2.running_mean", "batch_norm_2.running_var",
                                     "linear_4.weight", "linear_4.bias"));
  EXPECT_EQ(module.Parameters(), module.network().Parameters());
  EXPECT_EQ(module.DecayedParameters(), 4 * 9 + 3 * 4);
}

TEST(NetworkModuleTest, TheAllConv3x3CellHasTheKnownSize) {
  // The figure of NAS-Bench-201's table for one cell a stage.
  const NetworkModule module(testing::AllConv3x3(16), 1, at::kCPU);
  EXPECT_EQ(module.Parameters(), module.network().Parameters());
  EXPECT_EQ(module.Parameters(), 73306 + 243040 / 5 * 6);
}

TEST(NetworkModuleTest, TheSeedFixesTheWeights) {
  const Network network = testing::AllConv3x3(4);
  const NetworkModule one(network, 1, at::kCPU), same(network, 1, at::kCPU),
      other(network, 2, at::kCPU);
  EXPECT_TRUE(one.parameters().equal(same.parameters()));
  EXPECT_FALSE(one.parameters().equal(other.parameters()));
}

TEST(NetworkModuleTest, ConvolutionsStartAsHeSays) {
  testing::HandBuilt builder({64, {8, 8}});
  builder.Then(K::kConv, {.out = 64, .kernel = 3});
  const NetworkModule module(builder.Classifier(3), 1, at::kCPU);
  const at::Tensor weight = Values(module, "conv_1.weight");
  EXPECT_NEAR(weight.std().item<double>(), std::sqrt(2.0 / (64 * 9)), 2e-3);
  EXPECT_NEAR(weight.mean().item<double>(), 0, 1e-3);
}

TEST(NetworkModuleTest, GradientsReachEveryWeightAndTheFlatTensor) {
  NetworkModule module(testing::AllConv3x3(4), 1, at::kCPU);
  const at::Tensor batch = EmptyBatch(8, {3, {32, 32}}).normal_();
  module.Forward(batch, {.training = true}).square().sum().backward();
  double total = 0;
  for (const NamedWeight& weight : module.weights()) {
    if (weight.role == WeightSpec::Role::kStatistic) continue;
    const double norm = weight.tensor.grad().abs().sum().item<double>();
    EXPECT_GT(norm, 0) << weight.name;
    total += norm;
  }
  EXPECT_NEAR(module.gradients().abs().sum().item<double>(), total, total * 1e-4);
}

TEST(NetworkModuleTest, TheInferenceFormGivesTheSameLogitsWithoutTheFoldedNorms) {
  testing::HandBuilt builder({3, {8, 8}});
  builder.Then(K::kConv, {.out = 8, .kernel = 3, .bias = true});
  builder.Then(K::kBatchNorm);
  const int shared = builder.Then(K::kConv, {.out = 8, .kernel = 1});
  const int norm = builder.Add(K::kBatchNorm, {shared});  // the convolution is read twice: stays
  builder.Add(K::kSum, {shared, norm});
  builder.Then(K::kFactorizedReduce, {.out = 8});
  builder.Then(K::kBatchNorm);  // no convolution before it: stays
  builder.Then(K::kGlobalPool);
  builder.Then(K::kLinear, {.out = 8});
  builder.Then(K::kBatchNorm);
  NetworkModule module(builder.Classifier(5), 1, at::kCPU);
  const at::Tensor batch = EmptyBatch(16, {3, {8, 8}}).normal_();
  for (int i = 0; i < 5; ++i) module.Forward(batch + i, {.training = true});
  const c10::AutoGradMode no_grad(false);
  module.parameters().add_(0.1);  // gains and biases other than 1 and 0
  NetworkModule folded = module.InferenceForm();
  EXPECT_EQ(folded.network().operations.size(), module.network().operations.size() - 2);
  EXPECT_TRUE(folded.Forward(batch, {}).allclose(module.Forward(batch, {}), 1e-3, 1e-4));
}

TEST(NetworkModuleTest, FoldingLeavesTheNetworkAlone) {
  NetworkModule module(testing::AllConv3x3(4), 1, at::kCPU);
  const at::Tensor before = module.parameters().clone();
  const NetworkModule folded = module.InferenceForm();
  EXPECT_TRUE(module.parameters().equal(before));
  EXPECT_LT(folded.WeightBytes(), module.WeightBytes());
}

TEST(NetworkModuleTest, CountsTheMapsThatAreAlive) {
  // input 3×8×8 and conv 4×8×8 are the most that is alive at once …
  testing::HandBuilt chain({3, {8, 8}});
  chain.Then(K::kConv, {.out = 4, .kernel = 3});
  NetworkModule narrow(chain.Classifier(2), 1, at::kCPU);
  const at::Tensor batch = EmptyBatch(1, {3, {8, 8}}).normal_();
  EXPECT_EQ(narrow.PeakMapBytes(batch), (3 + 4) * 64 * 4);
  // … and a map that is read again later stays alive until then.
  testing::HandBuilt skip({3, {8, 8}});
  const int first = skip.Then(K::kConv, {.out = 4, .kernel = 3});
  skip.Then(K::kRelu);
  const int second = skip.Then(K::kConv, {.out = 4, .kernel = 3});
  skip.Add(K::kSum, {first, second});
  NetworkModule wide(skip.Classifier(2), 1, at::kCPU);
  EXPECT_EQ(wide.PeakMapBytes(batch), 3 * 4 * 64 * 4);
}

TEST(NetworkModuleTest, MeasuredMemoryIsWhatCommonNasPredicts) {
  testing::HandBuilt builder({3, {32, 32}});
  const int first = builder.Then(K::kConv, {.out = 4, .kernel = 3});
  const int norm = builder.Then(K::kBatchNorm);
  builder.Then(K::kMaxPool, {.kernel = 3, .stride = 2});
  builder.Then(K::kResize, {.axes = {32, 32}});
  builder.Add(K::kConcat, {first, norm, builder.Then(K::kRelu)});
  const Network network = builder.Classifier(10);
  NetworkModule module(network, 1, at::kCPU);
  const at::Tensor batch = EmptyBatch(1, {3, {32, 32}}).normal_();
  EXPECT_EQ(module.PeakMapBytes(batch) + 4 * module.Parameters(), network.PeakMemoryBytes());
}

TEST(NetworkModuleTest, WhatIsTheSameValueIsComputedOnce) {
  // Each of the cells' nodes is read through three, two or one ReLU.
  const Network network = testing::AllConv3x3(4);
  NetworkModule module(network, 1, at::kCPU);
  EXPECT_EQ(module.network().operations.size(), network.operations.size() - 3 * 3);
  EXPECT_EQ(module.Parameters(), network.Parameters());
  EXPECT_EQ(module.network().Macs(), network.Macs());
  const at::Tensor batch = EmptyBatch(1, {3, {32, 32}}).normal_();
  EXPECT_LE(module.PeakMapBytes(batch) + 4 * module.Parameters(), network.PeakMemoryBytes());
  // Convolutions are never the same, nor are two draws of a dropout.
  testing::HandBuilt twice({3, {8, 8}});
  const int a = twice.Add(K::kConv, {0}, {.out = 4});
  const int b = twice.Add(K::kConv, {0}, {.out = 4});
  const int c = twice.Add(K::kDropout, {a}, {.rate = 0.5});
  const int d = twice.Add(K::kDropout, {a}, {.rate = 0.5});
  twice.Add(K::kSum, {b, c, d});
  const Network kept = twice.Classifier(2);
  EXPECT_EQ(NetworkModule(kept, 1, at::kCPU).network().operations.size(), kept.operations.size());
}

}  // namespace
}  // namespace cambrian
