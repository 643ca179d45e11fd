#include "worker/torch/measure.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <vector>

#include "common/base/status.h"
#include "worker/torch/backend.h"

namespace cambrian {
namespace {

constexpr int kLeastWarmUps = 5;
constexpr double kWarmUpMilliseconds = 50;
constexpr double kLeastMilliseconds = 200;
constexpr size_t kMostRuns = 1000;

// Sets the number of threads for as long as it lives.
class ThreadsScope {
 public:
  explicit ThreadsScope(int threads) : before_(Threads()) { SetThreads(threads); }
  ~ThreadsScope() { SetThreads(before_); }
  ThreadsScope(const ThreadsScope&) = delete;
  ThreadsScope& operator=(const ThreadsScope&) = delete;

 private:
  const int before_;
};

// Example data: what the values are does not matter, but zeros could be quicker than others.
at::Tensor ExampleBatch(const NetworkModule& network, int64_t count) {
  at::Tensor batch = EmptyBatch(count, network.network().operations.front().shape);
  batch.normal_();
  return batch.to(network.device());
}

// Linear between the neighbours; `sorted` is not empty.
double Quantile(const std::vector<double>& sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

absl::StatusOr<Measurement> MeasureLatency(const NetworkModule& network,
                                           const evaluator::MeasureLatency& request,
                                           Control& control) {
  const ThreadsScope threads(static_cast<int>(request.threads));
  const c10::InferenceMode inference;
  NetworkModule folded = network.InferenceForm();
  const at::Tensor batch = ExampleBatch(folded, request.batch);
  const auto run = [&] {
    return TimeMilliseconds(folded.device(), [&] { folded.Forward(batch, {}); });
  };

  double total = 0;
  for (int i = 0; i < kLeastWarmUps || total < kWarmUpMilliseconds; ++i) {
    RETURN_IF_ERROR(control.Proceed());
    total += run();
  }
  std::vector<double> times;
  total = 0;
  const auto least = static_cast<size_t>(std::max<int64_t>(request.runs, 1));
  while (times.size() < least || (total < kLeastMilliseconds && times.size() < kMostRuns)) {
    RETURN_IF_ERROR(control.Proceed());
    times.push_back(run());
    total += times.back();
  }
  std::sort(times.begin(), times.end());
  return Measurement{Quantile(times, 0.5), Quantile(times, 0.1), Quantile(times, 0.9)};
}

int64_t MeasurePeakBytes(const NetworkModule& network) {
  const c10::InferenceMode inference;
  NetworkModule folded = network.InferenceForm();
  return folded.PeakMapBytes(ExampleBatch(folded, 1)) + folded.WeightBytes();
}

}  // namespace cambrian
