#include "client/explain/tree.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace cambrian {
namespace {

struct Tally {
  double count = 0;
  double sum = 0;
};

// The best way to part the levels of one decision.
struct Split {
  double gain = 0;
  int decision = -1;
  std::vector<bool> to_first;  // by level
};

}  // namespace

class TreeGrower {
 public:
  TreeGrower(const std::vector<Levels>& levels, const LevelColumns& columns,
             absl::Span<const double> values, Random& random)
      : levels_(levels), columns_(columns), values_(values), random_(random) {
    tree_.used_.resize(levels.size());
  }

  // The place of the node that holds these rows; they are put in another order.
  int Grow(absl::Span<uint32_t> rows) {
    const int place = static_cast<int>(tree_.nodes_.size());
    tree_.nodes_.emplace_back();
    Tally all;
    for (const uint32_t row : rows) {
      ++all.count;
      all.sum += values_[row];
    }
    tree_.nodes_.back().value = all.sum / all.count;
    if (rows.size() < 2 * RegressionTree::kLeastRows) return place;
    Split best;
    for (const size_t decision : Drawn()) TrySplit(decision, rows, all, best);
    if (best.decision < 0) return place;
    const std::vector<uint16_t>& column = columns_[static_cast<size_t>(best.decision)];
    const auto middle = std::partition(rows.begin(), rows.end(),
                                       [&](uint32_t row) { return best.to_first[column[row]]; });
    tree_.used_[static_cast<size_t>(best.decision)] = true;
    const auto to_first = static_cast<uint32_t>(tree_.to_first_.size());
    tree_.to_first_.insert(tree_.to_first_.end(), best.to_first.begin(), best.to_first.end());
    const auto size = static_cast<size_t>(middle - rows.begin());
    const int first = Grow(rows.subspan(0, size));
    const int second = Grow(rows.subspan(size));
    RegressionTree::Node& node = tree_.nodes_[static_cast<size_t>(place)];
    node.decision = best.decision;
    node.to_first = to_first;
    node.children = {first, second};
    return place;
  }

  RegressionTree Take() { return std::move(tree_); }

 private:
  // The decisions that a split may use.
  std::vector<size_t> Drawn() {
    std::vector<size_t> decisions(levels_.size());
    std::iota(decisions.begin(), decisions.end(), 0);
    const auto tried = static_cast<size_t>(
        std::ceil(RegressionTree::kTried * static_cast<double>(decisions.size())));
    for (size_t i = 0; i < tried; ++i) {
      std::swap(decisions[i], decisions[i + random_.Below(decisions.size() - i)]);
    }
    decisions.resize(tried);
    return decisions;
  }

  void TrySplit(size_t decision, absl::Span<const uint32_t> rows, const Tally& all, Split& best) {
    const Levels& levels = levels_[decision];
    if (levels.size() < 2) return;
    tallies_.assign(static_cast<size_t>(levels.size()), {});
    for (const uint32_t row : rows) {
      Tally& tally = tallies_[columns_[decision][row]];
      ++tally.count;
      tally.sum += values_[row];
    }
    order_.clear();
    for (int level = 0; level < levels.size(); ++level) {
      if (tallies_[static_cast<size_t>(level)].count > 0) order_.push_back(level);
    }
    if (!levels.ordered()) {
      std::stable_sort(order_.begin(), order_.end(),
                       [&](int a, int b) { return Mean(a) < Mean(b); });
    }
    Tally first;
    for (size_t cut = 1; cut < order_.size(); ++cut) {
      const Tally& tally = tallies_[static_cast<size_t>(order_[cut - 1])];
      first.count += tally.count;
      first.sum += tally.sum;
      const Tally second{all.count - first.count, all.sum - first.sum};
      if (std::min(first.count, second.count) < RegressionTree::kLeastRows) continue;
      const double gain = first.sum * first.sum / first.count +
                          second.sum * second.sum / second.count - all.sum * all.sum / all.count;
      if (gain <= best.gain + 1e-12) continue;
      best.gain = gain;
      best.decision = static_cast<int>(decision);
      best.to_first = Sides(levels, cut, first.count > second.count);
    }
  }

  double Mean(int level) const {
    const Tally& tally = tallies_[static_cast<size_t>(level)];
    return tally.sum / tally.count;
  }

  // By level, whether it goes first. Levels without rows go with their neighbours or, without an
  // order, to the larger side.
  std::vector<bool> Sides(const Levels& levels, size_t cut, bool first_is_larger) const {
    const auto size = static_cast<size_t>(levels.size());
    if (levels.ordered()) {
      std::vector<bool> sides(size, false);
      const int between = (order_[cut - 1] + order_[cut]) / 2;
      std::fill(sides.begin(), sides.begin() + between + 1, true);
      return sides;
    }
    std::vector<bool> sides(size, first_is_larger);
    for (size_t i = 0; i < order_.size(); ++i) sides[static_cast<size_t>(order_[i])] = i < cut;
    return sides;
  }

  const std::vector<Levels>& levels_;
  const LevelColumns& columns_;
  const absl::Span<const double> values_;
  Random& random_;
  RegressionTree tree_;
  std::vector<Tally> tallies_;  // by level, of the decision that is tried
  std::vector<int> order_;      // of its levels that have rows
};

