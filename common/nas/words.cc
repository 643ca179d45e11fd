#include "common/nas/words.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

using Type = WordArgument::Type;
using Kind = OperationKind;

std::optional<Kind> Activation(absl::string_view name) {
  static constexpr std::pair<absl::string_view, Kind> kAll[] = {
      {"relu", Kind::kRelu},           {"relu6", Kind::kRelu6}, {"gelu", Kind::kGelu},
      {"silu", Kind::kSilu},           {"tanh", Kind::kTanh},   {"sigmoid", Kind::kSigmoid},
      {"hard_swish", Kind::kHardSwish}};
  for (const auto& [word, kind] : kAll) {
    if (word == name) return kind;
  }
  return std::nullopt;
}

bool Absent(absl::string_view text) { return text == "none" || text == "identity"; }

absl::StatusOr<Value> AddNorm(WordContext& c, Value x, absl::string_view norm,
                              absl::string_view suffix) {
  if (Absent(norm)) return x;
  if (norm == "batch") return c.Add(Kind::kBatchNorm, {}, x, suffix);
  if (norm == "layer") return c.Add(Kind::kLayerNorm, {}, x, suffix);
  return absl::InvalidArgumentError(
      absl::StrCat("norm is batch, layer or none, not \"", norm, "\""));
}

absl::StatusOr<Value> AddActivation(WordContext& c, Value x, absl::string_view act,
                                    absl::string_view suffix) {
  if (Absent(act)) return x;
  const std::optional<Kind> kind = Activation(act);
  if (!kind) {
    return absl::InvalidArgumentError(absl::StrCat(
        "act is relu, relu6, gelu, silu, sigmoid, tanh, hard_swish or none, not \"", act, "\""));
  }
  return c.Add(*kind, {}, x, suffix);
}

// The `norm:` and `act:` that may follow an operation's own primitive.
absl::StatusOr<Value> AddNormAndAct(WordContext& c, Value x) {
  ASSIGN_OR_RETURN(x, AddNorm(c, x, c.Text("norm", "none"), "norm"));
  return AddActivation(c, x, c.Text("act", "none"), "act");
}

bool HasNormOrAct(const WordContext& c) {
  return !Absent(c.Text("norm", "none")) || !Absent(c.Text("act", "none"));
}

OperationArguments ConvArguments(const WordContext& c, int64_t in) {
  OperationArguments a;
  a.out = c.Int("out", in);
  a.kernel = c.Int("kernel", 1);
  a.stride = c.Int("stride", 1);
  a.dilation = c.Int("dilation", 1);
  return a;
}

absl::StatusOr<Value> Conv(WordContext& c, Value x) {
  OperationArguments a = ConvArguments(c, c.ShapeOf(x).channels);
  a.groups = c.Int("groups", 1);
  a.bias = c.Bool("bias", false);
  ASSIGN_OR_RETURN(x, c.Add(Kind::kConv, a, x, HasNormOrAct(c) ? "conv" : ""));
  return AddNormAndAct(c, x);
}

absl::StatusOr<Value> SepConv(WordContext& c, Value x) {
  const int64_t in = c.ShapeOf(x).channels;
  OperationArguments depthwise = ConvArguments(c, in);
  OperationArguments pointwise;
  pointwise.out = depthwise.out;
  depthwise.out = in;
  depthwise.groups = in;
  ASSIGN_OR_RETURN(x, c.Add(Kind::kConv, depthwise, x, "depthwise"));
  ASSIGN_OR_RETURN(x, c.Add(Kind::kConv, pointwise, x, "pointwise"));
  return AddNormAndAct(c, x);
}

absl::StatusOr<Value> AddSqueeze(WordContext& c, Value x, double ratio, absl::string_view suffix) {
  if (ratio <= 0) return x;
  OperationArguments a;
  a.hidden = std::max<int64_t>(1, std::llround(ratio * static_cast<double>(c.ShapeOf(x).channels)));
  return c.Add(Kind::kSqueeze, a, x, suffix);
}

absl::StatusOr<Value> Squeeze(WordContext& c, Value x) {
  return AddSqueeze(c, x, c.Real("ratio", 0.25), "");
}

