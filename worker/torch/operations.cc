#include "worker/torch/operations.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"

namespace cambrian {
namespace {

using Role = WeightSpec::Role;

// Of the order of the tokens themselves, so that a short training finds the positions; BERT's 0.02
// needs a long one.
constexpr double kPositionDeviation = 0.3;

WeightSpec ConvolutionWeight(std::string name, std::vector<int64_t> shape) {
  double fan_in = 1;
  for (size_t i = 1; i < shape.size(); ++i) fan_in *= static_cast<double>(shape[i]);
  return {std::move(name), std::move(shape), Role::kWeight, std::sqrt(2 / fan_in), 0};
}

WeightSpec LinearWeight(std::string name, int64_t out, int64_t in) {
  return {std::move(name), {out, in}, Role::kWeight, std::sqrt(1 / static_cast<double>(in)), 0};
}

WeightSpec Bias(std::string name, int64_t size) {
  return {std::move(name), {size}, Role::kNormOrBias, 0, 0};
}

WeightSpec Gain(std::string name, int64_t size) {
  return {std::move(name), {size}, Role::kNormOrBias, 0, 1};
}

// [out, in, kernel on every axis]
std::vector<int64_t> KernelShape(int64_t out, int64_t in, int64_t kernel, size_t axes) {
  std::vector<int64_t> shape = {out, in};
  shape.insert(shape.end(), axes, kernel);
  return shape;
}

// [batch, channels, length] or [batch, channels, height, width] as an image: a sequence is one of
// height 1, so that every operation is written once.
at::Tensor AsImage(const at::Tensor& x) { return x.dim() == 3 ? x.unsqueeze(2) : x; }
at::Tensor LikeInput(const at::Tensor& image, const at::Tensor& input) {
  return input.dim() == 3 ? image.squeeze(2) : image;
}

// A size for the axes of an image; a sequence's height is 1.
std::vector<int64_t> OnAxes(const at::Tensor& input, int64_t size, int64_t height) {
  return {input.dim() == 3 ? height : size, size};
}

// Padding "same" of one axis: in front and behind.
struct Padding {
  int64_t front = 0;
  int64_t back = 0;
};

Padding SamePadding(int64_t in, int64_t kernel, int64_t stride, int64_t dilation) {
  const int64_t reach = dilation * (kernel - 1);  // effective kernel - 1
  if (reach % 2 == 0) return {reach / 2, reach / 2};
  const int64_t out = (in + stride - 1) / stride;
  const int64_t total = std::max<int64_t>(0, (out - 1) * stride + reach + 1 - in);
  return {total / 2, total - total / 2};
}

// An image ready for a window that slides over it: what cannot be said as symmetric padding is put
// there with `value`.
struct Padded {
  at::Tensor image;
  std::vector<int64_t> padding;  // still to be done by the operation
  bool explicitly = false;
};

Padded Pad(const at::Tensor& x, const OperationArguments& arguments, double value) {
  Padded padded{AsImage(x), {0, 0}};
  Padding sides[2];
  bool symmetric = true;
  for (int axis = 0; axis < 2; ++axis) {
    if (axis == 0 && x.dim() == 3) continue;
    sides[axis] = SamePadding(padded.image.size(2 + axis), arguments.kernel, arguments.stride,
                              arguments.dilation);
    symmetric = symmetric && sides[axis].front == sides[axis].back;
    padded.padding[axis] = sides[axis].front;
  }
  if (symmetric) return padded;
  padded.image = at::constant_pad_nd(
      padded.image, {sides[1].front, sides[1].back, sides[0].front, sides[0].back}, value);
  padded.padding = {0, 0};
  padded.explicitly = true;
  return padded;
}

at::Tensor Convolve(const at::Tensor& x, const OperationArguments& arguments,
                    absl::Span<const at::Tensor> weights) {
  const Padded padded = Pad(x, arguments, 0);
  const at::Tensor kernel = x.dim() == 3 ? weights[0].unsqueeze(2) : weights[0];
  const at::Tensor bias = weights.size() > 1 ? weights[1] : at::Tensor();
  return LikeInput(at::conv2d(padded.image, kernel, bias, OnAxes(x, arguments.stride, 1),
                              padded.padding, OnAxes(x, arguments.dilation, 1), arguments.groups),
                   x);
}

// Two strided 1×1 convolutions, the second on the map shifted by one pixel (DARTS); an odd map is
// continued by a zero so that both halves agree.
at::Tensor FactorizedReduce(const at::Tensor& x, absl::Span<const at::Tensor> weights) {
  const at::Tensor image = AsImage(x);
  at::Tensor shifted = image;
  for (int64_t axis = 3; axis >= 2; --axis) {
    if (axis == 2 && x.dim() == 3) continue;
    if (image.size(axis) % 2 == 1) {
      std::vector<int64_t> grow(4, 0);
      grow[axis == 3 ? 1 : 3] = 1;
      shifted = at::constant_pad_nd(shifted, grow, 0);
    }
    shifted = shifted.slice(axis, 1);
  }
  const auto half = [&](const at::Tensor& from, const at::Tensor& weight) {
    return at::conv2d(from, x.dim() == 3 ? weight.unsqueeze(2) : weight, {}, OnAxes(x, 2, 1));
  };
  return LikeInput(at::cat({half(image, weights[0]), half(shifted, weights[1])}, 1), x);
}

at::Tensor MaxPool(const at::Tensor& x, const OperationArguments& arguments) {
  const Padded padded = Pad(x, arguments, -std::numeric_limits<double>::infinity());
  return LikeInput(at::max_pool2d(padded.image, OnAxes(x, arguments.kernel, 1),
                                  OnAxes(x, arguments.stride, 1), padded.padding),
                   x);
}

at::Tensor AvgPool(const at::Tensor& x, const OperationArguments& arguments) {
  const Padded padded = Pad(x, arguments, 0);
  const auto pool = [&](const at::Tensor& image) {
    return at::avg_pool2d(image, OnAxes(x, arguments.kernel, 1), OnAxes(x, arguments.stride, 1),
                          padded.padding, /*ceil_mode=*/false, arguments.count_padding);
  };
  at::Tensor mean = pool(padded.image);
  if (padded.explicitly && !arguments.count_padding) {
    // The zeros that Pad put there are left out of the mean.
    mean = mean / pool(Pad(at::ones_like(x), arguments, 0).image);
  }
  return LikeInput(mean, x);
}

at::Tensor Resize(const at::Tensor& x, const Shape& shape) {
  std::vector<int64_t> size = shape.axes;
  if (size.size() == 1) size.insert(size.begin(), 1);
  const at::Tensor image = AsImage(x);
  if (image.size(2) == size[0] && image.size(3) == size[1]) return x;
  return LikeInput(at::upsample_bilinear2d(image, size, /*align_corners=*/false), x);
}

at::Tensor GlobalPool(const at::Tensor& x) {
  if (x.dim() == 2) return x;
  std::vector<int64_t> axes;
  for (int64_t axis = 2; axis < x.dim(); ++axis) axes.push_back(axis);
  return x.mean(axes);
}

// f on [batch, axes…, channels].
template <typename Function>
at::Tensor OnChannels(const at::Tensor& x, Function f) {
  if (x.dim() == 2) return f(x);
  return f(x.movedim(1, -1)).movedim(-1, 1);
}

at::Tensor Squeeze(const at::Tensor& x, absl::Span<const at::Tensor> weights) {
  const at::Tensor hidden = at::relu(at::linear(GlobalPool(x), weights[0], weights[1]));
  at::Tensor scale = at::hardsigmoid(at::linear(hidden, weights[2], weights[3]));
  while (scale.dim() < x.dim()) scale = scale.unsqueeze(-1);
  return x * scale;
}

// Vaswani et al. 2017.
at::Tensor Attend(const at::Tensor& x, const OperationArguments& arguments,
                  absl::Span<const at::Tensor> weights) {
  const int64_t batch = x.size(0), length = x.size(2);
  const at::Tensor heads = at::linear(x.transpose(1, 2), weights[0], weights[1])
                               .reshape({batch, length, 3, arguments.heads, arguments.head_size})
                               .permute({2, 0, 3, 1, 4});  // [3, batch, heads, length, head_size]
  const at::Tensor query = heads[0] / std::sqrt(static_cast<double>(arguments.head_size));
  at::Tensor scores = at::matmul(query, heads[1].transpose(-2, -1));
  if (arguments.causal) {
    const at::Tensor future = at::ones({length, length}, scores.options().dtype(at::kBool)).triu(1);
    scores = scores.masked_fill(future, -std::numeric_limits<double>::infinity());
  }
  const at::Tensor mixed = at::matmul(at::softmax(scores, -1), heads[2])
                               .transpose(1, 2)
                               .reshape({batch, length, arguments.heads * arguments.head_size});
  return at::linear(mixed, weights[2], weights[3]).transpose(1, 2);
}

at::Tensor Patches(const at::Tensor& x, const OperationArguments& arguments,
                   absl::Span<const at::Tensor> weights) {
  const std::vector<int64_t> size = {arguments.size, arguments.size};
  return at::conv2d(x, weights[0], weights[1], size).flatten(2);
}

at::Tensor BatchNorm(const at::Tensor& x, absl::Span<const at::Tensor> weights,
                     const ApplyMode& mode) {
  return at::batch_norm(x, weights[0], weights[1], weights[2], weights[3], mode.training,
                        mode.norm_momentum, kNormEpsilon, /*cudnn_enabled=*/true);
}

at::Tensor LayerNorm(const at::Tensor& x, absl::Span<const at::Tensor> weights) {
  return OnChannels(x, [&](const at::Tensor& t) {
    return at::layer_norm(t, {x.size(1)}, weights[0], weights[1], kNormEpsilon);
  });
}

at::Tensor Sum(absl::Span<const at::Tensor> inputs) {
  if (inputs.size() == 1) return inputs[0];
  at::Tensor sum = inputs[0] + inputs[1];
  for (size_t i = 2; i < inputs.size(); ++i) sum.add_(inputs[i]);
  return sum;
}

at::Tensor Product(absl::Span<const at::Tensor> inputs) {
  at::Tensor product = inputs[0];
  for (size_t i = 1; i < inputs.size(); ++i) product = product * inputs[i];
  return product;
}

}  // namespace

std::vector<WeightSpec> WeightSpecs(OperationKind kind, const OperationArguments& arguments,
                                    absl::Span<const Shape> inputs) {
  const int64_t in = inputs.empty() ? 0 : inputs[0].channels;
  const size_t axes = inputs.empty() ? 0 : inputs[0].axes.size();
  const int64_t out = arguments.out;
  std::vector<WeightSpec> specs;
  switch (kind) {
    case OperationKind::kConv:
      specs = {ConvolutionWeight("weight",
                                 KernelShape(out, in / arguments.groups, arguments.kernel, axes))};
      if (arguments.bias) specs.push_back(Bias("bias", out));
      return specs;
    case OperationKind::kFactorizedReduce:
      return {ConvolutionWeight("conv_1.weight", KernelShape(out / 2, in, 1, axes)),
              ConvolutionWeight("conv_2.weight", KernelShape(out - out / 2, in, 1, axes))};
    case OperationKind::kLinear:
      specs = {LinearWeight("weight", out, in)};
      if (arguments.bias) specs.push_back(Bias("bias", out));
      return specs;
    case OperationKind::kBatchNorm:
      return {Gain("weight", in), Bias("bias", in),
              WeightSpec{"running_mean", {in}, Role::kStatistic, 0, 0},
              WeightSpec{"running_var", {in}, Role::kStatistic, 0, 1}};
    case OperationKind::kLayerNorm:
      return {Gain("weight", in), Bias("bias", in)};
    case OperationKind::kSqueeze:
      return {LinearWeight("reduce.weight", arguments.hidden, in),
              Bias("reduce.bias", arguments.hidden),
              LinearWeight("expand.weight", in, arguments.hidden), Bias("expand.bias", in)};
    case OperationKind::kAttention: {
      const int64_t inner = arguments.heads * arguments.head_size;
      return {LinearWeight("qkv.weight", 3 * inner, in), Bias("qkv.bias", 3 * inner),
              LinearWeight("projection.weight", in, inner), Bias("projection.bias", in)};
    }
    case OperationKind::kPatches:
      return {ConvolutionWeight("weight", KernelShape(out, in, arguments.size, 2)),
              Bias("bias", out)};
    case OperationKind::kPositions:
      return {
          WeightSpec{"weight", {in, inputs[0].axes[0]}, Role::kNormOrBias, kPositionDeviation, 0}};
    default:
      return {};
  }
}

at::Tensor Apply(const Operation& operation, absl::Span<const at::Tensor> inputs,
                 absl::Span<const at::Tensor> weights, const ApplyMode& mode) {
  const OperationArguments& arguments = operation.arguments;
  switch (operation.kind) {
    case OperationKind::kInput:
      return inputs[0];
    case OperationKind::kResizeInput:
    case OperationKind::kResize:
      return Resize(inputs[0], operation.shape);
    case OperationKind::kConv:
      return Convolve(inputs[0], arguments, weights);
    case OperationKind::kFactorizedReduce:
      return FactorizedReduce(inputs[0], weights);
    case OperationKind::kLinear:
      return OnChannels(inputs[0], [&](const at::Tensor& t) {
        return at::linear(t, weights[0], weights.size() > 1 ? weights[1] : at::Tensor());
      });
    case OperationKind::kBatchNorm:
      return BatchNorm(inputs[0], weights, mode);
    case OperationKind::kLayerNorm:
      return LayerNorm(inputs[0], weights);
    case OperationKind::kRelu:
      return at::relu(inputs[0]);
    case OperationKind::kRelu6:
      return at::hardtanh(inputs[0], 0, 6);
    case OperationKind::kGelu:
      return at::gelu(inputs[0]);
    case OperationKind::kSilu:
      return at::silu(inputs[0]);
    case OperationKind::kSigmoid:
      return at::sigmoid(inputs[0]);
    case OperationKind::kTanh:
      return at::tanh(inputs[0]);
    case OperationKind::kHardSwish:
      return at::hardswish(inputs[0]);
    case OperationKind::kMaxPool:
      return MaxPool(inputs[0], arguments);
    case OperationKind::kAvgPool:
      return AvgPool(inputs[0], arguments);
    case OperationKind::kGlobalPool:
      return GlobalPool(inputs[0]);
    case OperationKind::kDropout:
      return mode.training ? at::dropout(inputs[0], arguments.rate, true) : inputs[0];
    case OperationKind::kSqueeze:
      return Squeeze(inputs[0], weights);
    case OperationKind::kAttention:
      return Attend(inputs[0], arguments, weights);
    case OperationKind::kPatches:
      return Patches(inputs[0], arguments, weights);
    case OperationKind::kPositions:
      return inputs[0] + weights[0];
    case OperationKind::kSum:
      return Sum(inputs);
    case OperationKind::kMean:
      return Sum(inputs) / static_cast<double>(inputs.size());
    case OperationKind::kProduct:
      return Product(inputs);
    case OperationKind::kConcat:
      return at::cat(std::vector<at::Tensor>(inputs.begin(), inputs.end()), 1);
  }
  TORCH_CHECK(false, "unknown operation");
}

}  // namespace cambrian
