#include "tests/benchmark/search_quality/figures.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/nas/front.h"

namespace cambrian {

MeanAndError MeanOf(absl::Span<const double> values) {
  const double n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, n > 1 ? std::sqrt(squares / (n - 1) / n) : 0};
}

double MedianOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double JudgedBest(absl::Span<const size_t> rows, size_t evaluations,
                  const std::vector<double>& guide, const std::vector<double>& judge) {
  size_t best = rows[0];
  for (const size_t row : rows.subspan(0, evaluations)) {
    if (guide[row] > guide[best]) best = row;
  }
  return judge[best];
}

double ExpectedJudgedBest(size_t evaluations, const std::vector<double>& guide,
                          const std::vector<double>& judge) {
  std::vector<size_t> order(guide.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return guide[a] > guide[b]; });
  const double total = static_cast<double>(order.size());
  const double drawn = static_cast<double>(std::min(evaluations, order.size()));
  double none_before = 1;  // that no row better than this one was drawn
  double expected = 0;
  for (size_t i = 0; i < order.size();) {
    // Of rows that the guide likes equally any may be met first.
    double group = 0, judged = 0;
    size_t end = i;
    for (; end < order.size() && guide[order[end]] == guide[order[i]]; ++end) {
      const double left = total - static_cast<double>(end);
      group += none_before * drawn / left;
      none_before *= std::max(0.0, left - drawn) / left;
      judged += judge[order[end]];
    }
    expected += group * judged / static_cast<double>(end - i);
    i = end;
  }
  return expected;
}

std::optional<size_t> StepsToBest(absl::Span<const size_t> rows, const std::vector<double>& guide) {
  const double best = *std::max_element(guide.begin(), guide.end());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (guide[rows[i]] == best) return i + 1;
  }
  return std::nullopt;
}

HypervolumeShare::HypervolumeShare(const std::vector<double>& first,
                                   const std::vector<double>& second, double first_reference,
                                   double second_reference)
    : first_(first), second_(second), reference_{first_reference, second_reference} {
  std::vector<size_t> all(first.size());
  std::iota(all.begin(), all.end(), size_t{0});
  whole_ = Volume(all);
}

double HypervolumeShare::Of(absl::Span<const size_t> rows, size_t evaluations) const {
  return Volume(rows.subspan(0, evaluations)) / whole_;
}

double HypervolumeShare::Volume(absl::Span<const size_t> rows) const {
  Front front;
  for (const size_t row : rows) {
    front.Insert({static_cast<int64_t>(row), {first_[row], second_[row]}});
  }
  return front.Hypervolume(reference_);
}

}  // namespace cambrian
