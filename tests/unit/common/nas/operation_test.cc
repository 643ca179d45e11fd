#include "common/nas/operation.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using K = OperationKind;

struct Case {
  const char* name;
  K kind;
  OperationArguments arguments;
  std::vector<Shape> inputs;
  Shape shape;
  int64_t parameters;
  int64_t macs;
};

OperationArguments Conv(int64_t out, int64_t kernel, int64_t stride = 1, int64_t groups = 1,
                        bool bias = false) {
  OperationArguments arguments;
  arguments.out = out;
  arguments.kernel = kernel;
  arguments.stride = stride;
  arguments.groups = groups;
  arguments.bias = bias;
  return arguments;
}

OperationArguments With(int64_t OperationArguments::*member, int64_t value) {
  OperationArguments arguments;
  arguments.*member = value;
  return arguments;
}

OperationArguments Attention(int64_t heads, int64_t head_size) {
  OperationArguments arguments;
  arguments.heads = heads;
  arguments.head_size = head_size;
  return arguments;
}

OperationArguments Patches(int64_t size, int64_t out) {
  OperationArguments arguments;
  arguments.size = size;
  arguments.out = out;
  return arguments;
}

OperationArguments Axes(std::vector<int64_t> axes) {
  OperationArguments arguments;
  arguments.axes = std::move(axes);
  return arguments;
}

class OperationCaseTest : public ::testing::TestWithParam<Case> {};

TEST_P(OperationCaseTest, GivesShapeParametersAndMacs) {
  const Case& c = GetParam();
  const absl::StatusOr<Shape> shape = OutputShape(c.kind, c.arguments, c.inputs);
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->ToString(), c.shape.ToString());
  EXPECT_EQ(ParameterCount(c.kind, c.arguments, c.inputs), c.parameters);
  EXPECT_EQ(MacCount(c.kind, c.arguments, c.inputs), c.macs);
}

const Shape kImage{16, {32, 32}};
const Shape kOdd{16, {7, 5}};
const Shape kSequence{16, {10}};
const Shape kRow{16, {}};

INSTANTIATE_TEST_SUITE_P(
    All, OperationCaseTest,
    ::testing::Values(
        Case{"Input", K::kInput, {}, {kImage}, kImage, 0, 0},
        Case{"ResizeInput",
             K::kResizeInput,
             With(&OperationArguments::size, 8),
             {kImage},
             {16, {8, 8}},
             0,
             0},
        Case{"Conv", K::kConv, Conv(32, 3), {kImage}, {32, {32, 32}}, 4608, 4608 * 1024},
        Case{"ConvBias",
             K::kConv,
             Conv(32, 3, 1, 1, true),
             {kImage},
             {32, {32, 32}},
             4640,
             4608 * 1024},
        Case{"ConvStride", K::kConv, Conv(32, 3, 2), {kOdd}, {32, {4, 3}}, 4608, 4608 * 12},
        Case{"ConvDepthwise", K::kConv, Conv(16, 5, 1, 16), {kImage}, kImage, 400, 400 * 1024},
        Case{"ConvSequence", K::kConv, Conv(8, 3), {kSequence}, {8, {10}}, 384, 3840},
        Case{"FactorizedReduce",
             K::kFactorizedReduce,
             With(&OperationArguments::out, 9),
             {kOdd},
             {9, {4, 3}},
             144,
             144 * 12},
        Case{"LinearRow", K::kLinear, Conv(10, 1, 1, 1, true), {kRow}, {10, {}}, 170, 160},
        Case{"LinearSequence", K::kLinear, Conv(4, 1), {kSequence}, {4, {10}}, 64, 640},
        Case{"BatchNorm", K::kBatchNorm, {}, {kImage}, kImage, 32, 0},
        Case{"LayerNorm", K::kLayerNorm, {}, {kSequence}, kSequence, 32, 0},
        Case{"Relu", K::kRelu, {}, {kRow}, kRow, 0, 0},
        Case{"MaxPool", K::kMaxPool, Conv(0, 3, 2), {kOdd}, {16, {4, 3}}, 0, 0},
        Case{"AvgPool", K::kAvgPool, Conv(0, 3), {kOdd}, kOdd, 0, 0},
        Case{"GlobalPool", K::kGlobalPool, {}, {kOdd}, kRow, 0, 0},
        Case{"Resize", K::kResize, Axes({3, 9}), {kOdd}, {16, {3, 9}}, 0, 0},
        Case{"Dropout", K::kDropout, {}, {kRow}, kRow, 0, 0},
        Case{"Squeeze",
             K::kSqueeze,
             With(&OperationArguments::hidden, 4),
             {kImage},
             kImage,
             16 * 4 + 4 + 4 * 16 + 16,
             128},
        Case{"Attention",
             K::kAttention,
             Attention(2, 4),
             {kSequence},
             kSequence,
             3 * 16 * 8 + 3 * 8 + 8 * 16 + 16,
             10 * 4 * 16 * 8 + 2 * 10 * 10 * 8},
        Case{"Patches",
             K::kPatches,
             Patches(8, 24),
             {kImage},
             {24, {16}},
             8 * 8 * 16 * 24 + 24,
             8 * 8 * 16 * 24 * 16},
        Case{"Positions", K::kPositions, {}, {kSequence}, kSequence, 160, 0},
        Case{"Sum", K::kSum, {}, {kRow, kRow, kRow}, kRow, 0, 0},
        Case{"Product", K::kProduct, {}, {kOdd, kOdd}, kOdd, 0, 0},
        Case{"Concat", K::kConcat, {}, {kOdd, Shape{3, {7, 5}}}, {19, {7, 5}}, 0, 0}),
    [](const auto& info) { return info.param.name; });

