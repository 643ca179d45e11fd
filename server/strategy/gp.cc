#include "server/strategy/gp.h"

#include <algorithm>
#include <numeric>
#include <queue>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/origin.h"
#include "server/strategy/candidate_pool.h"
#include "server/strategy/gp_model.h"
#include "server/strategy/snapshot.h"

namespace cambrian {
namespace {

constexpr size_t kParents = 10;
constexpr size_t kPoolSize = 500;
constexpr size_t kMostBelieved = 200;  // pending trials, the newest
constexpr size_t kLeastKnown = 3;      // results before there is a model
constexpr double kNothing = 1e-7;      // expected improvement, in deviations of the results

absl::StatusOr<std::vector<Likeness>> ReadKernel(const SearchSpace& space,
                                                 absl::string_view kernel) {
  if (kernel == "auto") return LikenessesOf(space);
  if (kernel == "hamming") return std::vector{Likeness::kHamming};
  if (kernel == "paths") return std::vector{Likeness::kPaths};
  if (kernel == "weisfeiler_lehman") return std::vector{Likeness::kRefined};
  return absl::InvalidArgumentError(absl::StrCat("no kernel \"", kernel, "\""));
}

class Gp : public SearchStrategy {
 public:
  Gp(const StrategySpec& spec, StrategyContext context, const std::vector<Likeness>& likenesses)
      : context_(std::move(context)), startup_(spec.startup) {
    for (const Likeness likeness : likenesses) {
      encoded_.push_back(std::make_unique<EncodedTrials>(*context_.space, likeness));
    }
  }

  AskAnswer Ask(int count, Random& random) const override;
  void Add(int64_t trial, const Architecture& architecture) override {
    observations_.Add(trial, architecture);
  }
  void Tell(int64_t trial, const Outcome& outcome) override { observations_.Tell(trial, outcome); }
  std::string Snapshot() const override { return observations_.ToJson().dump(); }
  absl::Status Restore(absl::string_view snapshot) override {
    ASSIGN_OR_RETURN(const nlohmann::json json, ParseSnapshot(snapshot));
    return observations_.Restore(*context_.space, json);
  }

 private:
  // A model of all that is known, and where to look. For one ask.
  struct Search {
    std::vector<double> weights;  // by objective, if there are several
    std::optional<GpModel> model;
    std::vector<PoolParent> parents;
    absl::flat_hash_set<uint64_t> seen;
  };

  bool HasModel() const;
  Search Begin(int count, Random& random) const;
  std::optional<Proposal> Next(Search& search, Novelty& novelty, Random& random) const;
  static Origin OriginOf(const Search& search, const GpModel::Expectation& expected,
                         const PoolEntry& entry);

  const StrategyContext context_;
  const int64_t startup_;
  Observations observations_;
  std::vector<std::unique_ptr<EncodedTrials>> encoded_;  // by likeness; brought up to date by asks
};

bool Gp::HasModel() const {
  size_t known = 0;
  for (const ToldTrial& told : observations_.trials()) {
    if (!told.outcome.values.empty() && ++known == kLeastKnown) return true;
  }
  return false;
}

AskAnswer Gp::Ask(int count, Random& random) const {
  std::optional<Search> search;
  return ProposeOrSample(context_, count, random,
                         [&](Novelty& novelty, int64_t already) -> std::optional<Proposal> {
                           if (observations_.added() + already < startup_ || !HasModel()) return {};
                           if (!search) search.emplace(Begin(count, random));
                           if (std::optional<Proposal> proposal = Next(*search, novelty, random))
                             return proposal;
                           std::optional<Candidate> candidate = novelty.Sample(random);
                           if (!candidate) return {};
                           Origin origin;
                           origin.remark = "no improvement expected nearby";
                           return Proposal{*std::move(candidate), origin.ToString()};
                         });
}

Gp::Search Gp::Begin(int count, Random& random) const {
  const std::vector<ToldTrial>& trials = observations_.trials();
  for (const auto& each : encoded_) each->Update(trials);
  Search search;
  size_t objectives = 0;
  std::vector<bool> feasible;
  for (const ToldTrial& told : trials) {
    feasible.push_back(told.outcome.feasible && !told.outcome.values.empty());
    objectives = std::max(objectives, told.outcome.values.size());
    search.seen.insert(HashOf(told.architecture));
  }
  search.weights = RandomWeights(objectives, random);
  const PendingTrials& pending = observations_.pending();
  const size_t believed = std::min(kMostBelieved, pending.size());
  search.model.emplace(encoded_, Scalarised(trials, search.weights), feasible,
                       static_cast<int>(believed) + count);
  size_t skipped = pending.size() - believed;
  for (const auto& [trial, architecture] : pending) {
    search.seen.insert(HashOf(architecture));
    if (skipped > 0) {
      --skipped;
    } else {
      search.model->Believe(architecture);
    }
  }
  std::vector<size_t> order(trials.size());
  std::iota(order.begin(), order.end(), 0);
  const Eigen::VectorXd& merits = search.model->merits();
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return merits[static_cast<Eigen::Index>(a)] > merits[static_cast<Eigen::Index>(b)];
  });
  for (size_t i = 0; i < std::min(kParents, order.size()); ++i) {
    search.parents.push_back({&trials[order[i]].architecture, trials[order[i]].trial});
  }
  return search;
}

// The best of the pool that is new work. Its improvement is computed where what it is at most,
// which is cheap to see, leads the rest.
std::optional<Proposal> Gp::Next(Search& search, Novelty& novelty, Random& random) const {
  const std::vector<PoolEntry> pool =
      MakePool(*context_.space, search.parents, search.seen, kPoolSize, random);
  std::vector<GpModel::Glance> glances;
  std::vector<std::optional<GpModel::Expectation>> exact(pool.size());
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
    glances.push_back(search.model->Look(pool[i].architecture));
    queue.push({glances[i].at_most, i});
  }
  while (!queue.empty() && queue.top().improvement > kNothing) {
    const size_t i = queue.top().place;
    queue.pop();
    if (!exact[i]) {
      exact[i] = search.model->Expect(glances[i]);
      queue.push({exact[i]->improvement, i});
      continue;
    }
    std::optional<Candidate> candidate = novelty.Try(pool[i].architecture);
    if (!candidate) continue;
    Proposal proposal{*std::move(candidate), OriginOf(search, *exact[i], pool[i]).ToString()};
    search.seen.insert(HashOf(pool[i].architecture));
    search.model->Believe(pool[i].architecture);
    return proposal;
  }
  return std::nullopt;
}

Origin Gp::OriginOf(const Search& search, const GpModel::Expectation& expected,
                    const PoolEntry& entry) {
  Origin origin = entry.ToOrigin();
  if (!search.model->any_feasible()) {
    origin.judgement = Origin::Judgement::kFeasibility;
    origin.value = expected.feasible;
    return origin;
  }
  const Warp& warp = search.model->warp();
  origin.judgement = Origin::Judgement::kImprovement;
  origin.value = expected.improvement * warp.Slope(search.model->best());
  origin.prediction = {warp.Value(expected.mean), expected.deviation * warp.Slope(expected.mean)};
  origin.weights = search.weights;
  return origin;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewGp(const StrategySpec& spec,
                                                      StrategyContext context) {
  ASSIGN_OR_RETURN(const std::vector<Likeness> likenesses, ReadKernel(*context.space, spec.kernel));
  return std::make_unique<Gp>(spec, std::move(context), likenesses);
}

}  // namespace cambrian
