// The key hashes the graph.
//
// Colours are refined (Weisfeiler and Leman 1968) by sweeps over the normal form: forward, an
// operation learns of what it reads; backward, of what reads it. In topological order one sweep
// carries news from end to end, so a few suffice; they stop when the number of colours no longer
// grows. Operations that look alike even then either are interchangeable or belong to something
// that goes round in a ring, which colours alone cannot tell from two smaller rings: two branches
// x + f(x), y + f(y) and the crossed x + f(y), y + f(x). So each of them is marked once, colours
// are refined from there, and what comes of it becomes a part of its colour.
//
// A multiset is hashed as a sum of scrambled colours. So a sum of sums need not be flattened into a
// list, which could have quadratic length: the hash of its operands is the sum of theirs.
#include "common/nas/canonical_key.h"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "common/nas/canonical_graph.h"

namespace cambrian {
namespace {

using Colours = std::vector<Colour>;

// Marks times operations; what needs more is a lattice that nobody searches for, and is left as it
// is.
constexpr size_t kMostMarking = 1 << 20;

// A colour as a member of a multiset, at a position that counts.
Colour Scramble(Colour colour, uint64_t position) {
  colour = Mix(Mix(colour, position + 1), 0x9e3779b97f4a7c15);
  return {colour.high * 0x2545f4914f6cdd1d, colour.low * 0xd6e8feb86659fd93};
}

void Add(Colour& sum, Colour term) {
  sum.high += term.high;
  sum.low += term.low;
}

class Refinement {
 public:
  explicit Refinement(const CanonicalGraph& graph)
      : graph_(graph), operands_(graph.size()), readers_(graph.size()), passed_(graph.size()) {}

  CanonicalKey Run();

 private:
  // A chain of operations that only read each other, by its first, with all that touches it.
  // Chains of one colour that touch the same are interchangeable.
  struct Chain {
    Colour colour;
    Colour operands;
    Colour readers;
    size_t first;

    auto Touched() const { return std::tie(colour, operands, readers); }
  };

  // Hash what each operation reads (is read by) into operands_ (readers_), and into its colour if
  // `update`.
  void SweepForward(Colours& colours, bool update);
  void SweepBackward(Colours& colours, bool update);
  void Refine(Colours& colours);
  size_t CountColours(const Colours& colours);
  Colour Sum(const Colours& colours) const;

  std::vector<Chain> FindChains(const Colours& colours);
  void MarkLookalikes(Colours& colours);

  // Inputs whose order does not count have one position.
  uint64_t Position(size_t operation, size_t input) const {
    return graph_.IsUnordered(operation) ? 0 : input + 1;
  }