struct Refused {
  K kind;
  OperationArguments arguments;
  std::vector<Shape> inputs;
  const char* message;
};

TEST(OperationTest, SaysWhyAShapeCannotWork) {
  const Refused cases[] = {
      {K::kSum, {}, {{32, {16, 16}}, {64, {8, 8}}}, "sum of 32×16×16 and 64×8×8"},
      {K::kConcat, {}, {kOdd, kImage, kOdd}, "concat of 16×7×5, 16×32×32 and 16×7×5"},
      {K::kSum, {}, {kRow}, "sum takes two inputs or more; it has 1"},
      {K::kRelu, {}, {kRow, kRow}, "relu takes one input; it has 2"},
      {K::kConv, Conv(32, 3), {kRow}, "conv works on a sequence or image; 16 is a row"},
      {K::kAttention,
       Attention(1, 8),
       {kImage},
       "attention works on a sequence; 16×32×32 is an image"},
      {K::kPatches,
       Patches(5, 8),
       {kImage},
       "patches: size 5 does not divide the sides of 16×32×32"},
      {K::kConv, Conv(32, 0), {kImage}, "conv: kernel is 0; it may be 1 to 255"},
      {K::kConv, Conv(-1, 3), {kImage}, "conv: out is -1"},
      {K::kConv, Conv(32, 3, 1, 3), {kImage}, "groups (3) must divide the 16 channels"},
      {K::kConv, Conv(32, 3, 1, 0), {kImage}, "groups is 0"},
      {K::kConv, Conv(1'000'000, 255), {{1'000'000, {1000}}}, "too large"},
      {K::kResizeInput,
       With(&OperationArguments::size, 10'000),
       {{1'000'000, {1, 1}}},
       "too large"},
      {K::kResize, Axes({3}), {kOdd}, "resize to 1 axes of 16×7×5"},
      {K::kFactorizedReduce, With(&OperationArguments::out, 1), {kOdd}, "out must be 2 or more"},
      {K::kInput, {}, {{0, {}}}, "empty"},
      {K::kInput, {}, {{1, {1'000'000, 1'000'000, 1'000'000}}}, "neither"},
  };
  for (const Refused& c : cases) {
    const absl::Status status = OutputShape(c.kind, c.arguments, c.inputs).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
  OperationArguments dropout;
  dropout.rate = 1;
  EXPECT_FALSE(OutputShape(K::kDropout, dropout, {kRow}).ok());
}

TEST(OperationTest, NamesAreReadBack) {
  for (int i = 0; i <= static_cast<int>(K::kConcat); ++i) {
    const auto kind = static_cast<K>(i);
    const absl::StatusOr<K> read = ParseOperationKind(OperationName(kind));
    ASSERT_TRUE(read.ok()) << OperationName(kind);
    EXPECT_EQ(*read, kind);
  }
  EXPECT_FALSE(ParseOperationKind("convolution").ok());
}

TEST(OperationTest, KnowsTheArgumentsOfEachKind) {
  std::vector<std::string> names;
  for (const ArgumentField* field : ArgumentsOf(K::kConv)) names.emplace_back(field->name);
  EXPECT_THAT(names,
              ::testing::ElementsAre("out", "kernel", "stride", "dilation", "groups", "bias"));
  EXPECT_TRUE(ArgumentsOf(K::kRelu).empty());
}

}  // namespace
}  // namespace cambrian
