// Which examples train, and which judge.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/base/random.h"
#include "worker/torch/dataset.h"

namespace cambrian {

// Indices of examples. Plain data.
struct Split {
  std::vector<int32_t> train;       // ascending
  std::vector<int32_t> validation;  // in random order: every beginning is a fair sample
};

// Takes the share `validation` of every class for validation and, of what is left, the share
// `share` of every class for training; both rounded, at least one example each where a class has
// two. `seed` fixes the choice, and a larger share contains a smaller one.
Split MakeSplit(absl::Span<const int32_t> labels, int64_t classes, double validation, double share,
                uint64_t seed);

// Puts `items` in random order (Fisher and Yates).
void Shuffle(std::vector<int32_t>& items, Random& random);

// The examples at `indices`.
Examples Select(const Examples& examples, absl::Span<const int32_t> indices);

}  // namespace cambrian
