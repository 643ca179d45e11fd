#include "client/draw/nodes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace cambrian {
namespace {

using K = OperationKind;

Family FamilyOf(K kind) {
  switch (kind) {
    case K::kInput:
      return Family::kEnd;
    case K::kConv:
    case K::kFactorizedReduce:
    case K::kPatches:
      return Family::kConvolution;
    case K::kResizeInput:
    case K::kMaxPool:
    case K::kAvgPool:
    case K::kGlobalPool:
    case K::kResize:
      return Family::kPooling;
    case K::kBatchNorm:
    case K::kLayerNorm:
      return Family::kNorm;
    case K::kSum:
    case K::kMean:
    case K::kProduct:
    case K::kConcat:
      return Family::kJoin;
    case K::kLinear:
    case K::kSqueeze:
    case K::kAttention:
    case K::kPositions:
      return Family::kLinear;
    default:
      return Family::kActivation;
  }
}

// Whether the operation may stand before or after a main one in its node.
bool Accompanies(Family family) { return family == Family::kNorm || family == Family::kActivation; }

bool IsDepthwise(const Operation& operation) {
  return operation.kind == K::kConv && operation.arguments.groups > 1 &&
         operation.arguments.groups == operation.shape.channels;
}

bool IsPointwise(const Operation& operation) {
  return operation.kind == K::kConv && operation.arguments.kernel == 1 &&
         operation.arguments.stride == 1 && operation.arguments.groups == 1;
}

// Whether `next`, the only reader of the node's last operation, reads as a part of the node.
bool Extends(const Network& network, const DrawnNode& node, size_t next) {
  const Operation& operation = network.operations[next];
  const Operation& last = network.operations[node.operations.back()];
  const Family family = FamilyOf(operation.kind);
  if (node.family == Family::kEnd || node.family == Family::kJoin || family == Family::kJoin ||
      last.decisions != operation.decisions) {
    return false;
  }
  if (family == Family::kActivation) {
    // Where activations come first ("relu, conv, batch norm"), this one begins the next node.
    const K first = network.operations[node.operations.front()].kind;
    return FamilyOf(first) != Family::kActivation;
  }
  if (family == Family::kNorm) return true;
  if (family == Family::kPooling) return false;
  return Accompanies(node.family) || (IsDepthwise(last) && IsPointwise(operation));
}

std::string Square(int64_t side, const Shape& shape) {
  return shape.axes.size() == 2 ? absl::StrCat(side, "×", side) : absl::StrCat(side);
}

// "max pool 3×3 /2".
std::string Windowed(absl::string_view name, const Operation& operation) {
  const OperationArguments& arguments = operation.arguments;
  std::string text = absl::StrCat(name, " ", Square(arguments.kernel, operation.shape));
  if (arguments.stride > 1) absl::StrAppend(&text, " /", arguments.stride);
  if (arguments.dilation > 1) absl::StrAppend(&text, ", dilated ", arguments.dilation);
  return text;
}

std::string ConvText(const Operation& operation, absl::string_view name) {
  std::string text = Windowed(name, operation);
  if (operation.arguments.groups > 1 && !IsDepthwise(operation)) {
    absl::StrAppend(&text, ", ", operation.arguments.groups, " groups");
  }
  return text;
}

std::string OperationText(const Operation& operation) {
  const OperationArguments& arguments = operation.arguments;
  switch (operation.kind) {
    case K::kInput:
      return absl::StrCat("input ", operation.shape.ToString());
    case K::kConv:
      return ConvText(operation, IsDepthwise(operation) ? "depthwise conv" : "conv");
    case K::kFactorizedReduce:
      return "factorised reduction /2";
    case K::kMaxPool:
      return Windowed("max pool", operation);
    case K::kAvgPool:
      return Windowed("average pool", operation);
    case K::kDropout:
      return absl::StrCat("dropout ", arguments.rate);
    case K::kSqueeze:
      return absl::StrCat("squeeze to ", arguments.hidden);
    case K::kAttention:
      return absl::StrCat(arguments.causal ? "causal attention, " : "attention, ", arguments.heads,
                          " × ", arguments.head_size);
    case K::kPatches:
      return absl::StrCat("patches ", arguments.size, "×", arguments.size);
    case K::kSum:
      return "+";
    case K::kProduct:
      return "×";
    default:
      return absl::StrReplaceAll(OperationName(operation.kind), {{"_", " "}});
  }
}

// The innermost repeat that holds the operation: a node does not reach across its border.
int RepeatOf(const Folding& folding, size_t operation) {
  int innermost = -1;
  for (size_t r = 0; r < folding.repeats.size(); ++r) {
    const Repeat& repeat = folding.repeats[r];
    if (repeat.begin <= operation && operation < repeat.end) innermost = static_cast<int>(r);
  }
  return innermost;
}

}  // namespace

std::vector<DrawnNode> MakeNodes(const Network& network, const Folding& folding) {
  const size_t count = network.operations.size();
  std::vector<int> readers(count, 0);
  for (size_t i = 0; i < count; ++i) {
    if (folding.stands_for[i] != i) continue;
    for (const int input : network.operations[i].inputs) ++readers[folding.stands_for[input]];
  }
  std::vector<DrawnNode> nodes;
  std::vector<size_t> node_of(count, 0);
  for (size_t i = 0; i < count; ++i) {
    if (folding.stands_for[i] != i) continue;
    const Operation& operation = network.operations[i];
    if (operation.inputs.size() == 1) {
      const size_t input = folding.stands_for[operation.inputs[0]];
      DrawnNode& before = nodes[node_of[input]];
      if (readers[input] == 1 && RepeatOf(folding, input) == RepeatOf(folding, i) &&
          Extends(network, before, i)) {
        before.operations.push_back(i);
        const Family family = FamilyOf(operation.kind);
        if (Accompanies(before.family) && !Accompanies(family)) before.family = family;
        node_of[i] = node_of[input];
        continue;
      }
    }
    node_of[i] = nodes.size();
    nodes.push_back({{i}, FamilyOf(operation.kind)});
  }
  return nodes;
}

std::string NodeText(const Network& network, const DrawnNode& node) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < node.operations.size(); ++i) {
    const Operation& operation = network.operations[node.operations[i]];
    const bool separable = IsDepthwise(operation) && i + 1 < node.operations.size() &&
                           IsPointwise(network.operations[node.operations[i + 1]]);
    texts.push_back(separable ? ConvText(operation, "separable conv") : OperationText(operation));
    if (separable) ++i;
  }
  return absl::StrJoin(texts, ", ");
}

}  // namespace cambrian
