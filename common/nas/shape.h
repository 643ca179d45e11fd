// The shape of one example's map between two operations.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cambrian {

// Channels × axes, without the batch: no axes for a table's row, one (length) for a sequence, two
// (height, width) for an image. A tensor of a batch is [batch, channels, axes…].
struct Shape {
  int64_t channels = 0;
  std::vector<int64_t> axes;

  // Values that one example holds: channels times the product of the axes.
  int64_t Elements() const;
  // "32×16×16".
  std::string ToString() const;

  bool operator==(const Shape&) const = default;
};

// What the data and the labels ask of a network.
struct Task {
  Shape input;          // one example
  int64_t classes = 0;  // ≥ 2

  bool operator==(const Task&) const = default;
};

}  // namespace cambrian
