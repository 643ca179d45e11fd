#include "common/nas/canonical_graph.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "absl/container/flat_hash_map.h"

namespace cambrian {
namespace {

using K = OperationKind;

Colour ColourOf(const Operation& operation) {
  Colour colour = Mix(Colour{}, static_cast<uint64_t>(operation.kind) + 1);
  for (const ArgumentField* field : ArgumentsOf(operation.kind)) {
    if (const auto* whole = std::get_if<int64_t OperationArguments::*>(&field->member)) {
      colour = Mix(colour, static_cast<uint64_t>(operation.arguments.**whole));
    } else if (const auto* flag = std::get_if<bool OperationArguments::*>(&field->member)) {
      colour = Mix(colour, operation.arguments.**flag ? 1 : 0);
    } else if (const auto* real = std::get_if<double OperationArguments::*>(&field->member)) {
      uint64_t bits = 0;
      std::memcpy(&bits, &(operation.arguments.**real), sizeof bits);
      colour = Mix(colour, bits);
    } else {
      for (const int64_t axis : operation.arguments.axes) {
        colour = Mix(colour, static_cast<uint64_t>(axis));
      }
    }
  }
  return colour;
}

// Which concats may be reordered without changing what the network can compute.
//
// Another order of a concat's operands is a permutation of its channels. It is carried on by
// operations that treat channels alike (activations, pools, norms, depthwise convolutions, squeeze:
// their own weights are permuted along) and by joins, which ask the same permutation of their other
// operands. It ends at dense operations, whose weights are permuted instead: forward at what they
// read, backward at what they write. So values fall into classes that are permuted together, and a
// concat is unordered if nothing in its class holds the channels fast: the network's input and
// output, a grouped convolution, what leaves a factorised reduction (its halves differ), a second
// concat. A concat that reads a class is permuted within one of its operands, so it must be free,
// too.
class ChannelClasses {
 public:
  explicit ChannelClasses(const CanonicalGraph& graph);

  bool IsFree(size_t operation) { return free_[Find(operation)]; }

 private:
  size_t Find(size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void Tie(size_t a, size_t b) { parent_[Find(a)] = Find(b); }
  // Ties what the operation writes to what it reads; adds to `fixed` what it holds fast.
  void TieOperation(const CanonicalGraph& graph, size_t i, std::vector<size_t>& fixed);

  std::vector<size_t> parent_;
  std::vector<bool> free_;
};

void ChannelClasses::TieOperation(const CanonicalGraph& graph, size_t i,
                                  std::vector<size_t>& fixed) {
  const Operation& operation = graph.operation(i);
  const auto inputs = graph.inputs(i);
  switch (operation.kind) {
    case K::kConcat:
    case K::kLinear:
    case K::kPatches:
    case K::kAttention:
      return;
    case K::kInput:
    case K::kFactorizedReduce:
      fixed.push_back(i);
      return;
    case K::kConv: {
      const int64_t groups = operation.arguments.groups;
      const int64_t in = graph.operation(inputs[0]).shape.channels;
      if (groups == 1) return;
      if (groups == in && groups == operation.shape.channels) break;  // depthwise
      fixed.push_back(i);
      fixed.push_back(inputs[0]);
      return;
    }
    default:
      break;
  }
  for (const int input : inputs) Tie(i, input);
}

ChannelClasses::ChannelClasses(const CanonicalGraph& graph)
    : parent_(graph.size()), free_(graph.size(), true) {
  std::iota(parent_.begin(), parent_.end(), 0);
  std::vector<size_t> fixed = {graph.output()};
  std::vector<size_t> concats;
  for (size_t i = 0; i < graph.size(); ++i) {
    if (!graph.IsUsed(i)) continue;
    if (graph.kind(i) == K::kConcat) concats.push_back(i);
    TieOperation(graph, i, fixed);
  }
  for (const size_t i : fixed) free_[Find(i)] = false;
  std::vector<bool> has_concat(graph.size(), false);
  for (const size_t concat : concats) {
    const size_t root = Find(concat);
    if (has_concat[root]) free_[root] = false;
    has_concat[root] = true;
  }
  // A concat has more channels than what it reads: the widest is decided first.
  std::sort(concats.begin(), concats.end(), [&](size_t a, size_t b) {
    return graph.operation(a).shape.channels > graph.operation(b).shape.channels;
  });
  for (const size_t concat : concats) {
    if (IsFree(concat)) continue;
    for (const int input : graph.inputs(concat)) free_[Find(input)] = false;
  }
}

}  // namespace

// Two independent lanes of multiply and shift, as in MurmurHash3's finaliser (Appleby).
Colour Mix(Colour colour, uint64_t word) {
  colour.high = (colour.high ^ word) * 0xff51afd7ed558ccd;
  colour.high ^= colour.high >> 32;
  colour.low = (colour.low + word) * 0xc4ceb9fe1a85ec53;
  colour.low ^= colour.low >> 29;
  return colour;
}

Colour Mix(Colour colour, Colour other) {
  return Mix(Mix(colour, other.high), other.low ^ (other.high >> 17));
}

CanonicalGraph::CanonicalGraph(const Network& network) : operations_(network.operations) {
  Normalise();
  MarkUsed();
  bool any_concat = false;
  unordered_.resize(size());
  for (size_t i = 0; i < size(); ++i) {
    unordered_[i] = IsCommutative(kind(i));
    any_concat |= used_[i] && kind(i) == K::kConcat;
  }
  if (!any_concat) return;
  ChannelClasses classes(*this);
  for (size_t i = 0; i < size(); ++i) {
    if (kind(i) == K::kConcat) unordered_[i] = classes.IsFree(i);
  }
}

void CanonicalGraph::Normalise() {
  own_colours_.reserve(size());
  first_input_.reserve(size() + 1);
  first_input_.push_back(0);
  std::vector<int> value(size());           // by operation: the first one with the same value
  absl::flat_hash_map<Colour, int> merged;  // by colour and input
  merged.reserve(size());
  for (size_t i = 0; i < size(); ++i) {
    const Operation& operation = operations_[i];
    own_colours_.push_back(ColourOf(operation));
    for (const int input : operation.inputs) inputs_.push_back(value[input]);
    first_input_.push_back(inputs_.size());
    value[i] = static_cast<int>(i);
    if (operation.inputs.size() != 1) continue;
    const int input = inputs_.back();
    if (IsCommutative(operation.kind) || operation.kind == K::kConcat) {
      value[i] = input;
    } else if (!HasWeights(operation.kind) && operation.kind != K::kDropout) {
      const Colour name = Mix(own_colours_[i], static_cast<uint64_t>(input));
      value[i] = merged.emplace(name, value[i]).first->second;
    }
  }
  output_ = static_cast<size_t>(value.back());
}

void CanonicalGraph::MarkUsed() {
  alive_.assign(size(), false);
  used_.assign(size(), false);
  alive_[output_] = used_[output_] = true;
  for (size_t i = output_ + 1; i-- > 0;) {
    if (!used_[i]) continue;
    for (const int input : inputs(i)) {
      used_[input] = true;
      if (!Flattened(input, i)) alive_[input] = true;
    }
  }
}

}  // namespace cambrian