// Inverted residual (Sandler et al. 2018), with squeeze-and-excitation after the depthwise
// convolution (Howard et al. 2019).
absl::StatusOr<Value> MbConv(WordContext& c, Value x) {
  const Value input = x;
  const int64_t in = c.ShapeOf(x).channels;
  const int64_t out = c.Int("out", in);
  const int64_t stride = c.Int("stride", 1);
  const std::string norm = c.Text("norm", "batch");
  const std::string act = c.Text("act", "relu6");
  const int64_t hidden = std::llround(static_cast<double>(in) * c.Real("expand", 6));
  if (hidden != in) {
    OperationArguments expand;
    expand.out = hidden;
    ASSIGN_OR_RETURN(x, c.Add(Kind::kConv, expand, x, "expand"));
    ASSIGN_OR_RETURN(x, AddNorm(c, x, norm, "expand_norm"));
    ASSIGN_OR_RETURN(x, AddActivation(c, x, act, "expand_act"));
  }
  OperationArguments depthwise;
  depthwise.out = hidden;
  depthwise.groups = hidden;
  depthwise.kernel = c.Int("kernel", 3);
  depthwise.stride = stride;
  ASSIGN_OR_RETURN(x, c.Add(Kind::kConv, depthwise, x, "depthwise"));
  ASSIGN_OR_RETURN(x, AddNorm(c, x, norm, "depthwise_norm"));
  ASSIGN_OR_RETURN(x, AddActivation(c, x, act, "depthwise_act"));
  ASSIGN_OR_RETURN(x, AddSqueeze(c, x, c.Real("se", 0), "squeeze"));
  OperationArguments project;
  project.out = out;
  ASSIGN_OR_RETURN(x, c.Add(Kind::kConv, project, x, "project"));
  ASSIGN_OR_RETURN(x, AddNorm(c, x, norm, "project_norm"));
  if (stride == 1 && out == in) return c.AddSum(x, input);
  return x;
}

// Both kinds of pooling.
template <OperationKind kind>
absl::StatusOr<Value> Pool(WordContext& c, Value x) {
  OperationArguments a;
  a.kernel = c.Int("kernel", 2);
  a.stride = c.Int("stride", 1);
  a.count_padding = c.Bool("count_padding", true);
  return c.Add(kind, a, x);
}

template <OperationKind kind>
absl::StatusOr<Value> Plain(WordContext& c, Value x) {
  return c.Add(kind, {}, x);
}

absl::StatusOr<Value> Linear(WordContext& c, Value x) {
  OperationArguments a;
  a.out = c.Int("out", c.ShapeOf(x).channels);
  a.bias = c.Bool("bias", true);
  ASSIGN_OR_RETURN(x, c.Add(Kind::kLinear, a, x, HasNormOrAct(c) ? "linear" : ""));
  return AddNormAndAct(c, x);
}

absl::StatusOr<Value> Dropout(WordContext& c, Value x) {
  OperationArguments a;
  a.rate = c.Real("rate", 0.5);
  return c.Add(Kind::kDropout, a, x);
}

absl::StatusOr<Value> Attention(WordContext& c, Value x) {
  OperationArguments a;
  a.heads = c.Int("heads", 1);
  a.causal = c.Bool("causal", false);
  const int64_t in = c.ShapeOf(x).channels;
  a.head_size = c.Int("head_size", in / a.heads);
  if (c.Int("head_size", 0) == 0 && in % a.heads != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(in, " channels cannot be split into ", a.heads, " heads; write a head_size"));
  }
  return c.Add(Kind::kAttention, a, x);
}

absl::StatusOr<Value> Patches(WordContext& c, Value x) {
  OperationArguments a;
  a.size = c.Int("size", 1);
  a.out = c.Int("out", c.ShapeOf(x).channels);
  return c.Add(Kind::kPatches, a, x);
}

// The stride that takes every axis of `from` to that of `to`, rounded up; 1 if no axis shrinks.
int64_t ShrinkBy(const std::vector<int64_t>& from, const std::vector<int64_t>& to) {
  int64_t stride = 1;
  for (size_t i = 0; i < from.size(); ++i) stride = std::max(stride, (from[i] + to[i] - 1) / to[i]);
  return stride;
}

// The language's only repair: `input` made `channels` × `axes`, or itself if it is that already.
absl::StatusOr<Value> FitTo(WordContext& c, Value input, int64_t channels,
                            const std::vector<int64_t>& axes) {
  const Shape from = c.ShapeOf(input);
  if (from.channels == channels && from.axes == axes) return input;
  if (from.axes.size() != axes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(from.ToString(), " cannot be fitted to ", Shape{channels, axes}.ToString()));
  }
  const int64_t stride = ShrinkBy(from.axes, axes);
  Value x = input;
  if (stride > 1 || from.channels != channels) {
    OperationArguments a;
    a.out = channels;
    ASSIGN_OR_RETURN(x, AddActivation(c, x, c.Text("act", "relu"), "act"));
    if (stride == 1 && from.axes.size() < 2) {
      a.bias = true;
      ASSIGN_OR_RETURN(x, c.Add(Kind::kLinear, a, x, "linear"));
    } else {
      a.stride = stride;
      // DARTS's factorised reduction sees every position, a strided 1×1 convolution one in four.
      const bool halves = stride == 2 && channels > 1;
      if (halves) a.stride = 1;
      ASSIGN_OR_RETURN(x, c.Add(halves ? Kind::kFactorizedReduce : Kind::kConv, a, x, "conv"));
      ASSIGN_OR_RETURN(x, AddNorm(c, x, c.Text("norm", "batch"), "norm"));
    }
  }
  if (c.ShapeOf(x).axes == axes) return x;
  OperationArguments resize;
  resize.axes = axes;
  return c.Add(Kind::kResize, resize, x, "resize");
}

