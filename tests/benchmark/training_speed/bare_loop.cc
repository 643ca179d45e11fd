#include "tests/benchmark/training_speed/bare_loop.h"

#include <torch/torch.h>

#include <chrono>
#include <vector>

#include "worker/torch/backend.h"

namespace cambrian {
namespace {

namespace nn = torch::nn;

constexpr int kWarmUpSteps = 3;

nn::Sequential ReluConvNorm(int in, int out, int stride) {
  return nn::Sequential(
      nn::ReLU(), nn::Conv2d(nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false)),
      nn::BatchNorm2d(out));
}

struct CellImpl : nn::Module {
  explicit CellImpl(int width) {
    for (int i = 0; i < 6; ++i) {
      edges.push_back(register_module("edge_" + std::to_string(i), ReluConvNorm(width, width, 1)));
    }
  }
  torch::Tensor forward(torch::Tensor x) {
    const torch::Tensor one = edges[0]->forward(x);
    const torch::Tensor two = edges[1]->forward(x) + edges[2]->forward(one);
    return edges[3]->forward(x) + edges[4]->forward(one) + edges[5]->forward(two);
  }
  std::vector<nn::Sequential> edges;
};
TORCH_MODULE(Cell);

struct ReduceImpl : nn::Module {
  ReduceImpl(int in, int out) {
    first = register_module("first", ReluConvNorm(in, out, 2));
    second = register_module("second", ReluConvNorm(out, out, 1));
    shortcut = register_module("shortcut", nn::Conv2d(nn::Conv2dOptions(in, out, 1).bias(false)));
  }
  torch::Tensor forward(torch::Tensor x) {
    return second->forward(first->forward(x)) + shortcut->forward(torch::avg_pool2d(x, 2));
  }
  nn::Sequential first{nullptr};
  nn::Sequential second{nullptr};
  nn::Conv2d shortcut{nullptr};
};
TORCH_MODULE(Reduce);

nn::Sequential AllConv3x3Cells() {
  return nn::Sequential(nn::Conv2d(nn::Conv2dOptions(3, 16, 3).padding(1).bias(false)),
                        nn::BatchNorm2d(16), Cell(16), Reduce(16, 32), Cell(32), Reduce(32, 64),
                        Cell(64), nn::BatchNorm2d(64), nn::ReLU(), nn::AdaptiveAvgPool2d(1),
                        nn::Flatten(), nn::Linear(64, 10));
}

}  // namespace

double ImagesPerSecond(const BareLoop& loop, int steps) {
  torch::manual_seed(1);
  nn::Sequential network = AllConv3x3Cells();
  torch::Tensor batch = torch::randn({loop.batch, 3, 32, 32});
  const torch::Tensor labels = torch::randint(10, {loop.batch}, torch::kLong);
  if (loop.channels_last) {
    batch = batch.contiguous(at::MemoryFormat::ChannelsLast);
    for (torch::Tensor& weight : network->parameters()) {
      if (weight.dim() == 4) weight.set_data(weight.contiguous(at::MemoryFormat::ChannelsLast));
    }
  }
  torch::optim::SGD optimizer(
      network->parameters(),
      torch::optim::SGDOptions(0.01).momentum(0.9).nesterov(true).weight_decay(0.0005));
  network->train();
  const auto step = [&] {
    optimizer.zero_grad();
    torch::Tensor loss;
    {
      const Bf16Scope bf16(at::kCPU, loop.bf16);
      loss =
          torch::nn::functional::cross_entropy(network->forward(batch).to(torch::kFloat), labels);
    }
    loss.backward();
    optimizer.step();
  };
  for (int i = 0; i < kWarmUpSteps; ++i) step();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < steps; ++i) step();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return loop.batch * steps / seconds.count();
}

}  // namespace cambrian
