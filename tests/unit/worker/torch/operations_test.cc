#include "worker/torch/operations.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/torch/network_module.h"

namespace cambrian {
namespace {

using K = OperationKind;
using A = OperationArguments;

at::Tensor RandomMap(int64_t batch, const Shape& shape) {
  return EmptyBatch(batch, shape).normal_();
}

std::vector<at::Tensor> RandomWeights(const std::vector<WeightSpec>& specs) {
  std::vector<at::Tensor> weights;
  for (const WeightSpec& spec : specs) weights.push_back(at::rand(spec.shape) + 0.1);
  return weights;
}

// The operation applied to `inputs`, with these weights or random ones.
at::Tensor ApplyTo(K kind, const A& arguments, const std::vector<at::Tensor>& inputs,
                   std::vector<at::Tensor> weights = {}, bool training = false) {
  std::vector<Shape> shapes;
  for (const at::Tensor& x : inputs) {
    const std::vector<int64_t> sizes = x.sizes().vec();
    shapes.push_back({sizes[1], {sizes.begin() + 2, sizes.end()}});
  }
  Operation operation{kind, {}, arguments, OutputShape(kind, arguments, shapes).value(), "x", {}};
  if (weights.empty()) weights = RandomWeights(WeightSpecs(kind, arguments, shapes));
  return Apply(operation, inputs, weights, {.training = training});
}

struct Case {
  K kind;
  A arguments;
  size_t inputs = 1;
};

// Every operation, with arguments that bring odd and even kernels, strides, dilations, groups.
std::vector<Case> Cases() {
  std::vector<Case> cases = {
      {K::kResizeInput, {.size = 7}},
      {K::kFactorizedReduce, {.out = 5}},
      {K::kLinear, {.out = 5}},
      {K::kLinear, {.out = 5, .bias = true}},
      {K::kBatchNorm, {}},
      {K::kLayerNorm, {}},
      {K::kRelu, {}},
      {K::kRelu6, {}},
      {K::kGelu, {}},
      {K::kSilu, {}},
      {K::kSigmoid, {}},
      {K::kTanh, {}},
      {K::kHardSwish, {}},
      {K::kGlobalPool, {}},
      {K::kResize, {.axes = {9}}},
      {K::kResize, {.axes = {3, 12}}},
      {K::kDropout, {.rate = 0.5}},
      {K::kSqueeze, {.hidden = 3}},
      {K::kAttention, {.heads = 2, .head_size = 3}},
      {K::kAttention, {.heads = 1, .head_size = 5, .causal = true}},
      {K::kPatches, {.out = 5, .size = 2}},
      {K::kPositions, {}},
  };
  for (const int64_t kernel : {1, 2, 3, 4, 5, 7}) {
    for (const int64_t stride : {1, 2, 3}) {
      cases.push_back({K::kConv, {.out = 8, .kernel = kernel, .stride = stride}});
      cases.push_back(
          {K::kConv, {.out = 8, .kernel = kernel, .stride = stride, .dilation = 2, .bias = true}});
      cases.push_back({K::kConv, {.out = 8, .kernel = kernel, .stride = stride, .groups = 4}});
      cases.push_back({K::kMaxPool, {.kernel = kernel, .stride = stride}});
      cases.push_back({K::kAvgPool, {.kernel = kernel, .stride = stride}});
      cases.push_back({K::kAvgPool, {.kernel = kernel, .stride = stride, .count_padding = false}});
    }
  }
  for (const K kind : {K::kSum, K::kMean, K::kProduct, K::kConcat}) {
    cases.push_back({kind, {}, 2});
    cases.push_back({kind, {}, 3});
  }
  return cases;
}

TEST(OperationsTest, EveryOperationHasTheShapeAndTheParametersThatCommonNasSays) {
  const c10::AutoGradMode no_grad(false);
  const std::vector<Shape> kInputs = {{4, {}},     {4, {1}},    {4, {6}},    {4, {7}},
                                      {4, {1, 1}}, {4, {8, 8}}, {4, {5, 8}}, {4, {9, 7}}};
  std::set<K> seen;
  int checked = 0;
  for (const Case& c : Cases()) {
    for (const Shape& in : kInputs) {
      const std::vector<Shape> shapes(c.inputs, in);
      const absl::StatusOr<Shape> out = OutputShape(c.kind, c.arguments, shapes);
      if (!out.ok()) continue;  // not on these axes
      const std::string what =
          absl::StrCat(OperationName(c.kind), " of ", in.ToString(), " kernel ", c.arguments.kernel,
                       " stride ", c.arguments.stride, " dilation ", c.arguments.dilation);
      int64_t parameters = 0;
      for (const WeightSpec& spec : WeightSpecs(c.kind, c.arguments, shapes)) {
        if (spec.role == WeightSpec::Role::kStatistic) continue;
        int64_t count = 1;
        for (const int64_t size : spec.shape) count *= size;
        parameters += count;
      }
      EXPECT_EQ(parameters, ParameterCount(c.kind, c.arguments, shapes)) << what;
      const at::Tensor y =
          ApplyTo(c.kind, c.arguments, std::vector<at::Tensor>(c.inputs, RandomMap(2, in)));
      std::vector<int64_t> expected = {2, out->channels};
      expected.insert(expected.end(), out->axes.begin(), out->axes.end());
      EXPECT_EQ(y.sizes().vec(), expected) << what;
      EXPECT_TRUE(at::isfinite(y).all().item<bool>()) << what;
      seen.insert(c.kind);
      ++checked;
    }
  }
  EXPECT_GT(checked, 500);
  for (int kind = static_cast<int>(K::kResizeInput); kind <= static_cast<int>(K::kConcat); ++kind) {
    EXPECT_TRUE(seen.count(static_cast<K>(kind))) << OperationName(static_cast<K>(kind));
  }
}

// The window [front, front + kernel) of "same" padding by the words of common/nas, slowly.
double WindowMean(const at::Tensor& row, int64_t at, int64_t kernel, int64_t stride, bool count) {
  const int64_t in = row.size(0), out = (in + stride - 1) / stride;
  const int64_t front = kernel % 2 == 1
                            ? (kernel - 1) / 2
                            : std::max<int64_t>(0, (out - 1) * stride + kernel - in) / 2;
  double sum = 0;
  int64_t inside = 0;
  for (int64_t i = at * stride - front; i < at * stride - front + kernel; ++i) {
    if (i < 0 || i >= in) continue;
    sum += row[i].item<double>();
    ++inside;
  }
  return sum / static_cast<double>(count ? kernel : inside);
}

TEST(OperationsTest, PoolingsAndConvolutionsPadAsSaid) {
  for (const int64_t length : {1, 5, 8}) {
    for (const int64_t kernel : {1, 2, 3, 4}) {
      for (const int64_t stride : {1, 2}) {
        const at::Tensor x = at::rand({1, 1, length});
        const auto expect = [&](const at::Tensor& y, bool count, double scale) {
          for (int64_t i = 0; i < y.size(2); ++i) {
            EXPECT_NEAR(y[0][0][i].item<double>(),
                        scale * WindowMean(x[0][0], i, kernel, stride, count), 1e-5)
                << length << " " << kernel << " " << stride;
          }
        };
        const A arguments{.out = 1, .kernel = kernel, .stride = stride};
        expect(ApplyTo(K::kAvgPool, arguments, {x}), true, 1);
        A uncounted = arguments;
        uncounted.count_padding = false;
        expect(ApplyTo(K::kAvgPool, uncounted, {x}), false, 1);
        expect(ApplyTo(K::kConv, arguments, {x}, {at::ones({1, 1, kernel})}), true,
               static_cast<double>(kernel));
      }
    }
  }
}

TEST(OperationsTest, MaxPoolNeverTakesThePadding) {
  const at::Tensor x = at::full({1, 1, 5, 5}, -3.0);
  for (const int64_t kernel : {2, 3}) {
    const at::Tensor y = ApplyTo(K::kMaxPool, {.kernel = kernel, .stride = 2}, {x});
    EXPECT_TRUE(y.eq(-3).all().item<bool>());
  }
}

TEST(OperationsTest, FactorizedReduceSeesBothHalvesOfThePixels) {
  const at::Tensor x = at::arange(5, at::kFloat).view({1, 1, 5});
  const at::Tensor y =
      ApplyTo(K::kFactorizedReduce, {.out = 2}, {x}, {at::ones({1, 1, 1}), at::ones({1, 1, 1})});
  EXPECT_TRUE(y[0][0].equal(at::tensor({0.0f, 2.0f, 4.0f})));
  EXPECT_TRUE(y[0][1].equal(at::tensor({1.0f, 3.0f, 0.0f})));  // the odd map is continued by zero
}

TEST(OperationsTest, AttentionIsTheFormula) {
  const int64_t channels = 4, length = 3, heads = 2, size = 5;
  const at::Tensor x = at::randn({1, channels, length});
  const A arguments{.heads = heads, .head_size = size};
  const auto weights = RandomWeights(WeightSpecs(K::kAttention, arguments, {{Shape{4, {3}}}}));
  const at::Tensor tokens = x[0].t();
  const at::Tensor qkv = at::linear(tokens, weights[0], weights[1]);
  std::vector<at::Tensor> mixed;
  for (int64_t head = 0; head < heads; ++head) {
    const auto part = [&](int64_t i) { return qkv.narrow(1, (i * heads + head) * size, size); };
    const at::Tensor scores = at::matmul(part(0), part(1).t()) / std::sqrt(5.0);
    mixed.push_back(at::matmul(at::softmax(scores, 1), part(2)));
  }
  const at::Tensor expected = at::linear(at::cat(mixed, 1), weights[2], weights[3]).t();
  EXPECT_TRUE(ApplyTo(K::kAttention, arguments, {x}, weights)[0].allclose(expected, 1e-4, 1e-5));
}

TEST(OperationsTest, CausalAttentionDoesNotSeeTheFuture) {
  const A arguments{.heads = 1, .head_size = 4, .causal = true};
  const auto weights = RandomWeights(WeightSpecs(K::kAttention, arguments, {{Shape{4, {6}}}}));
  const at::Tensor x = at::randn({1, 4, 6});
  at::Tensor changed = x.clone();
  changed.narrow(2, 4, 2).add_(1);
  const at::Tensor before = ApplyTo(K::kAttention, arguments, {x}, weights);
  const at::Tensor after = ApplyTo(K::kAttention, arguments, {changed}, weights);
  EXPECT_TRUE(before.narrow(2, 0, 4).allclose(after.narrow(2, 0, 4)));
  EXPECT_FALSE(before.narrow(2, 4, 2).allclose(after.narrow(2, 4, 2)));
}

TEST(OperationsTest, LinearAndLayerNormWorkOnChannelsAtEveryPosition) {
  const at::Tensor x = at::randn({2, 3, 4, 5});
  const at::Tensor weight = at::randn({6, 3});
  const at::Tensor y = ApplyTo(K::kLinear, {.out = 6}, {x}, {weight});
  EXPECT_TRUE(y.select(3, 2).select(2, 1).allclose(at::linear(x.select(3, 2).select(2, 1), weight),
                                                   1e-4, 1e-5));
  const at::Tensor normed = ApplyTo(K::kLayerNorm, {}, {x}, {at::ones({3}), at::zeros({3})});
  EXPECT_LT(normed.mean(1).abs().max().item<double>(), 1e-5);
}

TEST(OperationsTest, PatchesRunRowByRow) {
  const at::Tensor x = at::arange(16, at::kFloat).view({1, 1, 4, 4});
  const at::Tensor y =
      ApplyTo(K::kPatches, {.out = 1, .size = 2}, {x}, {at::ones({1, 1, 2, 2}), at::zeros({1})});
  EXPECT_TRUE(y[0][0].equal(at::tensor({10.0f, 18.0f, 42.0f, 50.0f})));
}

TEST(OperationsTest, DropoutOnlyTrains) {
  const at::Tensor x = at::ones({1, 1000});
  EXPECT_TRUE(ApplyTo(K::kDropout, {.rate = 0.4}, {x}).equal(x));
  const at::Tensor y = ApplyTo(K::kDropout, {.rate = 0.4}, {x}, {}, /*training=*/true);
  EXPECT_NEAR(y.eq(0).to(at::kFloat).mean().item<double>(), 0.4, 0.1);
  EXPECT_NEAR(y.max().item<double>(), 1 / 0.6, 1e-4);
}

}  // namespace
}  // namespace cambrian
