#include "client/explain/importance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "client/explain/levels.h"
#include "client/explain/tree.h"
#include "common/base/random.h"

namespace cambrian {
namespace {

// Pairs of trees: the fewer where each of them takes long.
constexpr int kPairs = 100;
constexpr int kLeastPairs = 40;
constexpr size_t kQuickCells = 60'000;  // rows · decisions of a tree
constexpr int kMostLevels = 16;
constexpr size_t kMostRows = 10'000;    // of a tree …
constexpr size_t kMostCells = 400'000;  // … and rows · decisions
constexpr int kPoints = 1000;           // of the space, for each pair
constexpr uint64_t kSeed = 5;

// In (0, 1), larger is better; equal values have the mean of their ranks.
std::vector<double> RanksOf(absl::Span<const double> values, bool maximize) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return maximize ? values[a] < values[b] : values[a] > values[b];
  });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (size_t i = begin; i < end; ++i) {
      ranks[order[i]] = static_cast<double>(begin + end) / 2 / static_cast<double>(values.size());
    }
    begin = end;
  }
  return ranks;
}

int DrawLevel(const Levels& levels, Random& random) {
  double u = random.Uniform();
  int level = 0;
  while (level + 1 < levels.size() && u >= levels.shares()[static_cast<size_t>(level)]) {
    u -= levels.shares()[static_cast<size_t>(level++)];
  }
  return level;
}

struct Moments {
  double sum = 0;
  double squares = 0;

  void Add(double x) {
    sum += x;
    squares += x * x;
  }
  // Of so many figures divided by `unit`.
  Spread Of(int n, double unit) const {
    const double mean = sum / n;
    const double variance = std::max(squares / n - mean * mean, 0.0) * n / (n - 1);
    return {mean / unit, std::sqrt(variance) / unit};
  }
};

class Forest {
 public:
  Forest(const std::vector<Decision>& decisions, absl::Span<const EvaluatedTrial> trials,
         std::vector<double> ranks)
      : levels_(LevelsOf(decisions, kMostLevels)),
        trials_(trials),
        ranks_(std::move(ranks)),
        rows_(std::min({trials.size() / 2, kMostRows, kMostCells / decisions.size()})),
        pairs_(rows_ * decisions.size() > kQuickCells ? kLeastPairs : kPairs),
        columns_(decisions.size(), std::vector<uint16_t>(trials.size())),
        alone_(decisions.size()),
        together_(decisions.size()),
        unseen_(trials.size()),
        unseen_count_(trials.size()) {
    for (const Levels& levels : levels_) {
      means_.emplace_back(static_cast<size_t>(levels.size()));
    }
    for (size_t d = 0; d < levels_.size(); ++d) {
      for (size_t i = 0; i < trials_.size(); ++i) {
        if (trials_[i].architecture.Has(d)) {
          columns_[d][i] = static_cast<uint16_t>(levels_[d].Of(trials_[i].architecture.values[d]));
        } else {
          absent_.emplace_back(d, i);
        }
      }
    }
  }

  void Learn() {
    Random random(kSeed);
    for (int pair = 0; pair < pairs_; ++pair) LearnPair(random);
  }

  double R2() const {
    const double mean =
        std::accumulate(ranks_.begin(), ranks_.end(), 0.0) / static_cast<double>(ranks_.size());
    double residual = 0;
    double total = 0;
    for (size_t i = 0; i < ranks_.size(); ++i) {
      if (unseen_count_[i] == 0) continue;
      residual += std::pow(ranks_[i] - unseen_[i] / unseen_count_[i], 2);
      total += std::pow(ranks_[i] - mean, 2);
    }
    return total > 0 ? 1 - residual / total : 0;
  }

  // Shares of the variance; not if there is none.
  std::vector<DecisionImportance> Importances() const {
    std::vector<DecisionImportance> importances;
    const double variance = variance_.sum / pairs_;
    if (variance <= 0) return importances;
    for (size_t d = 0; d < levels_.size(); ++d) {
      DecisionImportance importance;
      importance.decision = d;
      importance.alone = alone_[d].Of(pairs_, variance);
      importance.together = together_[d].Of(pairs_, variance);
      importances.push_back(std::move(importance));
    }
    return importances;
  }

  // Mean ranks over the space by level, of a decision.
  std::vector<double> MeansOf(size_t decision) const {
    std::vector<double> means = means_[decision];
    for (double& mean : means) mean /= 2 * pairs_;
    return means;
  }
  const Levels& levels(size_t decision) const { return levels_[decision]; }

 private:
  void LearnPair(Random& random) {
    for (const auto& [d, i] : absent_) {
      columns_[d][i] = static_cast<uint16_t>(DrawLevel(levels_[d], random));
    }
    std::vector<uint32_t> order(trials_.size());
    std::iota(order.begin(), order.end(), 0);
    for (size_t i = order.size(); i-- > 1;) std::swap(order[i], order[random.Below(i + 1)]);
    const size_t half = order.size() / 2;
    const auto begin = order.begin();
    const auto middle = begin + static_cast<std::ptrdiff_t>(half);
    const RegressionTree a = Grow({begin, begin + static_cast<std::ptrdiff_t>(rows_)}, random);
    const RegressionTree b = Grow({middle, middle + static_cast<std::ptrdiff_t>(rows_)}, random);
    for (size_t i = 0; i < order.size(); ++i) {
      const uint32_t row = order[i];
      unseen_[row] += (i < half ? b : a).Predict(columns_, row);
      ++unseen_count_[row];
    }
    AddMainEffects(a, b);
    AddTotalEffects(a, b, random);
  }

