// The key hashes the graph, in four steps:
// 1. Normalise. A join of one value is that value; operations without weights and with one input
//    are merged where they read the same value; what nothing reads then is dropped.
// 2. Decide which concats may be reordered (`FindUnordered`).
// 3. Refine colours (Weisfeiler and Leman 1968) by sweeps: forward, an operation learns of what it
//    reads; backward, of what reads it. In topological order one sweep carries news from end to
//    end, so a few suffice; they stop when the number of colours no longer grows.
// 4. Hash the colours that are left, as a multiset.
// A multiset is hashed as a sum of scrambled colours. So a sum of sums need not be flattened into a
// list, which could have quadratic length: its operands' hash is the sum of the hashes of its own.
//
// Colours cannot tell some regular graphs apart (six convolutions summed in pairs around one ring
// of six, or two of three): such networks share a key. Random graphs are not like that.
#include "common/nas/canonical_key.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"

namespace cambrian {
namespace {

using Colour = CanonicalKey;
using K = OperationKind;

// Two independent lanes of the finaliser of MurmurHash3 (Appleby), each with a multiplier of its
// own. The same on every machine: keys are stored.
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

// A colour as a member of a multiset, at a position that counts.
Colour Scramble(Colour colour, uint64_t position) {
  colour = Mix(Mix(colour, position + 1), 0x9e3779b97f4a7c15);
  return {colour.high * 0x2545f4914f6cdd1d, colour.low * 0xd6e8feb86659fd93};
}

void Add(Colour& sum, Colour term) {
  sum.high += term.high;
  sum.low += term.low;
}

// What an operation is by itself: its kind and the arguments that it reads.
Colour OwnColour(const Operation& operation) {
  Colour colour = Mix(Colour{}, static_cast<uint64_t>(operation.kind) + 1);
  for (const ArgumentField* field : ArgumentsOf(operation.kind)) {
    if (const auto* whole = std::get_if<int64_t OperationArguments::*>(&field->member)) {
      colour = Mix(colour, static_cast<uint64_t>(operation.arguments.**whole));
    } else if (const auto* flag = std::get_if<bool OperationArguments::*>(&field->member)) {
      colour = Mix(colour, operation.arguments.**flag ? 1 : 0);
    } else if (std::holds_alternative<double OperationArguments::*>(field->member)) {
      uint64_t bits = 0;
      std::memcpy(&bits, &operation.arguments.rate, sizeof bits);
      colour = Mix(colour, bits);
    } else {
      for (const int64_t axis : operation.arguments.axes) {
        colour = Mix(colour, static_cast<uint64_t>(axis));
      }
    }
  }
  return colour;
}

// (x + y) + z is x + y + z; a mean of means is not.
bool Flattens(K kind) { return kind == K::kSum || kind == K::kProduct; }

// The network after normalisation: operations by their index in it, those alive marked.
struct Graph {
  explicit Graph(const Network& network);

  size_t size() const { return operations.size(); }
  K kind(size_t i) const { return operations[i].kind; }
  absl::Span<const int> inputs(size_t i) const {
    return absl::MakeConstSpan(edges).subspan(first[i], first[i + 1] - first[i]);
  }
  // Whether operation `i`, a sum or product, only passes its operands on to its reader `reader`.
  bool Flattened(size_t i, size_t reader) const {
    return kind(i) == kind(reader) && Flattens(kind(i));
  }

  const std::vector<Operation>& operations;
  std::vector<Colour> own;    // OwnColour
  std::vector<int> edges;     // the inputs of all, in a row
  std::vector<size_t> first;  // where an operation's begin
  std::vector<bool> alive;    // a value of its own: read by more than what flattens it
  std::vector<bool> used;     // alive, or flattened into what is
  size_t output = 0;
};

Graph::Graph(const Network& network) : operations(network.operations) {
  const size_t count = operations.size();
  own.reserve(count);
  first.reserve(count + 1);
  first.push_back(0);
  std::vector<int> value(count);  // the operation whose value it is
  absl::flat_hash_map<Colour, int> merged;
  merged.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const Operation& operation = operations[i];
    own.push_back(OwnColour(operation));
    for (const int input : operation.inputs) edges.push_back(value[input]);
    first.push_back(edges.size());
    value[i] = static_cast<int>(i);
    if (operation.inputs.size() != 1) continue;
    const int input = edges.back();
    if (IsCommutative(operation.kind) || operation.kind == K::kConcat) {
      value[i] = input;
    } else if (!HasWeights(operation.kind) && operation.kind != K::kDropout) {
      const Colour name = Mix(own[i], static_cast<uint64_t>(input));
      value[i] = merged.emplace(name, value[i]).first->second;
    }
  }
  output = static_cast<size_t>(value.back());
  alive.assign(count, false);
  used.assign(count, false);
  alive[output] = used[output] = true;
  for (size_t i = output + 1; i-- > 0;) {
    if (!used[i]) continue;
    for (const int input : inputs(i)) {
      used[input] = true;
      if (!Flattened(input, i)) alive[input] = true;
    }
  }
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
  explicit ChannelClasses(const Graph& graph);

  bool IsFree(size_t operation) { return free_[Find(operation)]; }

 private:
  size_t Find(size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void Tie(size_t a, size_t b) { parent_[Find(a)] = Find(b); }
  void TieOperation(const Graph& graph, size_t i, std::vector<size_t>& fixed);

  std::vector<size_t> parent_;
  std::vector<bool> free_;
};

void ChannelClasses::TieOperation(const Graph& graph, size_t i, std::vector<size_t>& fixed) {
  const Operation& operation = graph.operations[i];
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
      if (groups == 1) return;
      if (groups == graph.operations[inputs[0]].shape.channels &&
          groups == operation.shape.channels)
        break;
      fixed.push_back(i);
      fixed.push_back(inputs[0]);
      return;
    }
    default:
      break;
  }
  for (const int input : inputs) Tie(i, input);
}

