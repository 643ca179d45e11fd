#include "worker/torch/training_state.h"

#include <ATen/ATen.h>

#include <fstream>
#include <limits>

#include "common/tensors/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/torch/test_control.h"
#include "tests/unit/worker/torch/test_data.h"
#include "tests/unit/worker/torch/test_files.h"
#include "worker/torch/backend.h"
#include "worker/torch/trainer.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kSeldom = absl::Hours(1);
constexpr absl::Duration kAlways = absl::Nanoseconds(1);

Network PlainNetwork() {
  testing::HandBuilt builder({1, {8, 8}});
  builder.Then(OperationKind::kConv, {.out = 4, .kernel = 3});
  builder.Then(OperationKind::kRelu);
  return builder.Classifier(2);
}

struct Case {
  const char* name;
  Network network;
  Recipe recipe;
};

std::vector<Case> Cases() {
  Recipe plain;
  plain.epochs = 3;
  plain.batch = 32;
  Recipe bare = plain;
  bare.momentum = 0;
  bare.nesterov = false;
  Recipe augmented = plain;
  augmented.crop_padding = 1;
  augmented.flip = true;
  augmented.cutout = 2;
  augmented.warmup = 1;
  augmented.label_smoothing = 0.1;
  Recipe adam = augmented;
  adam.optimizer = Recipe::Optimizer::kAdamW;
  adam.lr = 0.01;
  adam.clip = 1;
  Recipe bf16 = adam;
  bf16.precision = Recipe::Precision::kBf16;
  return {{"momentum", PlainNetwork(), plain},
          {"no momentum", PlainNetwork(), bare},
          {"batch norm and dropout", SmallNetwork(), plain},
          {"augmentation", SmallNetwork(), augmented},
          {"adamw", SmallNetwork(), adam},
          {"bf16", SmallNetwork(), bf16}};
}

class TrainingStateTest : public ::testing::Test {
 protected:
  TrainingStateTest() : data_(StripesData()) {
    SetThreads(1);
    split_ = MakeSplit(data_.train.labels, 2, 0.2, 1, 1);  // 10 steps an epoch
  }

  // What comes of a training with states, and its newest one.
  struct Outcome {
    absl::StatusOr<double> seconds;
    std::string file;
  };
  Outcome Train(const Recipe& recipe, NetworkModule& module, TestControl& control,
                const std::string& resume = "", absl::Duration interval = kSeldom) {
    TrainingStates states(folder_.path(), "work", interval);
    const Training training{recipe, data_, split_, 5, "a", &states, resume};
    Outcome outcome{cambrian::Train(training, module, control), ""};
    outcome.file = states.TakeNews();
    return outcome;
  }

  // The state of a training that is stopped at a call of Proceed, as a file's path.
  std::string StateAt(const Recipe& recipe, const Network& network, int call) {
    NetworkModule module(network, 1, at::kCPU);
    TestControl control;
    control.stop_at = call;
    const Outcome outcome = Train(recipe, module, control);
    EXPECT_TRUE(absl::IsCancelled(outcome.seconds.status())) << outcome.seconds.status();
    EXPECT_FALSE(outcome.file.empty());
    return folder_.At(outcome.file);
  }

  static void ExpectSameBits(const NetworkModule& one, const NetworkModule& two) {
    ASSERT_EQ(one.weights().size(), two.weights().size());
    for (size_t i = 0; i < one.weights().size(); ++i) {
      EXPECT_TRUE(one.weights()[i].tensor.equal(two.weights()[i].tensor)) << one.weights()[i].name;
    }
  }

  const TestFolder folder_;
  const DataSet data_;
  Split split_;
};

TEST_F(TrainingStateTest, ATrainingThatGoesOnEndsInTheSameBits) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    NetworkModule whole(c.network, 1, at::kCPU);
    TestControl undisturbed;
    ASSERT_TRUE(cambrian::Train({c.recipe, data_, split_, 5, "a"}, whole, undisturbed).ok());
    // Before the first step, inside of an epoch, while an epoch is judged, inside of the last one.
    for (const int call : {1, 4, 11, 12, 14, 25, 32}) {
      SCOPED_TRACE(call);
      const std::string file = StateAt(c.recipe, c.network, call);
      NetworkModule module(c.network, 1, at::kCPU);
      TestControl control;
      ASSERT_TRUE(Train(c.recipe, module, control, file).seconds.ok());
      EXPECT_LE(control.proceeded, undisturbed.proceeded);
      ExpectSameBits(whole, module);
      ASSERT_FALSE(undisturbed.reports.empty());
      if (control.reports.empty()) continue;
      EXPECT_EQ(control.reports.back().step, undisturbed.reports.back().step);
      EXPECT_EQ(control.reports.back().metrics, undisturbed.reports.back().metrics);
    }
  }
}

TEST_F(TrainingStateTest, MovesAsOftenAsOneLikes) {
  const Case c = Cases()[3];
  NetworkModule whole(c.network, 1, at::kCPU);
  TestControl undisturbed;
  ASSERT_TRUE(cambrian::Train({c.recipe, data_, split_, 5, "a"}, whole, undisturbed).ok());
  std::string file;
  int moves = 0;
  for (;; ++moves) {
    // Where another one would begin does not matter.
    NetworkModule module(c.network, moves == 0 ? 1 : 77, at::kCPU);
    TestControl control;
    control.stop_at = 8;
    const Outcome outcome = Train(c.recipe, module, control, file);
    if (outcome.seconds.ok()) {
      ExpectSameBits(whole, module);
      break;
    }
    ASSERT_FALSE(outcome.file.empty());
    file = folder_.At(outcome.file);
  }
  EXPECT_GE(moves, 3);
}

