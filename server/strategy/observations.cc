#include "server/strategy/observations.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "common/base/random.h"
#include "common/base/status.h"
#include "server/strategy/merit_order.h"

namespace cambrian {

void Observations::Add(int64_t trial, const Architecture& architecture) {
  pending_[trial] = architecture;
  ++added_;
}

bool Observations::Tell(int64_t trial, const Outcome& outcome) {
  const auto it = pending_.find(trial);
  if (it == pending_.end()) return false;
  trials_.push_back({trial, std::move(it->second), outcome});
  pending_.erase(it);
  std::vector<double>& values = trials_.back().outcome.values;
  if (!std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) {
    trials_.back().outcome = Outcome{};
  }
  ++told_;
  if (told_ % kRound == 0 && trials_.size() > kMost) Drop();
  return true;
}

absl::Span<const ToldTrial> Observations::Settled() const {
  const auto open = static_cast<size_t>(told_ % kRound);
  return absl::MakeConstSpan(trials_).first(trials_.size() - std::min(open, trials_.size()));
}

void Observations::Drop() {
  std::vector<const Outcome*> outcomes;
  outcomes.reserve(trials_.size());
  for (const ToldTrial& told : trials_) outcomes.push_back(&told.outcome);
  const std::vector<Merit> merits = MeritsOf(outcomes);
  std::vector<size_t> order(trials_.size());
  std::iota(order.begin(), order.end(), 0);
  std::nth_element(order.begin(), order.begin() + kBest, order.end(), [&](size_t a, size_t b) {
    if (Better(merits[a], merits[b])) return true;
    if (Better(merits[b], merits[a])) return false;
    return trials_[a].trial < trials_[b].trial;
  });
  // Of those beyond the best, the ones whose numbers hash highest.
  const auto hash = [&](size_t i) {
    return Random(static_cast<uint64_t>(trials_[i].trial)).Next();
  };
  std::nth_element(order.begin() + kBest, order.begin() + kMost, order.end(),
                   [&](size_t a, size_t b) { return hash(a) < hash(b); });
  std::vector<size_t> kept(order.begin(), order.begin() + kMost);
  std::sort(kept.begin(), kept.end());
  std::vector<ToldTrial> trials;
  for (const size_t i : kept) trials.push_back(std::move(trials_[i]));
  trials_ = std::move(trials);
}

nlohmann::json Observations::ToJson() const {
  return {{"trials", CompactJson(trials_)},
          {"pending", CompactJson(pending_)},
          {"proposed", added_},
          {"told", told_}};
}

absl::Status Observations::Restore(const SearchSpace& space, const nlohmann::json& json) {
  ASSIGN_OR_RETURN(const nlohmann::json* const trials_json, ListAt(json, "trials"));
  ASSIGN_OR_RETURN(const nlohmann::json* const pending_json, ListAt(json, "pending"));
  ASSIGN_OR_RETURN(const int64_t added, CountAt(json, "proposed"));
  ASSIGN_OR_RETURN(const int64_t told, CountAt(json, "told"));
  ASSIGN_OR_RETURN(std::vector<ToldTrial> trials, CompactToldList(space, *trials_json));
  ASSIGN_OR_RETURN(PendingTrials pending, CompactPending(space, *pending_json));
  if (trials.size() > kMost + kRound)
    return absl::InvalidArgumentError("the snapshot has too many trials");
  trials_ = std::move(trials);
  pending_ = std::move(pending);
  added_ = added;
  told_ = told;
  return absl::OkStatus();
}

}  // namespace cambrian