  const CanonicalGraph& graph_;
  Colours operands_;
  Colours readers_;
  Colours passed_;                // of a sum: hash of the sums that it is flattened into
  std::vector<uint64_t> sorted_;  // of the operations that are alive
};

void Refinement::SweepForward(Colours& colours, bool update) {
  for (size_t i = 0; i < graph_.size(); ++i) {
    if (!graph_.IsUsed(i)) continue;
    const auto inputs = graph_.inputs(i);
    Colour operands;
    for (size_t p = 0; p < inputs.size(); ++p) {
      const size_t input = inputs[p];
      Add(operands,
          graph_.Flattened(input, i) ? operands_[input] : Scramble(colours[input], Position(i, p)));
    }
    operands_[i] = operands;
    if (update) colours[i] = Mix(colours[i], operands);
  }
}

void Refinement::SweepBackward(Colours& colours, bool update) {
  std::fill(readers_.begin(), readers_.end(), Colour{});
  std::fill(passed_.begin(), passed_.end(), Colour{});
  for (size_t i = graph_.size(); i-- > 0;) {
    if (!graph_.IsUsed(i)) continue;
    if (update) colours[i] = Mix(colours[i], readers_[i]);
    const auto inputs = graph_.inputs(i);
    for (size_t p = 0; p < inputs.size(); ++p) {
      const size_t input = inputs[p];
      Colour reader = passed_[i];
      if (graph_.IsAlive(i)) Add(reader, Scramble(colours[i], Position(i, p)));
      Add(graph_.Flattened(input, i) ? passed_[input] : readers_[input], reader);
    }
  }
}

size_t Refinement::CountColours(const Colours& colours) {
  sorted_.clear();
  for (size_t i = 0; i < graph_.size(); ++i) {
    if (graph_.IsAlive(i)) sorted_.push_back(colours[i].high);
  }
  std::sort(sorted_.begin(), sorted_.end());
  return static_cast<size_t>(std::unique(sorted_.begin(), sorted_.end()) - sorted_.begin());
}

void Refinement::Refine(Colours& colours) {
  size_t count = 0;
  for (size_t before = SIZE_MAX; count != before;) {
    before = count;
    SweepForward(colours, true);
    SweepBackward(colours, true);
    count = CountColours(colours);
  }
}

Colour Refinement::Sum(const Colours& colours) const {
  Colour sum;
  for (size_t i = 0; i < graph_.size(); ++i) {
    if (graph_.IsAlive(i)) Add(sum, Scramble(colours[i], 0));
  }
  return sum;
}

// With their colours, and what they touch by identity: every operation has a colour of its own.
std::vector<Refinement::Chain> Refinement::FindChains(const Colours& colours) {
  Colours identities(graph_.size());
  for (size_t i = 0; i < graph_.size(); ++i) identities[i] = Mix(Colour{}, i + 1);
  SweepForward(identities, false);
  SweepBackward(identities, false);
  std::vector<Chain> chains;
  std::vector<size_t> chain_of(graph_.size());
  for (size_t i = 0; i < graph_.size(); ++i) {
    if (!graph_.IsAlive(i)) continue;
    const auto inputs = graph_.inputs(i);
    // Its input's only reader is this one.
    if (inputs.size() == 1 && readers_[inputs[0]] == Scramble(identities[i], Position(i, 0))) {
      chain_of[i] = chain_of[inputs[0]];
      chains[chain_of[i]].readers = readers_[i];
    } else {
      chain_of[i] = chains.size();
      chains.push_back({colours[i], operands_[i], readers_[i], i});
    }
  }
  return chains;
}

void Refinement::MarkLookalikes(Colours& colours) {
  std::vector<Chain> chains = FindChains(colours);
  std::sort(chains.begin(), chains.end(),
            [](const Chain& a, const Chain& b) { return a.Touched() < b.Touched(); });
  // Of interchangeable chains one is marked for all; where all of a colour are, none.
  std::vector<std::pair<size_t, size_t>> groups;
  for (size_t begin = 0, end = 0; begin < chains.size(); begin = end) {
    while (end < chains.size() && chains[end].Touched() == chains[begin].Touched()) ++end;
    const bool others = (begin > 0 && chains[begin - 1].colour == chains[begin].colour) ||
                        (end < chains.size() && chains[end].colour == chains[begin].colour);
    if (others) groups.emplace_back(begin, end);
  }
  if (groups.empty() || groups.size() * sorted_.size() > kMostMarking) return;
  Colours updated = colours;
  for (const auto& [begin, end] : groups) {
    Colours marked = colours;
    Colour& mark = marked[chains[begin].first];
    mark = Mix(mark, 1);
    Refine(marked);
    const Colour seen = Sum(marked);
    for (size_t c = begin; c < end; ++c) {
      Colour& colour = updated[chains[c].first];
      colour = Mix(colour, seen);
    }
  }
  colours = std::move(updated);
  Refine(colours);
}

CanonicalKey Refinement::Run() {
  Colours colours;
  colours.reserve(graph_.size());
  for (size_t i = 0; i < graph_.size(); ++i) colours.push_back(graph_.own_colour(i));
  Refine(colours);
  MarkLookalikes(colours);
  const Shape& input = graph_.operation(0).shape;
  Colour key = Mix(Mix(Colour{}, Sum(colours)), colours[graph_.output()]);
  key = Mix(Mix(key, static_cast<uint64_t>(input.channels)), input.axes.size());
  for (const int64_t axis : input.axes) key = Mix(key, static_cast<uint64_t>(axis));
  return Scramble(key, 0);
}

}  // namespace

std::string CanonicalKey::ToString() const { return absl::StrFormat("%016x%016x", high, low); }

absl::StatusOr<CanonicalKey> CanonicalKey::FromString(absl::string_view hex) {
  CanonicalKey key;
  const char* const middle = hex.data() + 16;
  const char* const end = hex.data() + 32;
  if (hex.size() == 32 && absl::c_none_of(hex, absl::ascii_isupper) &&
      std::from_chars(hex.data(), middle, key.high, 16).ptr == middle &&
      std::from_chars(middle, end, key.low, 16).ptr == end) {
    return key;
  }
  return absl::InvalidArgumentError("a canonical key has 32 hexadecimal digits");
}

CanonicalKey KeyOf(const Network& network) {
  const CanonicalGraph graph(network);
  return Refinement(graph).Run();
}

}  // namespace cambrian
