#include "server/strategy/gp_search.h"

#include <algorithm>
#include <numeric>
#include <queue>
#include <utility>

#include "server/strategy/merit_order.h"

namespace cambrian {
namespace {

constexpr size_t kParents = 10;
constexpr size_t kMostParents = 30;  // where the first front is longer
constexpr size_t kPoolSize = 500;
constexpr size_t kMostBelieved = 200;  // pending trials, the newest
constexpr double kNothing = 1e-7;      // expected improvement, in deviations of the results
constexpr double kMargin = 0.1;        // of the reference point, in shares of the range
constexpr double kLikely = 0.5;        // a probability

size_t ObjectivesOf(const std::vector<ToldTrial>& trials) {
  size_t objectives = 0;
  for (const ToldTrial& told : trials) {
    objectives = std::max(objectives, told.outcome.values.size());
  }
  return objectives;
}

std::vector<std::optional<double>> ValuesOf(const std::vector<ToldTrial>& trials,
                                            size_t objective) {
  std::vector<std::optional<double>> values;
  for (const ToldTrial& told : trials) {
    values.emplace_back();
    if (objective < told.outcome.values.size()) values.back() = told.outcome.values[objective];
  }
  return values;
}

bool IsGood(const ToldTrial& told) { return told.outcome.feasible && !told.outcome.values.empty(); }

}  // namespace

GpSearch::GpSearch(const Encoded& encoded, const Observations& observations, int more,
                   Random& random) {
  const std::vector<ToldTrial>& trials = observations.trials();
  const PendingTrials& pending = observations.pending();
  const size_t believed = std::min(kMostBelieved, pending.size());
  const int room = static_cast<int>(believed) + more;
  std::vector<bool> feasible;
  for (const ToldTrial& told : trials) {
    feasible.push_back(IsGood(told));
    seen_.insert(HashOf(told.architecture));
  }
  const size_t objectives = ObjectivesOf(trials);
  if (objectives == 2) {
    models_.reserve(2);
    for (const size_t k : {0, 1})
      models_.emplace_back(encoded, ValuesOf(trials, k), feasible, room);
    FindFront(trials);
  } else {
    weights_ = RandomWeights(objectives, random);
    models_.emplace_back(encoded, Scalarised(trials, weights_), feasible, room);
  }
  FindParents(trials);
  size_t skipped = pending.size() - believed;
  for (const auto& [trial, architecture] : pending) {
    seen_.insert(HashOf(architecture));
    if (skipped > 0) {
      --skipped;
    } else {
      Believe(architecture);
    }
  }
}

void GpSearch::FindParents(const std::vector<ToldTrial>& trials) {
  std::vector<size_t> order(trials.size());
  std::iota(order.begin(), order.end(), 0);
  size_t count = kParents;
  if (models_.size() == 2) {
    std::vector<const Outcome*> outcomes;
    for (const ToldTrial& told : trials) outcomes.push_back(&told.outcome);
    const std::vector<Merit> merits = MeritsOf(outcomes);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return Better(merits[a], merits[b]); });
    const auto first = std::count_if(merits.begin(), merits.end(),
                                     [](const Merit& merit) { return merit.front == 0; });
    count = std::clamp(static_cast<size_t>(first), kParents, kMostParents);
  } else {
    const Eigen::VectorXd& merits = models_[0].merits();
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return merits[static_cast<Eigen::Index>(a)] > merits[static_cast<Eigen::Index>(b)];
    });
  }
  for (size_t i = 0; i < std::min(count, order.size()); ++i) {
    parents_.push_back({&trials[order[i]].architecture, trials[order[i]].trial});
  }
}

