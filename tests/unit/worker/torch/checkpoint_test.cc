#include "worker/torch/checkpoint.h"

#include <ATen/ATen.h>

#include "common/tensors/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/torch/test_data.h"
#include "tests/unit/worker/torch/test_files.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

TEST(CheckpointTest, WhatIsSavedIsLoaded) {
  const TestFolder folder;
  NetworkModule saved(SmallNetwork(), 1, at::kCPU), loaded(SmallNetwork(), 2, at::kCPU);
  const at::Tensor batch = EmptyBatch(4, {1, {8, 8}}).normal_();
  saved.Forward(batch, {.training = true});  // moves the running statistics
  ASSERT_TRUE(SaveCheckpoint(folder.At("c"), saved, {{"classes", "2"}}).ok());
  ASSERT_FALSE(saved.Forward(batch, {}).equal(loaded.Forward(batch, {})));
  ASSERT_TRUE(LoadCheckpoint(folder.At("c"), loaded).ok());
  EXPECT_TRUE(saved.Forward(batch, {}).equal(loaded.Forward(batch, {})));
  EXPECT_EQ(ReadSafetensors(folder.At("c"))->metadata.at("classes"), "2");
}

TEST(CheckpointTest, KernelsAreStoredRowMajor) {
  const TestFolder folder;
  NetworkModule module(testing::AllConv3x3(4), 1, at::kCPU);
  ASSERT_TRUE(SaveCheckpoint(folder.At("c"), module, {}).ok());
  const Safetensors content = ReadSafetensors(folder.At("c")).value();
  for (const NamedTensor& tensor : content.tensors) {
    if (tensor.name != "stem.conv_1.weight") continue;
    EXPECT_THAT(tensor.shape, ::testing::ElementsAre(4, 3, 3, 3));
    const auto* const values = reinterpret_cast<const float*>(tensor.bytes.data());
    EXPECT_EQ(values[1], module.weights()[0].tensor[0][0][0][1].item<float>());
    return;
  }
  FAIL() << "no stem.conv_1.weight";
}

TEST(CheckpointTest, RefusesAnotherNetworksWeightsAndLeavesItsOwnAlone) {
  const TestFolder folder;
  NetworkModule module(SmallNetwork(), 1, at::kCPU);
  const at::Tensor before = module.parameters().clone();
  const auto failure = [&](const Network& other) {
    const NetworkModule saved(other, 3, at::kCPU);
    EXPECT_TRUE(SaveCheckpoint(folder.At("c"), saved, {}).ok());
    const absl::Status status = LoadCheckpoint(folder.At("c"), module);
    EXPECT_TRUE(module.parameters().equal(before));
    return std::string(status.message());
  };
  Network wider = SmallNetwork();
  wider.operations[1].arguments.out = 9;
  EXPECT_THAT(failure(wider), HasSubstr("\"conv_1.weight\" is of another type or shape"));
  Network renamed = SmallNetwork();
  renamed.operations[1].place = "other";
  EXPECT_THAT(failure(renamed), HasSubstr("no tensor \"conv_1.weight\""));
  Network biased = SmallNetwork();
  biased.operations[1].arguments.bias = true;
  EXPECT_THAT(failure(biased), HasSubstr("holds 13 tensors, the network has 12"));
  EXPECT_TRUE(absl::IsNotFound(LoadCheckpoint(folder.At("none"), module)));
}

}  // namespace
}  // namespace cambrian
