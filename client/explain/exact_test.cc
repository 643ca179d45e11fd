#include "client/explain/exact_test.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace cambrian {
namespace {

double LogChoose(int64_t n, int64_t k) {
  const auto log_factorial = [](int64_t m) { return std::lgamma(static_cast<double>(m) + 1); };
  return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

// Of the `with` that have it, so many are among the `best`, of whom there are `n` in all.
struct Hypergeometric {
  int64_t n = 0;
  int64_t best = 0;
  int64_t with = 0;

  int64_t low() const { return std::max<int64_t>(0, best + with - n); }
  int64_t high() const { return std::min(best, with); }
  double LogWeight(int64_t k) const { return LogChoose(with, k) + LogChoose(n - with, best - k); }
  // Of k + 1 against k.
  double Ratio(int64_t k) const {
    return static_cast<double>(with - k) * static_cast<double>(best - k) /
           (static_cast<double>(k + 1) * static_cast<double>(n - with - best + k + 1));
  }
};

Hypergeometric DistributionOf(const FourCounts& c) {
  return {c.best() + c.rest(), c.best(), c.best_with + c.rest_with};
}

}  // namespace

double FourCounts::LogOddsRatio() const {
  return std::log(
      (static_cast<double>(best_with) + 0.5) * (static_cast<double>(rest_without) + 0.5) /
      ((static_cast<double>(best_without) + 0.5) * (static_cast<double>(rest_with) + 0.5)));
}

double FourCounts::LogOddsError() const {
  double sum = 0;
  for (const int64_t count : {best_with, best_without, rest_with, rest_without}) {
    sum += 1 / (static_cast<double>(count) + 0.5);
  }
  return std::sqrt(sum);
}

double FisherTest(const FourCounts& counts) {
  const Hypergeometric h = DistributionOf(counts);
  if (h.n == 0) return 1;
  const double expected =
      static_cast<double>(h.best) * static_cast<double>(h.with) / static_cast<double>(h.n);
  const bool up = static_cast<double>(counts.best_with) >= expected;
  // Away from what is expected the terms fall; those that no longer count are left out.
  double sum = 1;
  double term = 1;
  for (int64_t k = counts.best_with; up ? k < h.high() : k > h.low(); k += up ? 1 : -1) {
    term *= up ? h.Ratio(k) : 1 / h.Ratio(k - 1);
    sum += term;
    if (term < 1e-16 * sum) break;
  }
  const double log_p = h.LogWeight(counts.best_with) - LogChoose(h.n, h.best) + std::log(2 * sum);
  return std::min(1.0, std::exp(log_p));
}

double ZelenTest(const FourCounts& a, const FourCounts& b) {
  const Hypergeometric x = DistributionOf(a);
  const Hypergeometric y = DistributionOf(b);
  const int64_t sum = a.best_with + b.best_with;
  const int64_t low = std::max(x.low(), sum - y.high());
  const int64_t high = std::min(x.high(), sum - y.low());
  std::vector<double> logs;
  for (int64_t k = low; k <= high; ++k) logs.push_back(x.LogWeight(k) + y.LogWeight(sum - k));
  const double top = *std::max_element(logs.begin(), logs.end());
  double all = 0;
  double upper = 0;
  double lower = 0;
  for (int64_t k = low; k <= high; ++k) {
    const double weight = std::exp(logs[static_cast<size_t>(k - low)] - top);
    all += weight;
    if (k >= a.best_with) upper += weight;
    if (k <= a.best_with) lower += weight;
  }
  return std::min(1.0, 2 * std::min(upper, lower) / all);
}

std::vector<double> HolmAdjusted(absl::Span<const double> p, size_t tests) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double largest = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    const double times = static_cast<double>(tests - rank);
    largest = std::max(largest, std::min(1.0, p[order[rank]] * times));
    adjusted[order[rank]] = largest;
  }
  return adjusted;
}

}  // namespace cambrian