// The reference is the worst of all results, not of the front: the front of few results is short,
// and what would make it longer must count.
void GpSearch::FindFront(const std::vector<ToldTrial>& trials) {
  if (!models_[0].any_feasible()) return;
  std::vector<PlaneFront::Point> points;
  for (size_t i = 0; i < trials.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    if (IsGood(trials[i])) points.push_back({models_[0].targets()[row], models_[1].targets()[row]});
  }
  PlaneFront::Point reference;
  for (const size_t k : {0, 1}) {
    const auto [worst, best] = std::minmax_element(
        points.begin(), points.end(), [&](const auto& a, const auto& b) { return a[k] < b[k]; });
    const double range = (*best)[k] - (*worst)[k];
    reference[k] = (*worst)[k] - (range > 0 ? kMargin * range : 1);
  }
  front_.emplace(reference);
  for (const PlaneFront::Point& point : points) front_->Insert(point);
}

void GpSearch::Believe(const Architecture& architecture) {
  if (front_) {
    const GpModel::Expectation first = models_[0].Expect(models_[0].Look(architecture));
    const double second = models_[1].Look(architecture).at_most.mean;
    if (first.feasible >= kLikely) front_->Insert({first.mean, second});
  }
  for (GpModel& model : models_) model.Believe(architecture);
}

double GpSearch::Improvement(const Expectations& expected) const {
  const double feasible = expected[0].feasible;
  if (!models_[0].any_feasible()) return feasible;
  if (front_) {
    return feasible * front_->ExpectedGain({expected[0].mean, expected[1].mean},
                                           {expected[0].deviation, expected[1].deviation});
  }
  return feasible * ExpectedImprovement(expected[0].mean, expected[0].deviation, models_[0].best());
}

// An improvement is computed where what it is at most, which is cheap to see, leads the rest.
std::optional<Proposal> GpSearch::Next(const SearchSpace& space, Novelty& novelty, Random& random) {
  const std::vector<PoolEntry> pool = MakePool(space, parents_, seen_, kPoolSize, random);
  std::vector<std::vector<GpModel::Glance>> glances(pool.size());
  std::vector<Expectations> exact(pool.size());
  struct Entry {
    double improvement;
    size_t place;
    bool operator<(const Entry& other) const {
      return improvement != other.improvement ? improvement < other.improvement
                                              : place > other.place;
    }
  };
  std::priority_queue<Entry> queue;
  for (size_t i = 0; i < pool.size(); ++i) {
    Expectations at_most;
    for (const GpModel& model : models_) {
      glances[i].push_back(model.Look(pool[i].architecture));
      at_most.push_back(glances[i].back().at_most);
    }
    queue.push({Improvement(at_most), i});
  }
  while (!queue.empty() && queue.top().improvement > kNothing) {
    const auto [improvement, i] = queue.top();
    queue.pop();
    if (exact[i].empty()) {
      for (size_t m = 0; m < models_.size(); ++m) {
        exact[i].push_back(models_[m].Expect(glances[i][m]));
      }
      queue.push({Improvement(exact[i]), i});
      continue;
    }
    std::optional<Candidate> candidate = novelty.Try(pool[i].architecture);
    if (!candidate) continue;
    Proposal proposal{*std::move(candidate), OriginOf(exact[i], improvement, pool[i]).ToString()};
    seen_.insert(HashOf(pool[i].architecture));
    Believe(pool[i].architecture);
    return proposal;
  }
  return std::nullopt;
}

Origin GpSearch::OriginOf(const Expectations& expected, double improvement,
                          const PoolEntry& entry) const {
  Origin origin = entry.ToOrigin();
  if (!models_[0].any_feasible()) {
    origin.judgement = Origin::Judgement::kFeasibility;
    origin.value = expected[0].feasible;
    return origin;
  }
  for (size_t m = 0; m < models_.size(); ++m) {
    const Warp& warp = models_[m].warp();
    origin.predictions.push_back(
        {warp.Value(expected[m].mean), expected[m].deviation * warp.Slope(expected[m].mean)});
  }
  origin.weights = weights_;
  origin.judgement = Origin::Judgement::kImprovement;
  origin.value = improvement * models_[0].warp().Slope(models_[0].best());
  if (front_) {
    origin.judgement = Origin::Judgement::kHypervolume;
    origin.value = improvement;
  }
  return origin;
}

}  // namespace cambrian