std::vector<int64_t> Divided(const std::vector<int64_t>& axes, double by) {
  std::vector<int64_t> divided;
  for (const int64_t axis : axes) {
    divided.push_back(
        std::max<int64_t>(1, std::llround(std::ceil(static_cast<double>(axis) / by))));
  }
  return divided;
}

absl::StatusOr<Value> Fit(WordContext& c, Value x) {
  const Shape& from = c.ShapeOf(x);
  int64_t channels = from.channels;
  std::vector<int64_t> axes = from.axes;
  if (c.target() != nullptr) {
    channels = c.target()->channels.value_or(channels);
    axes = c.target()->axes.value_or(axes);
  }
  channels = c.Int("out", channels);
  if (const double scale = c.Real("scale", 0); scale > 0)
    axes = Divided(c.input_shape().axes, scale);
  return FitTo(c, x, channels, axes);
}

absl::StatusOr<Value> Skip(WordContext& c, Value x) {
  const int64_t stride = c.Int("stride", 1);
  if (stride == 1) return x;
  const Shape& from = c.ShapeOf(x);
  return FitTo(c, x, from.channels, Divided(from.axes, static_cast<double>(stride)));
}

absl::StatusOr<Value> None(WordContext&, Value) { return kNothing; }

absl::StatusOr<Value> Head(WordContext& c, Value x) {
  if (!c.ShapeOf(x).axes.empty()) {
    ASSIGN_OR_RETURN(x, c.Add(Kind::kGlobalPool, {}, x, "pool"));
  }
  OperationArguments a;
  a.bias = true;
  if (const int64_t hidden = c.Int("hidden", 0); hidden > 0) {
    a.out = hidden;
    ASSIGN_OR_RETURN(x, c.Add(Kind::kLinear, a, x, "hidden"));
    ASSIGN_OR_RETURN(x, AddActivation(c, x, c.Text("act", "relu"), "act"));
  }
  a.out = c.classes();
  return c.Add(Kind::kLinear, a, x, "classes");
}

absl::StatusOr<Value> Input(WordContext& c, Value x) {
  OperationArguments a;
  a.size = c.Int("size", 1);
  const std::vector<int64_t>& axes = c.ShapeOf(x).axes;
  if (std::all_of(axes.begin(), axes.end(), [&](int64_t axis) { return axis == a.size; })) return x;
  return c.Add(Kind::kResizeInput, a, x, "resize");  // "input" is the example's own place
}

