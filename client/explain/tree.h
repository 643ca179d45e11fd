// A regression tree over levels, and what it says of each decision.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "client/explain/levels.h"
#include "common/base/random.h"

namespace cambrian {

// Architectures as levels: [decision][row].
using LevelColumns = std::vector<std::vector<uint16_t>>;
// One architecture: [decision].
using LevelRow = std::vector<uint16_t>;

// CART (Breiman et al. 1984), least squares. A split tries five sixths of the decisions, drawn anew
// (the share of SMAC's forests; Hutter et al. 2011), and leaves at least three rows on each side. A
// decision's levels are split in their order or, where they have none, in the order of their means,
// which finds the best of all subsets (Fisher 1958). Immutable and thread-safe.
class RegressionTree {
 public:
  static constexpr size_t kLeastRows = 3;
  static constexpr double kTried = 5.0 / 6;

  // Grown on the given rows of `columns`, whose values are `values` (by row). At least one row.
  static RegressionTree Grow(const std::vector<Levels>& levels, const LevelColumns& columns,
                             absl::Span<const double> values, std::vector<uint32_t> rows,
                             Random& random);

  double Predict(const LevelRow& row) const;
  double Predict(const LevelColumns& columns, size_t row) const;
  // Whether it splits on the decision at all.
  bool Uses(size_t decision) const { return used_[decision]; }

  // Over the whole space, decisions independent and their levels as likely as their shares say.
  struct Marginals {
    double mean = 0;
    std::vector<std::vector<double>> by_level;  // [decision][level]: the mean where it has that one
  };
  // `levels` are those it was grown with. O(leaves · decisions on the way to each · levels).
  Marginals ComputeMarginals(const std::vector<Levels>& levels) const;

 private:
  friend class TreeGrower;

  struct Node {
    int decision = -1;              // a leaf
    uint32_t to_first = 0;          // place in to_first_ of the decision's levels
    std::array<int, 2> children{};  // a level's goes to the first where to_first_ says so
    double value = 0;
  };

  template <typename LevelOf>
  double PredictFrom(const LevelOf& level_of) const;

  std::vector<Node> nodes_;     // the root first
  std::vector<bool> to_first_;  // by node's place and level
  std::vector<bool> used_;      // by decision
};

}  // namespace cambrian