  RegressionTree Grow(std::vector<uint32_t> rows, Random& random) const {
    return RegressionTree::Grow(levels_, columns_, ranks_, std::move(rows), random);
  }

  void AddMainEffects(const RegressionTree& a, const RegressionTree& b) {
    const RegressionTree::Marginals x = a.ComputeMarginals(levels_);
    const RegressionTree::Marginals y = b.ComputeMarginals(levels_);
    for (size_t d = 0; d < levels_.size(); ++d) {
      double effect = 0;
      for (size_t level = 0; level < means_[d].size(); ++level) {
        effect += levels_[d].shares()[level] * (x.by_level[d][level] - x.mean) *
                  (y.by_level[d][level] - y.mean);
        means_[d][level] += x.by_level[d][level] + y.by_level[d][level];
      }
      alone_[d].Add(effect);
    }
  }

  // E (f(x) − f(x′))² / 2, where x′ has another value of the decision.
  void AddTotalEffects(const RegressionTree& a, const RegressionTree& b, Random& random) {
    const size_t n = levels_.size();
    LevelRow point(n);
    std::vector<double> together(n);
    double x_sum = 0;
    double y_sum = 0;
    double products = 0;
    for (int i = 0; i < kPoints; ++i) {
      for (size_t d = 0; d < n; ++d) {
        point[d] = static_cast<uint16_t>(DrawLevel(levels_[d], random));
      }
      const double x = a.Predict(point);
      const double y = b.Predict(point);
      x_sum += x;
      y_sum += y;
      products += x * y;
      for (size_t d = 0; d < n; ++d) {
        if (!a.Uses(d) || !b.Uses(d)) continue;
        const uint16_t before = point[d];
        point[d] = static_cast<uint16_t>(DrawLevel(levels_[d], random));
        if (point[d] != before) {
          together[d] += (x - a.Predict(point)) * (y - b.Predict(point)) / 2;
        }
        point[d] = before;
      }
    }
    variance_.Add((products - x_sum * y_sum / kPoints) / (kPoints - 1));
    for (size_t d = 0; d < n; ++d) together_[d].Add(together[d] / kPoints);
  }

  const std::vector<Levels> levels_;
  const absl::Span<const EvaluatedTrial> trials_;
  const std::vector<double> ranks_;
  const size_t rows_;  // of each tree
  const int pairs_;
  LevelColumns columns_;
  std::vector<std::pair<size_t, size_t>> absent_;  // decision, trial

  // Over the pairs.
  std::vector<Moments> alone_;  // by decision
  std::vector<Moments> together_;
  Moments variance_;
  std::vector<std::vector<double>> means_;  // [decision][level]
  std::vector<double> unseen_;              // by trial: predictions by trees that have not seen it
  std::vector<int> unseen_count_;
};

// The result at a rank in (0, 1), larger is better.
double ValueAtRank(const std::vector<double>& sorted, double rank) {
  const auto n = static_cast<double>(sorted.size());
  return sorted[static_cast<size_t>(std::clamp(rank * n, 0.0, n - 1))];
}

}  // namespace

ImportanceReport ComputeImportance(const std::vector<Decision>& decisions,
                                   absl::Span<const EvaluatedTrial> trials,
                                   absl::Span<const double> values, bool maximize) {
  ImportanceReport report;
  report.trials = trials.size();
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  if (trials.size() < kLeastForImportance || decisions.empty() || sorted.front() == sorted.back()) {
    return report;
  }
  report.enough = true;
  if (!maximize) std::reverse(sorted.begin(), sorted.end());
  Forest forest(decisions, trials, RanksOf(values, maximize));
  forest.Learn();
  report.r2 = forest.R2();
  report.decisions = forest.Importances();
  report.interactions = report.decisions.empty() ? 0 : 1;
  for (DecisionImportance& importance : report.decisions) {
    report.interactions -= importance.alone.mean;
    const Levels& levels = forest.levels(importance.decision);
    if (levels.size() < 2) continue;
    const std::vector<double> means = forest.MeansOf(importance.decision);
    const auto [worst, best] = std::minmax_element(means.begin(), means.end());
    importance.best = levels.label(static_cast<int>(best - means.begin()));
    importance.worst = levels.label(static_cast<int>(worst - means.begin()));
    importance.best_value = ValueAtRank(sorted, *best);
    importance.worst_value = ValueAtRank(sorted, *worst);
  }
  report.interactions = std::max(report.interactions, 0.0);
  std::stable_sort(report.decisions.begin(), report.decisions.end(),
                   [](const DecisionImportance& a, const DecisionImportance& b) {
                     return a.together.mean > b.together.mean;
                   });
  return report;
}

}  // namespace cambrian