const std::vector<Word>& Words() {
  static const auto& words = *new std::vector<Word>{
      {"input", {{"size", Type::kCount, true}}, Input},
      {"head", {{"hidden", Type::kNatural}, {"act", Type::kText}}, Head},
      {"skip", {{"stride", Type::kCount}}, Skip},
      {"identity", {}, Skip},
      {"none", {{"stride", Type::kCount}}, None},
      {"fit",
       {{"out", Type::kCount},
        {"scale", Type::kPositive},
        {"act", Type::kText},
        {"norm", Type::kText}},
       Fit},
      {"conv",
       {{"kernel", Type::kCount},
        {"out", Type::kCount},
        {"stride", Type::kCount},
        {"dilation", Type::kCount},
        {"groups", Type::kCount},
        {"bias", Type::kBool},
        {"norm", Type::kText},
        {"act", Type::kText}},
       Conv},
      {"sep_conv",
       {{"kernel", Type::kCount},
        {"out", Type::kCount},
        {"stride", Type::kCount},
        {"dilation", Type::kCount},
        {"norm", Type::kText},
        {"act", Type::kText}},
       SepConv},
      {"mbconv",
       {{"out", Type::kCount},
        {"kernel", Type::kCount},
        {"stride", Type::kCount},
        {"expand", Type::kPositive},
        {"se", Type::kFraction},
        {"act", Type::kText},
        {"norm", Type::kText}},
       MbConv},
      {"linear",
       {{"out", Type::kCount}, {"bias", Type::kBool}, {"norm", Type::kText}, {"act", Type::kText}},
       Linear},
      {"max_pool", {{"kernel", Type::kCount}, {"stride", Type::kCount}}, Pool<Kind::kMaxPool>},
      {"avg_pool",
       {{"kernel", Type::kCount}, {"stride", Type::kCount}, {"count_padding", Type::kBool}},
       Pool<Kind::kAvgPool>},
      {"global_pool", {}, Plain<Kind::kGlobalPool>},
      {"batch_norm", {}, Plain<Kind::kBatchNorm>},
      {"layer_norm", {}, Plain<Kind::kLayerNorm>},
      {"relu", {}, Plain<Kind::kRelu>},
      {"relu6", {}, Plain<Kind::kRelu6>},
      {"gelu", {}, Plain<Kind::kGelu>},
      {"silu", {}, Plain<Kind::kSilu>},
      {"sigmoid", {}, Plain<Kind::kSigmoid>},
      {"tanh", {}, Plain<Kind::kTanh>},
      {"hard_swish", {}, Plain<Kind::kHardSwish>},
      {"dropout", {{"rate", Type::kFraction}}, Dropout},
      {"squeeze", {{"ratio", Type::kFraction}}, Squeeze},
      {"attention",
       {{"heads", Type::kCount}, {"head_size", Type::kCount}, {"causal", Type::kBool}},
       Attention},
      {"patches", {{"size", Type::kCount, true}, {"out", Type::kCount, true}}, Patches},
      {"positions", {}, Plain<Kind::kPositions>},
  };
  return words;
}

}  // namespace

int Word::FindArgument(absl::string_view argument) const {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].name == argument) return static_cast<int>(i);
  }
  return -1;
}

const Word* FindWord(absl::string_view name) {
  for (const Word& word : Words()) {
    if (word.name == name) return &word;
  }
  return nullptr;
}

std::vector<std::string> WordNames() {
  std::vector<std::string> names;
  for (const Word& word : Words()) names.emplace_back(word.name);
  return names;
}

bool IsReservedWord(absl::string_view name) {
  static constexpr absl::string_view kReserved[] = {
      "inner", "core",  "recurrent", "repeats", "widths", "embed", "lstm",
      "gru",   "gated", "columns",   "tabnet",  "mel",    "aspp",  "as_image"};
  return std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved);
}

absl::Status CheckArgument(const WordArgument& argument, const Scalar& value) {
  const auto wrong = [&](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(argument.name, " must be ", what, ", not ", value.ToString()));
  };
  const bool number = value.kind == Scalar::Kind::kNumber;
  const bool whole = number && std::abs(value.number - std::round(value.number)) < 1e-9 &&
                     std::abs(value.number) < 1e9;
  switch (argument.type) {
    case Type::kCount:
      return whole && value.number > 0.5 ? absl::OkStatus() : wrong("an integer of at least 1");
    case Type::kNatural:
      return whole && value.number > -0.5 ? absl::OkStatus() : wrong("an integer of at least 0");
    case Type::kPositive:
      return number && value.number > 0 && value.number < 1e9 ? absl::OkStatus()
                                                              : wrong("a number above 0");
    case Type::kFraction:
      return number && value.number >= 0 && value.number <= 1 ? absl::OkStatus()
                                                              : wrong("a number from 0 to 1");
    case Type::kBool:
      return value.kind == Scalar::Kind::kBool ? absl::OkStatus() : wrong("true or false");
    case Type::kText:
      return value.kind == Scalar::Kind::kText ? absl::OkStatus() : wrong("a word");
  }
  return absl::InternalError("unknown type of argument");
}

const std::optional<Scalar>& WordContext::Find(absl::string_view name) const {
  static const std::optional<Scalar> kAbsent;
  const int index = word_.FindArgument(name);
  return index < 0 ? kAbsent : arguments_[index];
}

int64_t WordContext::Int(absl::string_view name, int64_t otherwise) const {
  const std::optional<Scalar>& value = Find(name);
  return value ? std::llround(value->number) : otherwise;
}

double WordContext::Real(absl::string_view name, double otherwise) const {
  const std::optional<Scalar>& value = Find(name);
  return value ? value->number : otherwise;
}

bool WordContext::Bool(absl::string_view name, bool otherwise) const {
  const std::optional<Scalar>& value = Find(name);
  return value ? value->number != 0 : otherwise;
}

std::string WordContext::Text(absl::string_view name, absl::string_view otherwise) const {
  const std::optional<Scalar>& value = Find(name);
  return value ? value->text : std::string(otherwise);
}

}  // namespace cambrian