ChannelClasses::ChannelClasses(const Graph& graph)
    : parent_(graph.size()), free_(graph.size(), true) {
  std::iota(parent_.begin(), parent_.end(), 0);
  std::vector<size_t> fixed = {graph.output};
  std::vector<size_t> concats;
  for (size_t i = 0; i < graph.size(); ++i) {
    if (!graph.used[i]) continue;
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
  std::stable_sort(concats.begin(), concats.end(), [&](size_t a, size_t b) {
    return graph.operations[a].shape.channels > graph.operations[b].shape.channels;
  });
  for (const size_t concat : concats) {
    if (IsFree(concat)) continue;
    for (const int input : graph.inputs(concat)) free_[Find(input)] = false;
  }
}

std::vector<bool> FindUnordered(const Graph& graph) {
  std::vector<bool> unordered(graph.size());
  bool any_concat = false;
  for (size_t i = 0; i < graph.size(); ++i) {
    unordered[i] = IsCommutative(graph.kind(i));
    any_concat |= graph.used[i] && graph.kind(i) == K::kConcat;
  }
  if (!any_concat) return unordered;
  ChannelClasses classes(graph);
  for (size_t i = 0; i < graph.size(); ++i) {
    if (graph.kind(i) == K::kConcat) unordered[i] = classes.IsFree(i);
  }
  return unordered;
}

class Refinement {
 public:
  explicit Refinement(const Graph& graph)
      : graph_(graph),
        unordered_(FindUnordered(graph)),
        colours_(graph.own),
        operands_(graph.size()),
        readers_(graph.size()),
        passed_(graph.size()) {}

  CanonicalKey Run();

 private:
  void SweepForward();
  void SweepBackward();
  size_t CountColours();

  uint64_t Position(size_t operation, size_t input) const {
    return unordered_[operation] ? 0 : input + 1;
  }

  const Graph& graph_;
  const std::vector<bool> unordered_;
  std::vector<Colour> colours_;
  std::vector<Colour> operands_;  // hash of what an operation reads
  std::vector<Colour> readers_;   // hash of what reads it
  std::vector<Colour> passed_;    // of a sum: hash of the sums that it is flattened into
  std::vector<uint64_t> sorted_;
};

void Refinement::SweepForward() {
  for (size_t i = 0; i < graph_.size(); ++i) {
    if (!graph_.used[i]) continue;
    const auto inputs = graph_.inputs(i);
    Colour operands;
    for (size_t p = 0; p < inputs.size(); ++p) {
      const bool flattened = graph_.Flattened(inputs[p], i);
      Add(operands,
          flattened ? operands_[inputs[p]] : Scramble(colours_[inputs[p]], Position(i, p)));
    }
    operands_[i] = operands;
    colours_[i] = Mix(colours_[i], operands);
  }
}

void Refinement::SweepBackward() {
  std::fill(readers_.begin(), readers_.end(), Colour{});
  std::fill(passed_.begin(), passed_.end(), Colour{});
  for (size_t i = graph_.size(); i-- > 0;) {
    if (!graph_.used[i]) continue;
    if (graph_.alive[i]) colours_[i] = Mix(colours_[i], readers_[i]);
    const auto inputs = graph_.inputs(i);
    for (size_t p = 0; p < inputs.size(); ++p) {
      Colour reader = passed_[i];
      if (graph_.alive[i]) Add(reader, Scramble(colours_[i], Position(i, p)));
      Add(graph_.Flattened(inputs[p], i) ? passed_[inputs[p]] : readers_[inputs[p]], reader);
    }
  }
}

size_t Refinement::CountColours() {
  sorted_.clear();
  for (size_t i = 0; i < graph_.size(); ++i) {
    if (graph_.alive[i]) sorted_.push_back(colours_[i].high);
  }
  std::sort(sorted_.begin(), sorted_.end());
  return static_cast<size_t>(std::unique(sorted_.begin(), sorted_.end()) - sorted_.begin());
}

CanonicalKey Refinement::Run() {
  size_t count = 0;
  for (size_t before = SIZE_MAX; count != before;) {
    before = count;
    SweepForward();
    SweepBackward();
    count = CountColours();
  }
  Colour all;
  for (size_t i = 0; i < graph_.size(); ++i) {
    if (graph_.alive[i]) Add(all, Scramble(colours_[i], 0));
  }
  const Shape& input = graph_.operations[0].shape;
  Colour key = Mix(Mix(Colour{}, all), colours_[graph_.output]);
  key = Mix(Mix(key, static_cast<uint64_t>(input.channels)), input.axes.size());
  for (const int64_t axis : input.axes) key = Mix(key, static_cast<uint64_t>(axis));
  return Scramble(key, 0);
}

}  // namespace

std::string CanonicalKey::ToString() const { return absl::StrFormat("%016x%016x", high, low); }

absl::StatusOr<CanonicalKey> CanonicalKey::FromString(absl::string_view hex) {
  CanonicalKey key;
  uint64_t* const halves[] = {&key.high, &key.low};
  for (size_t i = 0; i < hex.size() && i < 32; ++i) {
    const char c = hex[i];
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) hex = "";
    *halves[i / 16] = *halves[i / 16] << 4 | static_cast<uint64_t>(digit);
  }
  if (hex.size() == 32) return key;
  return absl::InvalidArgumentError("a canonical key has 32 hexadecimal digits");
}

CanonicalKey KeyOf(const Network& network) { return Refinement(Graph(network)).Run(); }

}  // namespace cambrian
