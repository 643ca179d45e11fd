#include "server/strategy/ensemble.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "common/base/status.h"
#include "common/nas/origin.h"
#include "server/strategy/adam.h"
#include "server/strategy/candidate_pool.h"
#include "server/strategy/encoding.h"
#include "server/strategy/gp_model.h"
#include "server/strategy/mlp.h"
#include "server/strategy/observations.h"
#include "server/strategy/snapshot.h"
#include "server/strategy/targets.h"

namespace cambrian {
namespace {

constexpr size_t kParents = 10;
constexpr size_t kPoolSize = 200;
constexpr int kNetworks = 5;
constexpr int kDepth = 4;  // BANANAS has ten layers; four learn the same from so few and faster
constexpr int kWidth = 20;
constexpr int kSteps = 400;  // of Adam, however many trials there are
constexpr int kBatch = 20;
constexpr double kRate = 0.01;
constexpr int64_t kRanked = 50;     // results below which only their order is learned
constexpr size_t kMostPaths = 256;  // as inputs
constexpr size_t kLeastKnown = 3;

// What the networks see: the decisions, and which of the ways that occurred among the trials a cell
// has.
class Inputs {
 public:
  explicit Inputs(const SearchSpace& space) : encoder_(space) {
    std::vector<bool> covered;
    graphs_ = CellGraph::Find(space, covered);
    std::erase_if(graphs_, [](const CellGraph& graph) {
      return graph.MostPaths() > static_cast<double>(CellGraph::kMaxPaths);
    });
  }

  // The ways that occur in more than one of the trials, in the order of their first.
  std::map<uint64_t, int> Columns(absl::Span<const ToldTrial> trials) const {
    std::map<uint64_t, int> times;
    std::map<uint64_t, int> columns;
    for (const ToldTrial& told : trials) {
      for (const uint64_t way : Ways(told.architecture)) {
        if (++times[way] == 2 && columns.size() < kMostPaths) {
          columns.try_emplace(way, static_cast<int>(columns.size()));
        }
      }
    }
    return columns;
  }

  Eigen::VectorXd Encode(const Architecture& architecture,
                         const std::map<uint64_t, int>& columns) const {
    Eigen::VectorXd inputs =
        Eigen::VectorXd::Zero(encoder_.size() + static_cast<Eigen::Index>(columns.size()));
    inputs.head(encoder_.size()) = encoder_.Encode(architecture).matrix().cast<double>();
    for (const uint64_t way : Ways(architecture)) {
      if (const auto it = columns.find(way); it != columns.end()) {
        inputs[encoder_.size() + it->second] = 1;
      }
    }
    return inputs;
  }

 private:
  Features Ways(const Architecture& architecture) const {
    Features ways;
    for (const CellGraph& graph : graphs_) graph.AddPaths(architecture, ways);
    std::sort(ways.begin(), ways.end());
    ways.erase(std::unique(ways.begin(), ways.end()), ways.end());
    return ways;
  }

  const DecisionEncoder encoder_;
  std::vector<CellGraph> graphs_;
};

// The five networks after a training, and the scale of each one's predictions.
struct Trained {
  int64_t after = -1;  // so many results
  std::map<uint64_t, int> columns;
  std::vector<Mlp> networks;
  std::vector<double> means;
  std::vector<double> deviations;
  std::vector<double> weights;  // by objective, if there are several
};

Mlp Train(const Eigen::MatrixXd& inputs, const Eigen::VectorXd& targets, bool rank,
          Random& random) {
  Mlp network(static_cast<int>(inputs.rows()), kWidth, kDepth, random);
  Adam adam(kRate);
  std::vector<Eigen::Index> order(static_cast<size_t>(targets.size()));
  std::iota(order.begin(), order.end(), 0);
  const size_t batch = std::min<size_t>(kBatch, order.size());
  size_t at = order.size();
  for (int step = 0; step < kSteps; ++step) {
    if (at + batch > order.size()) {
      for (size_t i = order.size(); i-- > 1;) std::swap(order[i], order[random.Below(i + 1)]);
      at = 0;
    }
    const std::vector<Eigen::Index> chosen(order.begin() + static_cast<std::ptrdiff_t>(at),
                                           order.begin() + static_cast<std::ptrdiff_t>(at + batch));
    at += batch;
    const Eigen::VectorXd wanted = targets(chosen);
    adam.Step(network.Gradient(inputs(Eigen::all, chosen),
                               [&](const Eigen::VectorXd& outputs) {
                                 return rank ? RankingLoss(outputs, wanted).gradient
                                             : SquaredLoss(outputs, wanted).gradient;
                               }),
              network.parameters());
  }
  return network;
}

class Ensemble : public SearchStrategy {
 public:
  Ensemble(const StrategySpec& spec, StrategyContext context)
      : context_(std::move(context)), startup_(spec.startup), inputs_(*context_.space) {}

