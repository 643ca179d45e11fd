#include "server/strategy/nsga2.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/nas/origin.h"
#include "server/strategy/elite.h"
#include "server/strategy/snapshot.h"
#include "server/strategy/told_trial.h"

namespace cambrian {
namespace {

constexpr int kMaxCouples = 10;    // whose children are known work
constexpr int kMaxMutations = 20;  // of the last such child

class Nsga2 : public SearchStrategy {
 public:
  Nsga2(const StrategySpec& spec, StrategyContext context)
      : context_(std::move(context)),
        size_(spec.population),
        mutation_(spec.mutation),
        population_(static_cast<size_t>(spec.population)) {}

  AskAnswer Ask(int count, Random& random) const override;
  void Add(int64_t trial, const Architecture& architecture) override {
    pending_[trial] = architecture;
    ++proposed_;
  }
  void Tell(int64_t trial, const Outcome& outcome) override;
  std::string Snapshot() const override;
  absl::Status Restore(absl::string_view snapshot) override;

 private:
  struct Bred {
    Architecture architecture;
    Origin origin;
  };

  // The place of the better of two that are drawn from the first `size` members, which is the
  // earlier one: members are in order of merit.
  static size_t Tournament(size_t size, Random& random) {
    const size_t first = random.Below(size);
    return std::min(first, static_cast<size_t>(random.Below(size)));
  }
  // A child of two tournaments' winners.
  Bred Breed(Random& random) const;
  std::optional<Proposal> Child(Novelty& novelty, Random& random) const;

  const StrategyContext context_;
  const int64_t size_;
  const double mutation_;
  PendingTrials pending_;
  int64_t proposed_ = 0;
  Elite population_;
};

Nsga2::Bred Nsga2::Breed(Random& random) const {
  const std::vector<ToldTrial>& members = population_.trials();
  const size_t first = Tournament(members.size(), random);
  const ToldTrial& a = members[first];
  Bred child{a.architecture, {}};
  child.origin.source = Origin::Source::kMutation;
  child.origin.parent = a.trial;
  const bool couple = members.size() > 1;
  if (couple) {
    const size_t other = Tournament(members.size() - 1, random);  // of those without the first
    const ToldTrial& b = members[other < first ? other : other + 1];
    child.architecture = context_.space->Crossover(a.architecture, b.architecture, random);
    child.origin.source = Origin::Source::kCrossover;
    child.origin.other = b.trial;
  }
  if (random.Chance(mutation_)) {
    child.architecture = context_.space->Mutate(child.architecture, random);
    child.origin.mutated = couple;
  }
  return child;
}

std::optional<Proposal> Nsga2::Child(Novelty& novelty, Random& random) const {
  Bred child;
  for (int i = 0; i < kMaxCouples; ++i) {
    child = Breed(random);
    if (std::optional<Candidate> candidate = novelty.Try(child.architecture)) {
      return Proposal{*std::move(candidate), child.origin.ToString()};
    }
  }
  for (int i = 0; i < kMaxMutations; ++i) {
    child.architecture = context_.space->Mutate(child.architecture, random);
    if (std::optional<Candidate> candidate = novelty.Try(child.architecture)) {
      child.origin.until_new = true;
      return Proposal{*std::move(candidate), child.origin.ToString()};
    }
  }
  return std::nullopt;
}

AskAnswer Nsga2::Ask(int count, Random& random) const {
  return ProposeOrSample(context_, count, random,
                         [&](Novelty& novelty, int64_t already) -> std::optional<Proposal> {
                           if (proposed_ + already < size_ || population_.trials().empty())
                             return {};
                           return Child(novelty, random);
                         });
}

void Nsga2::Tell(int64_t trial, const Outcome& outcome) {
  const auto it = pending_.find(trial);
  if (it == pending_.end()) return;
  if (!outcome.values.empty()) population_.Insert({trial, std::move(it->second), outcome});
  pending_.erase(it);
}

std::string Nsga2::Snapshot() const {
  return nlohmann::json{{"population", CompactJson(population_.trials())},
                        {"pending", CompactJson(pending_)},
                        {"proposed", proposed_}}
      .dump();
}

absl::Status Nsga2::Restore(absl::string_view snapshot) {
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseSnapshot(snapshot));
  ASSIGN_OR_RETURN(const nlohmann::json* const members, ListAt(json, "population"));
  ASSIGN_OR_RETURN(const nlohmann::json* const pending_json, ListAt(json, "pending"));
  ASSIGN_OR_RETURN(const int64_t proposed, CountAt(json, "proposed"));
  ASSIGN_OR_RETURN(PendingTrials pending, CompactPending(*context_.space, *pending_json));
  Elite population(static_cast<size_t>(size_));
  ASSIGN_OR_RETURN(std::vector<ToldTrial> trials, CompactToldList(*context_.space, *members));
  RETURN_IF_ERROR(population.Assign(std::move(trials)));
  population_ = std::move(population);
  pending_ = std::move(pending);
  proposed_ = proposed;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewNsga2(const StrategySpec& spec,
                                                         StrategyContext context) {
  if (spec.population < 2) {
    return absl::InvalidArgumentError("a population needs at least 2 members");
  }
  return std::make_unique<Nsga2>(spec, std::move(context));
}

}  // namespace cambrian
