#include "common/nas/operation.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

constexpr int64_t kMostChannels = 1'000'000;
constexpr int64_t kMostAxis = 1'000'000;
constexpr int64_t kMostElements = int64_t{1} << 40;
constexpr int64_t kMostCost = int64_t{1} << 45;  // parameters or MACs of one operation

using Arguments = OperationArguments;
constexpr ArgumentField kOut{"out", &Arguments::out, 1, kMostChannels};
constexpr ArgumentField kKernel{"kernel", &Arguments::kernel, 1, 255};
constexpr ArgumentField kStride{"stride", &Arguments::stride, 1, 255};
constexpr ArgumentField kDilation{"dilation", &Arguments::dilation, 1, 255};
constexpr ArgumentField kGroups{"groups", &Arguments::groups, 1, kMostChannels};
constexpr ArgumentField kBias{"bias", &Arguments::bias};
constexpr ArgumentField kCountPadding{"count_padding", &Arguments::count_padding};
constexpr ArgumentField kHeads{"heads", &Arguments::heads, 1, 1'000};
constexpr ArgumentField kHeadSize{"head_size", &Arguments::head_size, 1, 10'000};
constexpr ArgumentField kCausal{"causal", &Arguments::causal};
constexpr ArgumentField kSize{"size", &Arguments::size, 1, 10'000};
constexpr ArgumentField kHidden{"hidden", &Arguments::hidden, 1, kMostChannels};
constexpr ArgumentField kRate{"rate", &Arguments::rate};
constexpr ArgumentField kAxes{"axes", &Arguments::axes, 1, kMostAxis};

struct Row {
  OperationKind kind;
  absl::string_view name;
  bool joins;      // two inputs or more; else one
  int least_axes;  // of what comes in
  int most_axes;
  bool has_weights;
  std::array<const ArgumentField*, 6> reads;
};

using K = OperationKind;
constexpr Row kRows[] = {
    // kind, name, joins, axes from, to, weights, arguments
    {K::kInput, "input", false, 0, 2, false, {}},
    {K::kResizeInput, "resize_input", false, 1, 2, false, {&kSize}},
    {K::kConv,
     "conv",
     false,
     1,
     2,
     true,
     {&kOut, &kKernel, &kStride, &kDilation, &kGroups, &kBias}},
    {K::kFactorizedReduce, "factorized_reduce", false, 1, 2, true, {&kOut}},
    {K::kLinear, "linear", false, 0, 2, true, {&kOut, &kBias}},
    {K::kBatchNorm, "batch_norm", false, 0, 2, true, {}},
    {K::kLayerNorm, "layer_norm", false, 0, 2, true, {}},
    {K::kRelu, "relu", false, 0, 2, false, {}},
    {K::kRelu6, "relu6", false, 0, 2, false, {}},
    {K::kGelu, "gelu", false, 0, 2, false, {}},
    {K::kSilu, "silu", false, 0, 2, false, {}},
    {K::kSigmoid, "sigmoid", false, 0, 2, false, {}},
    {K::kTanh, "tanh", false, 0, 2, false, {}},
    {K::kHardSwish, "hard_swish", false, 0, 2, false, {}},
    {K::kMaxPool, "max_pool", false, 1, 2, false, {&kKernel, &kStride}},
    {K::kAvgPool, "avg_pool", false, 1, 2, false, {&kKernel, &kStride, &kCountPadding}},
    {K::kGlobalPool, "global_pool", false, 1, 2, false, {}},
    {K::kResize, "resize", false, 1, 2, false, {&kAxes}},
    {K::kDropout, "dropout", false, 0, 2, false, {&kRate}},
    {K::kSqueeze, "squeeze", false, 1, 2, true, {&kHidden}},
    {K::kAttention, "attention", false, 1, 1, true, {&kHeads, &kHeadSize, &kCausal}},
    {K::kPatches, "patches", false, 2, 2, true, {&kOut, &kSize}},
    {K::kPositions, "positions", false, 1, 1, true, {}},
    {K::kSum, "sum", true, 0, 2, false, {}},
    {K::kMean, "mean", true, 0, 2, false, {}},
    {K::kProduct, "product", true, 0, 2, false, {}},
    {K::kConcat, "concat", true, 0, 2, false, {}},
};

const Row& RowOf(OperationKind kind) { return kRows[static_cast<size_t>(kind)]; }

// The product, or kMostCost where it is larger: the counts of hostile arguments do not overflow.
int64_t Product(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  for (const int64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product) || product > kMostCost) return kMostCost;
  }
  return product;
}

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The positions of a map whose axes were divided by `stride`.
int64_t Positions(const Shape& shape, int64_t stride = 1) {
  int64_t positions = 1;
  for (const int64_t axis : shape.axes) positions *= CeilDiv(axis, stride);
  return positions;
}

Shape Strided(const Shape& in, int64_t channels, int64_t stride) {
  Shape out{channels, in.axes};
  for (int64_t& axis : out.axes) axis = CeilDiv(axis, stride);
  return out;
}

// Weights of a convolution without its bias.
int64_t KernelWeights(const OperationArguments& arguments, const Shape& in) {
  const int64_t area = in.axes.size() == 2 ? arguments.kernel * arguments.kernel : arguments.kernel;
  return Product({arguments.out, in.channels / arguments.groups, area});
}

template <typename... Text>
absl::Status Refuse(OperationKind kind, const Text&... text) {
  return absl::InvalidArgumentError(absl::StrCat(OperationName(kind), text...));
}

std::string ListShapes(absl::Span<const Shape> shapes) {
  const auto format = [](std::string* out, const Shape& shape) { out->append(shape.ToString()); };
  if (shapes.size() == 1) return shapes[0].ToString();
  return absl::StrCat(absl::StrJoin(shapes.first(shapes.size() - 1), ", ", format), " and ",
                      shapes.back().ToString());
}

absl::Status CheckWhole(OperationKind kind, const ArgumentField& field, int64_t value) {
  if (value >= field.low && value <= field.high) return absl::OkStatus();
  return Refuse(kind, ": ", field.name, " is ", value, "; it may be ", field.low, " to ",
                field.high);
}

absl::Status CheckArguments(OperationKind kind, const OperationArguments& arguments) {
  for (const ArgumentField* field : ArgumentsOf(kind)) {
    if (const auto* whole = std::get_if<int64_t Arguments::*>(&field->member)) {
      RETURN_IF_ERROR(CheckWhole(kind, *field, arguments.**whole));
    }
  }
  if (kind == K::kDropout && !(arguments.rate >= 0 && arguments.rate < 1)) {
    return Refuse(kind, ": rate is ", arguments.rate, "; it may be 0 to less than 1");
  }
  if (kind == K::kResize) {
    for (const int64_t axis : arguments.axes) RETURN_IF_ERROR(CheckWhole(kind, kAxes, axis));
  }
  return absl::OkStatus();
}

absl::Status CheckAxes(OperationKind kind, const Shape& in) {
  const Row& row = RowOf(kind);
  const int axes = static_cast<int>(in.axes.size());
  if (axes >= row.least_axes && axes <= row.most_axes) return absl::OkStatus();
  static constexpr absl::string_view kFound[] = {"a row", "a sequence", "an image"};
  const absl::string_view wanted = row.most_axes == 1    ? "a sequence"
                                   : row.least_axes == 2 ? "an image"
                                                         : "a sequence or image";
  return Refuse(kind, " works on ", wanted, "; ", in.ToString(), " is ",
                axes < 3 ? kFound[axes] : "neither");
}

absl::Status CheckInputs(OperationKind kind, absl::Span<const Shape> inputs) {
  const bool joins = RowOf(kind).joins;
  if (joins ? inputs.size() < 2 : inputs.size() != 1) {
    return Refuse(kind, joins ? " takes two inputs or more" : " takes one input", "; it has ",
                  inputs.size());
  }
  for (const Shape& in : inputs) RETURN_IF_ERROR(CheckAxes(kind, in));
  return absl::OkStatus();
}

absl::Status CheckSize(OperationKind kind, const Shape& out) {
  int64_t elements = out.channels;
  bool fits = out.channels >= 1 && out.channels <= kMostChannels;
  for (const int64_t axis : out.axes) {
    fits = fits && axis >= 1 && axis <= kMostAxis && elements <= kMostElements / axis;
    if (fits) elements *= axis;
  }
  if (fits) return absl::OkStatus();
  return Refuse(kind, " gives ", out.ToString(), ", which is ",
                out.channels < 1 ? "empty" : "too large");
}

absl::StatusOr<Shape> ConvShape(const OperationArguments& arguments, const Shape& in) {
  if (in.channels % arguments.groups != 0 || arguments.out % arguments.groups != 0) {
    return Refuse(K::kConv, ": groups (", arguments.groups, ") must divide the ", in.channels,
                  " channels that come in and the ", arguments.out, " that leave");
  }
  return Strided(in, arguments.out, arguments.stride);
}

absl::StatusOr<Shape> PatchesShape(const OperationArguments& arguments, const Shape& in) {
  int64_t length = 1;
  for (const int64_t axis : in.axes) {
    if (axis % arguments.size != 0) {
      return Refuse(K::kPatches, ": size ", arguments.size, " does not divide the sides of ",
                    in.ToString());
    }
    length *= axis / arguments.size;
  }
  return Shape{arguments.out, {length}};
}

absl::StatusOr<Shape> JoinShape(OperationKind kind, absl::Span<const Shape> inputs) {
  Shape out = inputs[0];
  for (const Shape& in : inputs.subspan(1)) {
    const bool fits = kind == K::kConcat ? in.axes == out.axes : in == inputs[0];
    if (!fits) return Refuse(kind, " of ", ListShapes(inputs));
    if (kind == K::kConcat) out.channels += in.channels;
  }
  return out;
}

absl::StatusOr<Shape> ShapeThatLeaves(OperationKind kind, const OperationArguments& arguments,
                                      absl::Span<const Shape> inputs) {
  const Shape& in = inputs[0];
  switch (kind) {
    case K::kConv:
      return ConvShape(arguments, in);
    case K::kFactorizedReduce:
      if (arguments.out < 2) return Refuse(kind, ": out must be 2 or more");
      return Strided(in, arguments.out, 2);
    case K::kLinear:
      return Shape{arguments.out, in.axes};
    case K::kMaxPool:
    case K::kAvgPool:
      return Strided(in, in.channels, arguments.stride);
    case K::kGlobalPool:
      return Shape{in.channels, {}};
    case K::kResizeInput:
      return Shape{in.channels, std::vector<int64_t>(in.axes.size(), arguments.size)};
    case K::kResize:
      if (arguments.axes.size() != in.axes.size()) {
        return Refuse(kind, " to ", arguments.axes.size(), " axes of ", in.ToString());
      }
      return Shape{in.channels, arguments.axes};
    case K::kPatches:
      return PatchesShape(arguments, in);
    case K::kSum:
    case K::kMean:
    case K::kProduct:
    case K::kConcat:
      return JoinShape(kind, inputs);
    default:  // the rest changes values only
      return in;
  }
}

}  // namespace

