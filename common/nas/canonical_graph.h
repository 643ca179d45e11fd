// A network in the normal form that its key is made of. For canonical_key.cc only.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "common/nas/canonical_key.h"
#include "common/nas/network.h"

namespace cambrian {

// Colours of operations while a key is made.
using Colour = CanonicalKey;

// Hashes one more word, or another colour, into a colour. The same on every machine: keys are
// stored.
Colour Mix(Colour colour, uint64_t word);
Colour Mix(Colour colour, Colour other);

// The network with joins of one value followed, operations without weights and with one input
// merged where they read the same value, and what is dead then dropped. Operations keep their
// indices. The network must outlive it.
class CanonicalGraph {
 public:
  explicit CanonicalGraph(const Network& network);

  size_t size() const { return operations_.size(); }
  size_t output() const { return output_; }
  const Operation& operation(size_t i) const { return operations_[i]; }
  OperationKind kind(size_t i) const { return operations_[i].kind; }
  // Kind and arguments.
  Colour own_colour(size_t i) const { return own_colours_[i]; }
  absl::Span<const int> inputs(size_t i) const {
    return absl::MakeConstSpan(inputs_).subspan(first_input_[i],
                                                first_input_[i + 1] - first_input_[i]);
  }

  // Whether `i` only hands its operands on to `reader`: (x + y) + z is x + y + z, and so for
  // products; a mean of means is not a mean of all.
  bool Flattened(size_t i, size_t reader) const {
    return kind(i) == kind(reader) &&
           (kind(i) == OperationKind::kSum || kind(i) == OperationKind::kProduct);
  }
  // Whether it is a value of its own: read by more than what flattens it.
  bool IsAlive(size_t i) const { return alive_[i]; }
  // Whether it is alive, or flattened into what is.
  bool IsUsed(size_t i) const { return used_[i]; }
  // Whether the order of its inputs does not count: sums, and concats that may be reordered.
  bool IsUnordered(size_t i) const { return unordered_[i]; }

 private:
  void Normalise();
  void MarkUsed();

  const std::vector<Operation>& operations_;
  std::vector<Colour> own_colours_;
  std::vector<int> inputs_;          // of all operations in a row
  std::vector<size_t> first_input_;  // where an operation's begin
  size_t output_ = 0;
  std::vector<bool> alive_;
  std::vector<bool> used_;
  std::vector<bool> unordered_;
};

}  // namespace cambrian
