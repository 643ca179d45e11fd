// The operations that a network is built of: their shapes, parameters and multiply-accumulates.
//
// These are the primitives. The space language has more words (`mbconv`, `sep_conv`, `fit`, `head`,
// `norm:`, `act:` …); the search space lowers them to these. `worker/torch` has a module for each,
// and a test holds both to the same shapes and counts.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/nas/shape.h"

namespace cambrian {

enum class OperationKind {
  kInput,             // the example
  kResizeInput,       // bilinear to `size` on every axis: what `input: {size: …}` says
  kConv,              // on the axes it finds; padding "same": out = ceil(in / stride)
  kFactorizedReduce,  // 1×1, stride 2, two halves shifted by one pixel (DARTS): out/2 rounded down,
                      // the rest; no bias
  kLinear,     // over channels, at every position
  kBatchNorm,  // affine
  kLayerNorm,  // over channels, at every position; affine
  kRelu,
  kRelu6,
  kGelu,
  kSilu,
  kSigmoid,
  kTanh,
  kHardSwish,
  kMaxPool,     // padding "same"
  kAvgPool,     // padding "same"; count_padding says whether zeros count
  kGlobalPool,  // mean over all axes → no axes
  kResize,      // bilinear to `axes`
  kDropout,     // rate
  kSqueeze,  // squeeze-and-excitation: mean → linear(hidden) → relu → linear(channels) → hard
             // sigmoid → scale
  kAttention,  // multi-head self-attention on a sequence: qkv with bias, projection with bias
  kPatches,  // image → sequence: convolution with kernel = stride = size and bias, axes flattened
             // row by row
  kPositions,  // adds a learned [channels, length]
  kSum,        // these four join two or more inputs; shapes equal …
  kMean,
  kProduct,
  kConcat,  // … along channels: axes equal; order of `inputs` is the order of channels
};

// Arguments of an operation with their defaults; each kind reads the ones that its line in
// `operation.cc` names.
struct OperationArguments {
  int64_t out = 0;  // channels that leave: conv, factorized_reduce, linear, patches
  int64_t kernel =
      1;  // conv, pools; the same on every axis. "Same" padding: total = max(0, (out-1)*stride +
          // dilation*(kernel-1) + 1 - in), floor(total/2) in front … but for odd effective kernels
          // the symmetric dilation*(kernel-1)/2, as PyTorch's models do
  int64_t stride = 1;         // conv, pools
  int64_t dilation = 1;       // conv
  int64_t groups = 1;         // conv
  bool bias = false;          // conv, linear
  bool count_padding = true;  // avg_pool
  int64_t heads = 1;          // attention
  int64_t head_size = 0;      // attention; heads * head_size is the inner width
  bool causal = false;        // attention
  int64_t size = 0;           // patches, resize_input: pixels
  int64_t hidden = 0;         // squeeze
  double rate = 0;            // dropout, [0, 1)
  std::vector<int64_t> axes;  // resize

  bool operator==(const OperationArguments&) const = default;
};

// One argument: its name in files, where it is kept, and the bounds of its values if they are whole
// numbers (for `axes`, of each of them).
struct ArgumentField {
  using Member =
      std::variant<int64_t OperationArguments::*, bool OperationArguments::*,
                   double OperationArguments::*, std::vector<int64_t> OperationArguments::*>;
  absl::string_view name;
  Member member;
  int64_t low = 0;
  int64_t high = 0;
};

// One operation of a network. Plain data.
struct Operation {
  OperationKind kind = OperationKind::kInput;
  std::vector<int> inputs;  // indices of earlier operations
  OperationArguments arguments;
  Shape shape;        // what leaves it
  std::string place;  // where it is built: "cell_2.edge_0_1.conv"; unique, a valid PyTorch name
  std::vector<std::string> decisions;  // the decisions that shaped it: "cell.edge_0_1"
};

// "conv", "batch_norm", …: the name in files and on wires.
absl::string_view OperationName(OperationKind kind);
absl::StatusOr<OperationKind> ParseOperationKind(absl::string_view name);

// The arguments that `kind` reads, in the order of files.
absl::Span<const ArgumentField* const> ArgumentsOf(OperationKind kind);

// What leaves `kind` when `inputs` come in (for kInput: the example itself). Bounded: 10^6
// channels, 10^6 a side, 2^40 values, 2^45 parameters and as many multiply-accumulates an
// operation. \error kInvalidArgument, in words for the author of a space, if that cannot work.
absl::StatusOr<Shape> OutputShape(OperationKind kind, const OperationArguments& arguments,
                                  absl::Span<const Shape> inputs);

// Trainable parameters, running statistics not counted.
int64_t ParameterCount(OperationKind kind, const OperationArguments& arguments,
                       absl::Span<const Shape> inputs);

// Multiply-accumulates of one example: convolutions, linear layers and attention; nothing else
// counts.
int64_t MacCount(OperationKind kind, const OperationArguments& arguments,
                 absl::Span<const Shape> inputs);

// Whether the operation holds trainable weights. Two such operations are never the same value.
bool HasWeights(OperationKind kind);
// Whether the order of the inputs does not matter (sum, mean, product).
bool IsCommutative(OperationKind kind);

}  // namespace cambrian