namespace {

// The part of the space that a leaf stands for: by decision, which levels, and how large a share
// of its range they are.
class Box {
 public:
  explicit Box(const std::vector<Levels>& levels) : levels_(levels) {
    for (const Levels& each : levels) allowed_.emplace_back(static_cast<size_t>(each.size()), true);
    shares_.assign(levels.size(), 1);
    cuts_.assign(levels.size(), 0);
  }

  // Halves the box; the caller keeps what the decision's levels were for Widen.
  std::vector<bool> Narrow(size_t decision, const std::vector<bool>& keep) {
    std::vector<bool> before = allowed_[decision];
    if (cuts_[decision]++ == 0) cut_.push_back(decision);
    for (size_t level = 0; level < keep.size(); ++level) {
      if (!keep[level]) allowed_[decision][level] = false;
    }
    shares_[decision] = ShareOf(decision);
    return before;
  }
  void Widen(size_t decision, std::vector<bool> before) {
    allowed_[decision] = std::move(before);
    if (--cuts_[decision] == 0) cut_.pop_back();
    shares_[decision] = cuts_[decision] == 0 ? 1 : ShareOf(decision);
  }

  // Decisions that are narrowed.
  const std::vector<size_t>& cut() const { return cut_; }
  double share(size_t decision) const { return shares_[decision]; }
  bool allows(size_t decision, size_t level) const { return allowed_[decision][level]; }
  double Volume() const {
    double volume = 1;
    for (const size_t decision : cut_) volume *= shares_[decision];
    return volume;
  }

 private:
  double ShareOf(size_t decision) const {
    double share = 0;
    for (size_t level = 0; level < allowed_[decision].size(); ++level) {
      if (allowed_[decision][level]) share += levels_[decision].shares()[level];
    }
    return share;
  }

  const std::vector<Levels>& levels_;
  std::vector<std::vector<bool>> allowed_;
  std::vector<double> shares_;
  std::vector<int> cuts_;    // how often each was narrowed
  std::vector<size_t> cut_;  // in the order in which they were first
};

}  // namespace

RegressionTree RegressionTree::Grow(const std::vector<Levels>& levels, const LevelColumns& columns,
                                    absl::Span<const double> values, std::vector<uint32_t> rows,
                                    Random& random) {
  TreeGrower grower(levels, columns, values, random);
  grower.Grow(absl::MakeSpan(rows));
  return grower.Take();
}

template <typename LevelOf>
double RegressionTree::PredictFrom(const LevelOf& level_of) const {
  const Node* node = nodes_.data();
  while (node->decision >= 0) {
    const bool first = to_first_[node->to_first + level_of(static_cast<size_t>(node->decision))];
    node = &nodes_[static_cast<size_t>(node->children[first ? 0 : 1])];
  }
  return node->value;
}

double RegressionTree::Predict(const LevelRow& row) const {
  return PredictFrom([&](size_t decision) { return row[decision]; });
}

double RegressionTree::Predict(const LevelColumns& columns, size_t row) const {
  return PredictFrom([&](size_t decision) { return columns[decision][row]; });
}

// A leaf adds its value to the mean of a decision's level by the volume that it has where the
// decision has that level. Decisions that it does not narrow get the same at each level: what it
// adds to the mean of all; so only those on the way to it are visited.
RegressionTree::Marginals RegressionTree::ComputeMarginals(
    const std::vector<Levels>& levels) const {
  Marginals marginals;
  std::vector<double> skipped(levels.size());  // of the mean, what each decision is told by level
  for (const Levels& each : levels) {
    marginals.by_level.emplace_back(static_cast<size_t>(each.size()));
  }
  Box box(levels);
  const auto visit = [&](const auto& self, int place) -> void {
    const Node& node = nodes_[static_cast<size_t>(place)];
    if (node.decision >= 0) {
      const auto decision = static_cast<size_t>(node.decision);
      std::vector<bool> keep(static_cast<size_t>(levels[decision].size()));
      for (const bool first : {true, false}) {
        for (size_t level = 0; level < keep.size(); ++level) {
          keep[level] = to_first_[node.to_first + level] == first;
        }
        std::vector<bool> before = box.Narrow(decision, keep);
        self(self, node.children[first ? 0 : 1]);
        box.Widen(decision, std::move(before));
      }
      return;
    }
    const double volume = box.Volume();
    marginals.mean += node.value * volume;
    for (const size_t decision : box.cut()) {
      skipped[decision] += node.value * volume;
      if (volume <= 0) continue;
      std::vector<double>& by_level = marginals.by_level[decision];
      for (size_t level = 0; level < by_level.size(); ++level) {
        if (box.allows(decision, level)) {
          by_level[level] += node.value * volume / box.share(decision);
        }
      }
    }
  };
  visit(visit, 0);
  for (size_t d = 0; d < levels.size(); ++d) {
    for (double& mean : marginals.by_level[d]) mean += marginals.mean - skipped[d];
  }
  return marginals;
}

}  // namespace cambrian
