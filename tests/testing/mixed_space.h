// A space with every kind of decision.
#pragma once

#include <memory>

#include "tests/testing/spaces.h"

namespace cambrian::testing {

// a.kernel (ordered), a.out (integer), c.from (sets), d (labels), d.wide.kernel (only with d:
// wide), recipe.optimizer, recipe.optimizer.sgd.lr or recipe.optimizer.adamw.lr (real, log),
// recipe.label_smoothing (real).
inline std::shared_ptr<const SearchSpace> MixedSpace() {
  return Read(R"(
network:
  - {name: a, conv: {kernel: {choose: [1, 3, 5, 7]}, out: {range: [8, 64], step: 8}}}
  - {name: b, relu: {}}
  - {name: c, from: {choose: [a, b], count: [1, 2]}, join: sum, relu: {}}
  - name: d
    choose:
      plain: relu
      smooth: gelu
      wide: {conv: {kernel: {choose: [3, 5]}}}
  - head
)",
              {}, R"(
epochs: 3
optimizer:
  choose:
    sgd: {lr: {range: [0.001, 1.0], scale: log}}
    adamw: {lr: {range: [0.00001, 0.01], scale: log}}
label_smoothing: {range: [0.0, 0.2]}
)")
      .space;
}

}  // namespace cambrian::testing
