// Images a second of the evaluator's training, beside two bare LibTorch loops of the same network:
// one tuned like the evaluator (allocator, channels_last, fp32), one as everybody starts (glibc's
// allocator, contiguous). One thread; the rounds are interleaved, so that a neighbour who uses the
// machine disturbs all alike; medians.
//
// Exits with 1 if the evaluator is slower than 0.95 of the tuned loop, 1.4 of the other, or, where
// the processor computes in bf16, with bf16 1.25 of the tuned loop.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "tests/benchmark/training_speed/bare_loop.h"
#include "tests/testing/hand_built.h"
#include "worker/torch/backend.h"
#include "worker/torch/trainer.h"

namespace cambrian {
namespace {

constexpr int kBatch = 64;
constexpr int kStepsPerRound = 40;
constexpr int kTrained = kBatch * kStepsPerRound;  // images a round, in two epochs
// Validation: so many after the first epoch, and as many at the end; a twentieth of the images.
constexpr int kJudged = kTrained / 40;

class NoControl final : public Control {
 public:
  absl::Status Proceed() override { return absl::OkStatus(); }
  void Report(const evaluator::Progress&) override {}
  absl::Status Acquire() override { return absl::OkStatus(); }
  void Release() override {}
};

DataSet RandomImages() {
  Random random(1);
  DataSet data;
  data.train.shape = {3, {32, 32}};
  data.classes = 10;
  data.mean.assign(3, 127.5);
  data.deviation.assign(3, 73.9);
  const int64_t count = kTrained / 2 + kJudged;
  for (int64_t i = 0; i < count; ++i) data.train.labels.push_back(static_cast<int>(i % 10));
  for (int64_t i = 0; i < count * data.train.shape.Elements(); ++i) {
    data.train.bytes.push_back(static_cast<uint8_t>(random.Below(256)));
  }
  return data;
}

// As assignments are run, from the first step to the last verdict.
double EvaluatorImagesPerSecond(const Network& network, const DataSet& data,
                                Recipe::Precision precision) {
  Recipe recipe;
  recipe.epochs = 2;
  recipe.batch = kBatch;
  recipe.crop_padding = 4;
  recipe.flip = true;
  recipe.cutout = 8;
  recipe.precision = precision;
  Split split;
  split.train.resize(kTrained / 2);
  std::iota(split.train.begin(), split.train.end(), 0);
  split.validation.resize(kJudged);
  std::iota(split.validation.begin(), split.validation.end(), kTrained / 2);
  NetworkModule module(network, 1, at::kCPU);
  NoControl control;
  const auto start = std::chrono::steady_clock::now();
  const Training training{recipe, data, split, 1, "benchmark"};
  if (!Train(training, module, control).ok()) std::abort();
  const bool bf16 = precision == Recipe::Precision::kBf16;
  if (!Judge(data, data.train, split.validation, bf16, module, control).ok()) std::abort();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return kTrained / seconds.count();
}

// Runs the program that lies beside this one.
double PlainImagesPerSecond() {
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string command =
      (self.parent_path() / "training_speed_plain").string() + " " + std::to_string(kStepsPerRound);
  FILE* const pipe = popen(command.c_str(), "r");
  double speed = 0;
  if (pipe == nullptr || std::fscanf(pipe, "%lf", &speed) != 1) std::abort();
  pclose(pipe);
  return speed;
}

bool HasBf16() {
  std::ifstream file("/proc/cpuinfo");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return text.find("avx512_bf16") != std::string::npos ||
         text.find("amx_bf16") != std::string::npos;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Prints one ratio beside what it should reach.
bool Reaches(const char* what, double ratio, double least) {
  std::printf("%-52s %5.2f  (at least %.2f)%s\n", what, ratio, least,
              ratio < least ? "  TOO SLOW" : "");
  return ratio >= least;
}

int Main(int rounds) {
  SetThreads(1);
  const Network network = testing::AllConv3x3(16);
  const DataSet data = RandomImages();
  const bool bf16 = HasBf16();
  std::map<std::string, std::vector<double>> speeds;
  for (int round = 0; round < rounds; ++round) {
    speeds["plain"].push_back(PlainImagesPerSecond());
    speeds["tuned"].push_back(ImagesPerSecond({kBatch, true, false}, kStepsPerRound));
    speeds["fp32"].push_back(EvaluatorImagesPerSecond(network, data, Recipe::Precision::kFp32));
    if (!bf16) continue;
    speeds["tuned bf16"].push_back(ImagesPerSecond({kBatch, true, true}, kStepsPerRound));
    speeds["bf16"].push_back(EvaluatorImagesPerSecond(network, data, Recipe::Precision::kBf16));
  }
  const auto speed = [&](const char* name) { return Median(speeds[name]); };
  std::printf("images a second, one thread, LibTorch %s, median of %d rounds\n",
              TorchVersion().c_str(), rounds);
  std::printf("  bare loop as everybody starts   %6.0f\n", speed("plain"));
  std::printf("  bare loop, tuned                %6.0f\n", speed("tuned"));
  std::printf("  evaluator                       %6.0f\n", speed("fp32"));
  bool good = Reaches("evaluator / tuned loop", speed("fp32") / speed("tuned"), 0.95);
  good &= Reaches("evaluator / loop as everybody starts", speed("fp32") / speed("plain"), 1.4);
  if (bf16) {
    std::printf("  bare loop, tuned, bf16          %6.0f\n", speed("tuned bf16"));
    std::printf("  evaluator, bf16                 %6.0f\n", speed("bf16"));
    good &= Reaches("evaluator in bf16 / tuned loop", speed("bf16") / speed("tuned"), 1.25);
  } else {
    std::printf("bf16: this processor has neither avx512_bf16 nor AMX\n");
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace cambrian

int main(int argc, char** argv) {
  return cambrian::Main(argc > 1 ? std::max(1, std::atoi(argv[1])) : 7);
}