TEST_F(TrainingStateTest, ProgressNamesStatesThatAreDue) {
  const Case c = Cases()[2];
  NetworkModule whole(c.network, 1, at::kCPU);
  TestControl control;
  ASSERT_TRUE(Train(c.recipe, whole, control, "", kAlways).seconds.ok());
  int epochs = 0;
  std::string at_first_epoch;
  for (const evaluator::Progress& progress : control.reports) {
    ASSERT_FALSE(progress.checkpoint.empty());
    EXPECT_TRUE(std::filesystem::exists(folder_.At(progress.checkpoint)));
    EXPECT_EQ(progress.steps, 3);
    epochs += !progress.metrics.empty();
    if (!progress.metrics.empty() && progress.step == 1) at_first_epoch = progress.checkpoint;
  }
  EXPECT_EQ(epochs, 2);
  EXPECT_GT(control.reports.size(), 20u);  // within epochs too

  // The epoch that a state ends has been reported with it, and is not reported again.
  NetworkModule module(c.network, 1, at::kCPU);
  TestControl resumed;
  ASSERT_TRUE(Train(c.recipe, module, resumed, folder_.At(at_first_epoch)).seconds.ok());
  ASSERT_EQ(resumed.reports.size(), 1u);
  EXPECT_EQ(resumed.reports[0].step, 2);
  EXPECT_TRUE(resumed.reports[0].checkpoint.empty());
  ExpectSameBits(whole, module);
}

TEST_F(TrainingStateTest, NothingIsWrittenUnasked) {
  const Case c = Cases()[0];
  NetworkModule module(c.network, 1, at::kCPU);
  TestControl control;
  control.stop_at = 14;
  const Outcome outcome = Train(c.recipe, module, control, "", absl::ZeroDuration());
  EXPECT_TRUE(absl::IsCancelled(outcome.seconds.status()));
  EXPECT_TRUE(outcome.file.empty());
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(TrainingStateTest, WhatDoesNotBelongOrIsDamagedChangesNothing) {
  const Case c = Cases()[2];
  const std::string good = StateAt(c.recipe, c.network, 14);
  const auto content = ReadSafetensors(good);
  ASSERT_TRUE(content.ok()) << content.status();
  const auto with = [&](const auto& change) {
    Safetensors changed = *content;
    change(changed);
    const std::string path = folder_.At("changed");
    EXPECT_TRUE(WriteSafetensors(path, changed).ok());
    return path;
  };
  std::ifstream stream(good, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};

  const std::vector<std::pair<std::string, std::string>> bad = {
      {folder_.At("missing"), "cannot read"},
      {folder_.Write("empty", ""), ""},
      {folder_.Write("cut", bytes.substr(0, bytes.size() / 2)), ""},
      {folder_.Write("noise", std::string(1000, '\xff')), ""},
      {folder_.Write("huge", bytes + std::string(20 << 20, 'x')), "too large"}};
  const auto expect_refused = [&](const std::string& path, const std::string& why) {
    SCOPED_TRACE(path + " " + why);
    NetworkModule module(c.network, 1, at::kCPU);
    const NetworkModule before(c.network, 1, at::kCPU);
    StateTensors tensors;
    for (const NamedWeight& weight : module.weights()) {
      tensors.emplace_back("network." + weight.name, weight.tensor);
    }
    tensors.emplace_back("optimizer.momentum", at::zeros_like(module.parameters()));
    const auto position = TrainingStates(folder_.path(), "work", kSeldom).Load(path, 30, tensors);
    ASSERT_FALSE(position.ok());
    EXPECT_THAT(std::string(position.status().message()), HasSubstr(why));
    ExpectSameBits(before, module);
    EXPECT_EQ(tensors.back().second.count_nonzero().item<int64_t>(), 0);
  };
  for (const auto& [path, why] : bad) expect_refused(path, why);
  const auto set = [&](const char* key, const char* value) {
    return with([&](Safetensors& s) { s.metadata[key] = value; });
  };
  expect_refused(set("work", "other"), "other work");
  expect_refused(set("format", "cambrian training 0"), "another version");
  expect_refused(set("step", "31"), "beyond its end");
  for (const char* step : {"-1", "", "x", "99999999999999999999"}) {
    expect_refused(set("step", step), "where it stands");
  }
  for (const char* seconds : {"-1", "nan", "inf", ""}) {
    expect_refused(set("seconds", seconds), "where it stands");
  }
  expect_refused(with([](Safetensors& s) { s.tensors.pop_back(); }), "other tensors");
  expect_refused(with([](Safetensors& s) { s.tensors[0].name = "x"; }), "lacks tensor");
  expect_refused(with([](Safetensors& s) { s.tensors[0].dtype = "I32"; }), "lacks tensor");
  expect_refused(with([](Safetensors& s) { s.tensors[0].shape.push_back(1); }), "lacks tensor");

  // Training begins anew, and ends as if there had been no file.
  NetworkModule whole(c.network, 1, at::kCPU), module(c.network, 1, at::kCPU);
  TestControl one, two;
  ASSERT_TRUE(Train(c.recipe, whole, one).seconds.ok());
  ASSERT_TRUE(Train(c.recipe, module, two, set("work", "other")).seconds.ok());
  EXPECT_EQ(one.proceeded, two.proceeded);
  ExpectSameBits(whole, module);
}

}  // namespace
}  // namespace cambrian
