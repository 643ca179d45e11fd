#include "server/strategy/elite.h"

#include <algorithm>
#include <utility>

#include "server/strategy/merit_order.h"

namespace cambrian {
namespace {

int ClassOf(const Outcome& outcome) {
  return outcome.values.empty() ? 0 : outcome.feasible ? 2 : 1;
}

}  // namespace

void Elite::Insert(ToldTrial trial) {
  if (trial.outcome.values.size() <= 1) {
    const auto worse = [](const ToldTrial& a, const ToldTrial& b) {  // b is worse than a
      const int a_class = ClassOf(a.outcome);
      const int b_class = ClassOf(b.outcome);
      if (a_class != b_class) return a_class > b_class;
      return a_class > 0 && a.outcome.values[0] > b.outcome.values[0];
    };
    trials_.insert(std::upper_bound(trials_.begin(), trials_.end(), trial, worse),
                   std::move(trial));
  } else {
    trials_.push_back(std::move(trial));
    std::vector<const Outcome*> outcomes;
    for (const ToldTrial& each : trials_) outcomes.push_back(&each.outcome);
    const std::vector<Merit> merits = MeritsOf(outcomes);
    std::vector<size_t> order(trials_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      if (!(merits[a] == merits[b])) return Better(merits[a], merits[b]);
      return trials_[a].trial < trials_[b].trial;
    });
    std::vector<ToldTrial> sorted;
    sorted.reserve(capacity_ + 1);
    for (const size_t i : order) sorted.push_back(std::move(trials_[i]));
    trials_ = std::move(sorted);
  }
  if (trials_.size() > capacity_) trials_.pop_back();
}

absl::Status Elite::Assign(std::vector<ToldTrial> trials) {
  if (trials.size() > capacity_) {
    return absl::InvalidArgumentError("the snapshot has more of the best trials than are kept");
  }
  trials_ = std::move(trials);
  return absl::OkStatus();
}

}  // namespace cambrian
