#include "server/strategy/reinforce.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/origin.h"
#include "server/strategy/adam.h"
#include "server/strategy/policy.h"
#include "server/strategy/snapshot.h"
#include "server/strategy/told_trial.h"

namespace cambrian {
namespace {

constexpr int kMaxDraws = 50;
constexpr int kMaxMutations = 20;
constexpr double kBaselineDecay = 0.9;
constexpr double kMostAdvantage = 3;
constexpr Eigen::Index kMostParameters = 2'000'000;
constexpr uint64_t kFirstWeights = 11;  // seed

// Doubles, bit for bit.
std::string Packed(const Eigen::ArrayXd& values) {
  return absl::Base64Escape(absl::string_view(reinterpret_cast<const char*>(values.data()),
                                              static_cast<size_t>(values.size()) * sizeof(double)));
}

absl::StatusOr<Eigen::ArrayXd> Unpacked(const nlohmann::json& json, const char* key,
                                        Eigen::Index size) {
  std::string bytes;
  if (!json.contains(key) || !json[key].is_string() ||
      !absl::Base64Unescape(json[key].get<std::string>(), &bytes) ||
      bytes.size() != static_cast<size_t>(size) * sizeof(double)) {
    return absl::InvalidArgumentError(absl::StrCat("the snapshot has no numbers \"", key, "\""));
  }
  Eigen::ArrayXd values(size);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// What results are worth: one number each, by what came before. Plain data.
struct Rewards {
  std::vector<double> low;  // by objective
  std::vector<double> high;
  double baseline = 0;
  double spread = 0;
  double least = 0;
  int64_t count = 0;

  double Of(const Outcome& outcome) {
    if (outcome.values.empty() || !std::all_of(outcome.values.begin(), outcome.values.end(),
                                               [](double v) { return std::isfinite(v); })) {
      return least;
    }
    if (low.empty()) low = high = outcome.values;
    double reward = 0;
    for (size_t k = 0; k < std::min(low.size(), outcome.values.size()); ++k) {
      const double value = outcome.values[k];
      low[k] = std::min(low[k], value);
      high[k] = std::max(high[k], value);
      if (low.size() == 1) {
        reward = value;
      } else if (high[k] > low[k]) {
        reward += (value - low[k]) / (high[k] - low[k]);
      }
    }
    if (count == 0) least = reward;
    if (!outcome.feasible) return least;
    least = std::min(least, reward);
    return reward;
  }

  // R − b in units of its usual size; then both learn of it.
  double Advantage(double reward) {
    if (count++ == 0) {
      baseline = reward;
      return 0;
    }
    const double difference = reward - baseline;
    if (spread == 0) spread = std::abs(difference);
    const double advantage =
        spread > 0 ? std::clamp(difference / spread, -kMostAdvantage, kMostAdvantage) : 0;
    baseline += (1 - kBaselineDecay) * difference;
    spread += (1 - kBaselineDecay) * (std::abs(difference) - spread);
    return advantage;
  }
};

class Reinforce : public SearchStrategy {
 public:
  Reinforce(const StrategySpec& spec, StrategyContext context)
      : context_(std::move(context)),
        lstm_(spec.controller == "lstm"),
        entropy_(spec.entropy),
        choices_(*context_.space),
        adam_(spec.rate > 0 ? spec.rate
              : lstm_       ? 3.5e-4
                            : 0.1) {
    Random random(kFirstWeights);
    policy_ = lstm_ ? NewLstmPolicy(choices_, {static_cast<int>(spec.units)}, random)
                    : NewLogitsPolicy(choices_);
  }

  Eigen::Index size() const { return policy_->parameters().size(); }

  AskAnswer Ask(int count, Random& random) const override;
  void Add(int64_t trial, const Architecture& architecture) override {
    pending_[trial] = architecture;
  }
  void Tell(int64_t trial, const Outcome& outcome) override;
  std::string Snapshot() const override;
  absl::Status Restore(absl::string_view snapshot) override;

 private:
  struct Emission {
    Architecture architecture;
    double log_probability = 0;
  };
  Emission Emit(Random& random) const;
  static std::string OriginOf(const Emission& emission, bool mutated) {
    Origin origin;
    origin.source = Origin::Source::kPolicy;
    origin.value = emission.log_probability;
    origin.until_new = mutated;
    return origin.ToString();
  }
  std::optional<Proposal> Propose(Novelty& novelty, Random& random) const;

  const StrategyContext context_;
  const bool lstm_;
  const double entropy_;
  const DecisionChoices choices_;
  std::unique_ptr<Policy> policy_;
  Adam adam_;
  Rewards rewards_;
  PendingTrials pending_;
};

Reinforce::Emission Reinforce::Emit(Random& random) const {
  Emission emission;
  std::vector<double>& values = emission.architecture.values;
  values.assign(choices_.decisions(), Architecture::kInactive);
  const std::unique_ptr<Policy::Walk> walk = policy_->Begin();
  for (size_t d = 0; d < values.size(); ++d) {
    if (!context_.space->Exists(d, emission.architecture)) continue;
    const Eigen::ArrayXd p = walk->Probabilities(d);
    double u = random.Uniform();
    int choice = 0;
    while (choice + 1 < p.size() && u >= p[choice]) u -= p[choice++];
    walk->Choose(choice);
    values[d] = choices_.Draw(d, choice, random);
    emission.log_probability += std::log(p[choice]);
  }
  return emission;
}

std::optional<Proposal> Reinforce::Propose(Novelty& novelty, Random& random) const {
  Emission emission;
  for (int draw = 0; draw < kMaxDraws; ++draw) {
    emission = Emit(random);
    if (!context_.space->Validate(emission.architecture).ok()) continue;
    if (std::optional<Candidate> candidate = novelty.Try(emission.architecture)) {
      return Proposal{*std::move(candidate), OriginOf(emission, /*mutated=*/false)};
    }
  }
  // The policy is sure of what is known: nearby, then.
  if (!context_.space->Validate(emission.architecture).ok()) return std::nullopt;
  for (int mutation = 0; mutation < kMaxMutations; ++mutation) {
    emission.architecture = context_.space->Mutate(emission.architecture, random);
    if (std::optional<Candidate> candidate = novelty.Try(emission.architecture)) {
      return Proposal{*std::move(candidate), OriginOf(emission, /*mutated=*/true)};
    }
  }
  return std::nullopt;
}

AskAnswer Reinforce::Ask(int count, Random& random) const {
  return ProposeOrSample(context_, count, random,
                         [&](Novelty& novelty, int64_t) { return Propose(novelty, random); });
}

void Reinforce::Tell(int64_t trial, const Outcome& outcome) {
  const auto it = pending_.find(trial);
  if (it == pending_.end()) return;
  std::vector<PolicyStep> steps;
  for (size_t d = 0; d < choices_.decisions(); ++d) {
    if (it->second.Has(d)) steps.push_back({d, choices_.Of(d, it->second.values[d])});
  }
  pending_.erase(it);
  const double advantage = rewards_.Advantage(rewards_.Of(outcome));
  adam_.Step(policy_->Gradient(steps, advantage, entropy_), policy_->parameters());
}

std::string Reinforce::Snapshot() const {
  nlohmann::json json = {{"pending", CompactJson(pending_)},
                         {"parameters", Packed(policy_->parameters())},
                         {"steps", adam_.steps()},
                         {"rewards",
                          {{"low", rewards_.low},
                           {"high", rewards_.high},
                           {"baseline", rewards_.baseline},
                           {"spread", rewards_.spread},
                           {"least", rewards_.least},
                           {"count", rewards_.count}}}};
  if (adam_.steps() > 0) {
    json["mean"] = Packed(adam_.mean());
    json["square"] = Packed(adam_.square());
  }
  return json.dump();
}

absl::Status ReadRewards(const nlohmann::json& json, Rewards& rewards) {
  ASSIGN_OR_RETURN(rewards.count, CountAt(json, "count"));
  const auto number = [&](const nlohmann::json& value, double& target) {
    if (!value.is_number()) return absl::InvalidArgumentError("a reward of the snapshot is broken");
    target = value.get<double>();
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(number(json.value("baseline", nlohmann::json()), rewards.baseline));
  RETURN_IF_ERROR(number(json.value("spread", nlohmann::json()), rewards.spread));
  RETURN_IF_ERROR(number(json.value("least", nlohmann::json()), rewards.least));
  ASSIGN_OR_RETURN(const nlohmann::json* const low, ListAt(json, "low"));
  ASSIGN_OR_RETURN(const nlohmann::json* const high, ListAt(json, "high"));
  if (low->size() != high->size()) {
    return absl::InvalidArgumentError("the ranges of the snapshot are broken");
  }
  rewards.low.resize(low->size());
  rewards.high.resize(high->size());
  for (size_t k = 0; k < low->size(); ++k) {
    RETURN_IF_ERROR(number((*low)[k], rewards.low[k]));
    RETURN_IF_ERROR(number((*high)[k], rewards.high[k]));
  }
  return absl::OkStatus();
}

absl::Status Reinforce::Restore(absl::string_view snapshot) {
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseSnapshot(snapshot));
  ASSIGN_OR_RETURN(const nlohmann::json* const pending_json, ListAt(json, "pending"));
  ASSIGN_OR_RETURN(const int64_t steps, CountAt(json, "steps"));
  ASSIGN_OR_RETURN(PendingTrials pending, CompactPending(*context_.space, *pending_json));
  ASSIGN_OR_RETURN(Eigen::ArrayXd parameters, Unpacked(json, "parameters", size()));
  Eigen::ArrayXd mean;
  Eigen::ArrayXd square;
  if (steps > 0) {
    ASSIGN_OR_RETURN(mean, Unpacked(json, "mean", size()));
    ASSIGN_OR_RETURN(square, Unpacked(json, "square", size()));
  }
  Rewards rewards;
  RETURN_IF_ERROR(ReadRewards(json.value("rewards", nlohmann::json()), rewards));
  pending_ = std::move(pending);
  policy_->parameters() = std::move(parameters);
  adam_.Restore(steps, std::move(mean), std::move(square));
  rewards_ = std::move(rewards);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewReinforce(const StrategySpec& spec,
                                                             StrategyContext context) {
  auto strategy = std::make_unique<Reinforce>(spec, std::move(context));
  if (strategy->size() > kMostParameters) {
    return absl::InvalidArgumentError(
        "the space has too many decisions for this controller: take \"controller: logits\"");
  }
  return strategy;
}

}  // namespace cambrian