absl::string_view OperationName(OperationKind kind) { return RowOf(kind).name; }

absl::StatusOr<OperationKind> ParseOperationKind(absl::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.kind;
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown operation \"", name, "\""));
}

absl::Span<const ArgumentField* const> ArgumentsOf(OperationKind kind) {
  const auto& reads = RowOf(kind).reads;
  const auto end = std::find(reads.begin(), reads.end(), nullptr);
  return absl::MakeConstSpan(reads.data(), static_cast<size_t>(end - reads.begin()));
}

absl::StatusOr<Shape> OutputShape(OperationKind kind, const OperationArguments& arguments,
                                  absl::Span<const Shape> inputs) {
  RETURN_IF_ERROR(CheckInputs(kind, inputs));
  RETURN_IF_ERROR(CheckArguments(kind, arguments));
  ASSIGN_OR_RETURN(Shape out, ShapeThatLeaves(kind, arguments, inputs));
  RETURN_IF_ERROR(CheckSize(kind, out));
  if (ParameterCount(kind, arguments, inputs) >= kMostCost ||
      MacCount(kind, arguments, inputs) >= kMostCost) {
    return Refuse(kind, " of ", ListShapes(inputs), " to ", out.ToString(), " is too large");
  }
  return out;
}

int64_t ParameterCount(OperationKind kind, const OperationArguments& arguments,
                       absl::Span<const Shape> inputs) {
  const Shape& in = inputs[0];
  const int64_t channels = in.channels;
  switch (kind) {
    case K::kConv:
      return KernelWeights(arguments, in) + (arguments.bias ? arguments.out : 0);
    case K::kFactorizedReduce:
      return channels * arguments.out;
    case K::kLinear:
      return channels * arguments.out + (arguments.bias ? arguments.out : 0);
    case K::kBatchNorm:
    case K::kLayerNorm:
      return 2 * channels;
    case K::kSqueeze:
      return 2 * channels * arguments.hidden + arguments.hidden + channels;
    case K::kAttention: {
      const int64_t width = arguments.heads * arguments.head_size;
      return 4 * channels * width + 3 * width + channels;
    }
    case K::kPatches:
      return Product({arguments.size, arguments.size, channels, arguments.out}) + arguments.out;
    case K::kPositions:
      return in.Elements();
    default:
      return 0;
  }
}

int64_t MacCount(OperationKind kind, const OperationArguments& arguments,
                 absl::Span<const Shape> inputs) {
  const Shape& in = inputs[0];
  const int64_t channels = in.channels;
  switch (kind) {
    case K::kConv:
      return Product({KernelWeights(arguments, in), Positions(in, arguments.stride)});
    case K::kFactorizedReduce:
      return Product({channels, arguments.out, Positions(in, 2)});
    case K::kLinear:
      return Product({channels, arguments.out, Positions(in)});
    case K::kSqueeze:
      return 2 * channels * arguments.hidden;
    case K::kAttention: {
      const int64_t width = arguments.heads * arguments.head_size;
      const int64_t length = Positions(in);
      return Product({4, length, channels, width}) + Product({2, length, length, width});
    }
    case K::kPatches:
      return Product({channels, arguments.out, Positions(in)});
    default:
      return 0;
  }
}

bool HasWeights(OperationKind kind) { return RowOf(kind).has_weights; }

bool IsCommutative(OperationKind kind) {
  return kind == K::kSum || kind == K::kMean || kind == K::kProduct;
}

}  // namespace cambrian