  AskAnswer Ask(int count, Random& random) const override;
  void Add(int64_t trial, const Architecture& architecture) override {
    observations_.Add(trial, architecture);
  }
  void Tell(int64_t trial, const Outcome& outcome) override { observations_.Tell(trial, outcome); }
  std::string Snapshot() const override { return observations_.ToJson().dump(); }
  absl::Status Restore(absl::string_view snapshot) override {
    ASSIGN_OR_RETURN(const nlohmann::json json, ParseSnapshot(snapshot));
    trained_.after = -1;
    return observations_.Restore(*context_.space, json);
  }

 private:
  bool Prepare() const;
  void TrainOn(absl::Span<const ToldTrial> trials) const;
  // The best trials so far.
  std::vector<PoolParent> Parents() const;
  std::optional<Proposal> Next(absl::flat_hash_set<uint64_t>& seen, Novelty& novelty,
                               Random& random) const;

  const StrategyContext context_;
  const int64_t startup_;
  const Inputs inputs_;
  Observations observations_;
  mutable Trained trained_;  // a function of the observations
};

// Whether there are networks; brings them up to date.
bool Ensemble::Prepare() const {
  const absl::Span<const ToldTrial> trials = observations_.Settled();
  if (trained_.after != observations_.settled()) {
    trained_ = Trained();
    trained_.after = observations_.settled();
    const auto known = std::count_if(trials.begin(), trials.end(), [](const ToldTrial& told) {
      return !told.outcome.values.empty();
    });
    if (known >= static_cast<std::ptrdiff_t>(kLeastKnown)) TrainOn(trials);
  }
  return !trained_.networks.empty();
}

void Ensemble::TrainOn(absl::Span<const ToldTrial> trials) const {
  const std::vector<ToldTrial> told(trials.begin(), trials.end());
  Random random(static_cast<uint64_t>(trained_.after), told.size());
  size_t objectives = 0;
  for (const ToldTrial& each : told) {
    objectives = std::max(objectives, each.outcome.values.size());
  }
  const std::vector<double> weights = RandomWeights(objectives, random);
  const std::vector<std::optional<double>> values = Scalarised(told, weights);
  std::vector<double> good;
  std::vector<double> all;
  for (size_t i = 0; i < told.size(); ++i) {
    if (values[i]) all.push_back(*values[i]);
    if (values[i] && told[i].outcome.feasible) good.push_back(*values[i]);
  }
  const Warp warp(good.empty() ? all : good);
  double worst = 0;
  for (const double value : good.empty() ? all : good) worst = std::min(worst, warp(value));
  trained_.columns = inputs_.Columns(told);
  Eigen::MatrixXd inputs;
  Eigen::VectorXd targets(static_cast<Eigen::Index>(told.size()));
  for (size_t i = 0; i < told.size(); ++i) {
    const Eigen::VectorXd code = inputs_.Encode(told[i].architecture, trained_.columns);
    const auto column = static_cast<Eigen::Index>(i);
    if (i == 0) inputs.resize(code.size(), targets.size());
    inputs.col(column) = code;
    const bool counts = values[i] && (told[i].outcome.feasible || good.empty());
    targets[column] = counts ? warp(*values[i]) : worst;
  }
  for (int network = 0; network < kNetworks; ++network) {
    trained_.networks.push_back(Train(inputs, targets, trained_.after < kRanked, random));
    const Eigen::ArrayXd fitted = trained_.networks.back().Predict(inputs).array();
    trained_.means.push_back(fitted.mean());
    trained_.deviations.push_back(
        std::max(std::sqrt((fitted - fitted.mean()).square().mean()), 1e-9));
  }
  trained_.weights = weights;
}

std::vector<PoolParent> Ensemble::Parents() const {
  const std::vector<ToldTrial>& trials = observations_.trials();
  const std::vector<std::optional<double>> values = Scalarised(trials, trained_.weights);
  std::vector<size_t> order;
  for (size_t i = 0; i < trials.size(); ++i) {
    if (values[i]) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const bool feasible = trials[a].outcome.feasible;
    if (feasible != trials[b].outcome.feasible) return feasible;
    return *values[a] > *values[b];
  });
  if (order.size() > kParents) order.resize(kParents);
  std::vector<PoolParent> parents;
  for (const size_t i : order) parents.push_back({&trials[i].architecture, trials[i].trial});
  return parents;
}

std::optional<Proposal> Ensemble::Next(absl::flat_hash_set<uint64_t>& seen, Novelty& novelty,
                                       Random& random) const {
  const std::vector<PoolEntry> pool = MakePool(*context_.space, Parents(), seen, kPoolSize, random);
  if (pool.empty()) return std::nullopt;
  Eigen::MatrixXd inputs;
  for (size_t i = 0; i < pool.size(); ++i) {
    const Eigen::VectorXd code = inputs_.Encode(pool[i].architecture, trained_.columns);
    if (i == 0) inputs.resize(code.size(), static_cast<Eigen::Index>(pool.size()));
    inputs.col(static_cast<Eigen::Index>(i)) = code;
  }
  const auto n = static_cast<Eigen::Index>(pool.size());
  Eigen::ArrayXd sum = Eigen::ArrayXd::Zero(n);
  Eigen::ArrayXd squares = Eigen::ArrayXd::Zero(n);
  for (int network = 0; network < kNetworks; ++network) {
    const Eigen::ArrayXd standard =
        (trained_.networks[network].Predict(inputs).array() - trained_.means[network]) /
        trained_.deviations[network];
    sum += standard;
    squares += standard.square();
  }
  const Eigen::ArrayXd mean = sum / kNetworks;
  const Eigen::ArrayXd spread =
      ((squares / kNetworks - mean.square()).max(0) * kNetworks / (kNetworks - 1)).sqrt();
  std::vector<std::pair<double, size_t>> drawn;
  for (size_t i = 0; i < pool.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    drawn.emplace_back(-(mean[row] + spread[row] * random.Normal()), i);
  }
  std::sort(drawn.begin(), drawn.end());
  for (const auto& [value, i] : drawn) {
    std::optional<Candidate> candidate = novelty.Try(pool[i].architecture);
    if (!candidate) continue;
    seen.insert(HashOf(pool[i].architecture));
    const auto row = static_cast<Eigen::Index>(i);
    Origin origin = pool[i].ToOrigin();
    origin.judgement = Origin::Judgement::kDraw;
    origin.value = -value;
    origin.predictions = {{mean[row], spread[row]}};
    return Proposal{*std::move(candidate), origin.ToString()};
  }
  return std::nullopt;
}

AskAnswer Ensemble::Ask(int count, Random& random) const {
  absl::flat_hash_set<uint64_t> seen;
  for (const ToldTrial& told : observations_.trials()) seen.insert(HashOf(told.architecture));
  for (const auto& [trial, pending] : observations_.pending()) seen.insert(HashOf(pending));
  return ProposeOrSample(context_, count, random,
                         [&](Novelty& novelty, int64_t already) -> std::optional<Proposal> {
                           if (observations_.added() + already < startup_ || !Prepare()) return {};
                           return Next(seen, novelty, random);
                         });
}

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewEnsemble(const StrategySpec& spec,
                                                            StrategyContext context) {
  return std::make_unique<Ensemble>(spec, std::move(context));
}

}  // namespace cambrian
