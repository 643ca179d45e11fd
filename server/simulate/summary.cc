#include "server/simulate/summary.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cambrian {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// One run as it stands after each of its trials.
class Walk {
 public:
  Walk(const SimulatedRun& run, bool maximize) : run_(run), maximize_(maximize) {}

  void Step() {
    if (next_ == run_.trials.size()) return;
    const SimulatedTrial& trial = run_.trials[next_++];
    seconds_ = absl::ToDoubleSeconds(trial.ended);
    if (!trial.has_result) return;
    const bool better = maximize_ ? trial.guided > guided_ : trial.guided < guided_;
    if (!std::isnan(guided_) && !better) return;
    guided_ = trial.guided;
    judged_ = trial.judged;
  }
  double guided() const { return guided_; }
  double judged() const { return judged_; }
  double seconds() const { return seconds_; }

 private:
  const SimulatedRun& run_;
  const bool maximize_;
  size_t next_ = 0;
  double guided_ = kNone;
  double judged_ = kNone;
  double seconds_ = 0;
};

template <typename Of>
Estimate EstimateOver(absl::Span<const SimulatedRun> runs, Of of) {
  std::vector<double> values;
  for (const SimulatedRun& run : runs) values.push_back(of(run));
  return EstimateOf(values);
}

}  // namespace

Estimate EstimateOf(const std::vector<double>& values) {
  double count = 0;
  double sum = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    ++count;
    sum += value;
  }
  if (count == 0) return {kNone, kNone};
  const double mean = sum / count;
  double squares = 0;
  for (const double value : values) {
    if (!std::isnan(value)) squares += (value - mean) * (value - mean);
  }
  return {mean, count > 1 ? std::sqrt(squares / (count - 1) / count) : 0};
}

Summary Summarize(absl::Span<const SimulatedRun> runs, bool maximize, int workers) {
  Summary summary;
  std::vector<Walk> walks;
  size_t longest = 0;
  for (const SimulatedRun& run : runs) {
    walks.emplace_back(run, maximize);
    longest = std::max(longest, run.trials.size());
    summary.without_row += run.without_row;
  }
  std::vector<double> judged(runs.size());
  std::vector<double> guided(runs.size());
  std::vector<double> seconds(runs.size());
  for (size_t n = 1; n <= longest; ++n) {
    for (size_t i = 0; i < walks.size(); ++i) {
      walks[i].Step();
      judged[i] = walks[i].judged();
      guided[i] = walks[i].guided();
      seconds[i] = walks[i].seconds();
    }
    summary.curve.push_back(
        {static_cast<int64_t>(n), EstimateOf(judged), EstimateOf(guided), EstimateOf(seconds)});
  }
  summary.seconds =
      EstimateOver(runs, [](const SimulatedRun& run) { return absl::ToDoubleSeconds(run.length); });
  summary.utilization = EstimateOver(runs, [&](const SimulatedRun& run) {
    const absl::Duration whole = workers * run.length;
    return whole > absl::ZeroDuration() ? absl::FDivDuration(run.busy, whole) : kNone;
  });
  summary.lost_attempts = EstimateOver(
      runs, [](const SimulatedRun& run) { return static_cast<double>(run.lost_attempts); });
  return summary;
}

}  // namespace cambrian
