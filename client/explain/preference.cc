#include "client/explain/preference.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "client/explain/levels.h"

namespace cambrian {
namespace {

constexpr int kMostLevels = 6;
constexpr int16_t kAbsent = -1;
constexpr double kMostSteps = 1e9;  // of counting pairs

// Counts of a value, or of a pair.
struct With {
  int64_t best = 0;
  int64_t rest = 0;

  void Add(bool is_best) { ++(is_best ? best : rest); }
};

FourCounts Against(const With& with, const With& all) {
  return {with.best, all.best - with.best, with.rest, all.rest - with.rest};
}

bool IsTested(const FourCounts& counts) {
  const int64_t with = counts.best_with + counts.rest_with;
  const int64_t without = counts.best_without + counts.rest_without;
  return std::min(with, without) >= kLeastCount && counts.best() > 0 && counts.rest() > 0;
}

Preference MakePreference(std::vector<ValueOf> values, const FourCounts& counts, double p) {
  Preference preference;
  preference.values = std::move(values);
  preference.counts = counts;
  preference.preferred = preference.BestShare() > preference.RestShare();
  preference.p = p;
  return preference;
}

// Those that are no chance, the most certain first.
std::vector<Preference> Significant(std::vector<Preference> found, size_t tests) {
  std::vector<double> p;
  for (const Preference& preference : found) p.push_back(preference.p);
  const std::vector<double> adjusted = HolmAdjusted(p, tests);
  for (size_t i = 0; i < found.size(); ++i) found[i].p = adjusted[i];
  std::erase_if(found, [](const Preference& each) { return each.p > kLevelOfChance; });
  std::stable_sort(found.begin(), found.end(), [](const Preference& a, const Preference& b) {
    if (a.p != b.p) return a.p < b.p;
    return std::abs(a.counts.LogOddsRatio()) > std::abs(b.counts.LogOddsRatio());
  });
  return found;
}

class Comparison {
 public:
  Comparison(const std::vector<Decision>& decisions, absl::Span<const EvaluatedTrial> trials,
             const std::vector<bool>& best)
      : levels_(LevelsOf(decisions, kMostLevels)), best_(best) {
    for (size_t d = 0; d < levels_.size(); ++d) {
      std::vector<int16_t>& column = columns_.emplace_back();
      for (const EvaluatedTrial& trial : trials) {
        column.push_back(trial.architecture.Has(d)
                             ? static_cast<int16_t>(levels_[d].Of(trial.architecture.values[d]))
                             : kAbsent);
      }
    }
  }

  void FindValues(PreferenceReport& report) const {
    std::vector<Preference> found;
    for (size_t d = 0; d < levels_.size(); ++d) {
      With all;
      std::vector<With> by_level(static_cast<size_t>(levels_[d].size()));
      for (size_t i = 0; i < best_.size(); ++i) {
        if (columns_[d][i] == kAbsent) continue;
        all.Add(best_[i]);
        by_level[static_cast<size_t>(columns_[d][i])].Add(best_[i]);
      }
      for (const Levels::Item& item : levels_[d].items()) {
        With with;
        for (size_t level = 0; level < by_level.size(); ++level) {
          if (!item.levels[level]) continue;
          with.best += by_level[level].best;
          with.rest += by_level[level].rest;
        }
        const FourCounts counts = Against(with, all);
        if (!IsTested(counts)) continue;
        ++report.tested_values;
        Preference preference = MakePreference({{d, item.label}}, counts, FisherTest(counts));
        // Of two values one is preferred where the other one is avoided.
        if (preference.preferred || !levels_[d].either_or()) {
          found.push_back(std::move(preference));
        }
      }
    }
    report.values = Significant(std::move(found), report.tested_values);
  }

  void FindPairs(PreferenceReport& report) const {
    double trials = 0;  // steps: each pair of decisions counts the trials into cells …
    double sums = 0;    // … and sums the cells for each pair of items
    for (size_t a = 0; a < levels_.size(); ++a) {
      for (size_t b = a + 1; b < levels_.size(); ++b) {
        trials += static_cast<double>(best_.size());
        sums += static_cast<double>(levels_[a].items().size() * levels_[b].items().size()) *
                static_cast<double>(levels_[a].size()) * levels_[b].size();
      }
    }
    if (trials + sums > kMostSteps) {
      report.pairs_skipped = true;
      return;
    }
    std::vector<Preference> found;
    for (size_t a = 0; a < levels_.size(); ++a) {
      for (size_t b = a + 1; b < levels_.size(); ++b) FindPairsOf(a, b, report, found);
    }
    report.pairs = Significant(std::move(found), report.tested_pairs);
  }

