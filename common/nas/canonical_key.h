// 128 bits that are equal exactly for isomorphic networks (DESIGN: canonical key).
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/nas/network.h"

namespace cambrian {

struct CanonicalKey {
  uint64_t high = 0;
  uint64_t low = 0;

  // 32 hexadecimal digits.
  std::string ToString() const;
  static absl::StatusOr<CanonicalKey> FromString(absl::string_view hex);

  // clang-tidy 14 takes the comparison with 0 in it for a pointer.
  auto operator<=>(const CanonicalKey&) const = default;  // NOLINT(modernize-use-nullptr)
  template <typename H>
  friend H AbslHashValue(H h, const CanonicalKey& key) {
    return H::combine(std::move(h), key.high, key.low);
  }
};

// Names and places do not count; sums are flattened and unordered, with multiplicity; operations
// without weights and with one input that are applied twice to one value are one value (dropout is
// not); operations with weights are instances of their own.
CanonicalKey KeyOf(const Network& network);

}  // namespace cambrian