 private:
  void FindPairsOf(size_t a, size_t b, PreferenceReport& report,
                   std::vector<Preference>& found) const {
    const auto width = static_cast<size_t>(levels_[b].size());
    std::vector<With> cells(static_cast<size_t>(levels_[a].size()) * width);
    for (size_t i = 0; i < best_.size(); ++i) {
      const int16_t x = columns_[a][i];
      const int16_t y = columns_[b][i];
      if (x == kAbsent || y == kAbsent) continue;
      cells[static_cast<size_t>(x) * width + static_cast<size_t>(y)].Add(best_[i]);
    }
    for (const Levels::Item& x : levels_[a].items()) {
      for (const Levels::Item& y : levels_[b].items()) {
        With sums[2][2];  // [has x][has y]
        for (size_t i = 0; i < cells.size(); ++i) {
          With& sum = sums[x.levels[i / width] ? 1 : 0][y.levels[i % width] ? 1 : 0];
          sum.best += cells[i].best;
          sum.rest += cells[i].rest;
        }
        TestPair({{a, x.label}, {b, y.label}}, sums, report, found);
      }
    }
  }

  static void TestPair(std::vector<ValueOf> values, const With (&sums)[2][2],
                       PreferenceReport& report, std::vector<Preference>& found) {
    const auto add = [](const With& p, const With& q) {
      return With{p.best + q.best, p.rest + q.rest};
    };
    const With has_x = add(sums[1][0], sums[1][1]);
    const With has_not_x = add(sums[0][0], sums[0][1]);
    const FourCounts counts = Against(sums[1][1], add(has_x, has_not_x));
    const FourCounts where_x = Against(sums[1][1], has_x);
    const FourCounts elsewhere = Against(sums[0][1], has_not_x);
    if (!IsTested(counts) || !IsTested(where_x) || !IsTested(elsewhere)) return;
    ++report.tested_pairs;
    const double p = FisherTest(counts);
    if (p > kLevelOfChance) return;
    Preference preference =
        MakePreference(std::move(values), counts, std::max(p, ZelenTest(where_x, elsewhere)));
    const bool more = where_x.LogOddsRatio() > elsewhere.LogOddsRatio();
    if (preference.p <= kLevelOfChance && preference.preferred == more) {
      found.push_back(std::move(preference));
    }
  }

  const std::vector<Levels> levels_;
  const std::vector<bool>& best_;
  std::vector<std::vector<int16_t>> columns_;  // [decision][trial]: the level
};

double Share(int64_t with, int64_t all) {
  return all > 0 ? static_cast<double>(with) / static_cast<double>(all) : 0;
}

}  // namespace

double Preference::BestShare() const { return Share(counts.best_with, counts.best()); }
double Preference::RestShare() const { return Share(counts.rest_with, counts.rest()); }

double Preference::Lift() const {
  const auto smoothed = [](int64_t with, int64_t all) {
    return (static_cast<double>(with) + 0.5) / (static_cast<double>(all) + 1);
  };
  return smoothed(counts.best_with, counts.best()) / smoothed(counts.rest_with, counts.rest());
}

BestGroup BestTenth(absl::Span<const double> values, bool maximize) {
  BestGroup group;
  group.best.resize(values.size());
  const auto better = [&](double a, double b) { return maximize ? a > b : a < b; };
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end(), better);
  const size_t tenth = std::max(kLeastBest, (sorted.size() + 9) / 10);
  if (sorted.size() < 4 * kLeastBest) return group;
  const double last = sorted[tenth - 1];
  const auto [begin, end] = std::equal_range(sorted.begin(), sorted.end(), last, better);
  const auto with_ties = static_cast<size_t>(end - sorted.begin());
  const auto without = static_cast<size_t>(begin - sorted.begin());
  const bool fits = with_ties == tenth || 5 * with_ties <= sorted.size();
  const size_t size = fits ? with_ties : without;
  if (size < kLeastBest || 4 * size > sorted.size()) return group;
  group.size = size;
  group.threshold = sorted[size - 1];
  for (size_t i = 0; i < values.size(); ++i) {
    group.best[i] = !better(group.threshold, values[i]);
  }
  return group;
}

PreferenceReport FindPreferences(const std::vector<Decision>& decisions,
                                 absl::Span<const EvaluatedTrial> trials,
                                 const std::vector<bool>& best) {
  PreferenceReport report;
  const Comparison comparison(decisions, trials, best);
  comparison.FindValues(report);
  comparison.FindPairs(report);
  return report;
}

}  // namespace cambrian
