#include "server/strategy/regularized_evolution.h"

#include <deque>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/origin.h"
#include "server/strategy/change.h"
#include "server/strategy/snapshot.h"
#include "server/strategy/tournament.h"

namespace cambrian {
namespace {

constexpr int kMaxMutations = 20;

class RegularizedEvolution : public SearchStrategy {
 public:
  RegularizedEvolution(const StrategySpec& spec, StrategyContext context)
      : context_(std::move(context)),
        population_size_(spec.population),
        sample_size_(spec.sample),
        crossover_(spec.crossover) {}

  AskAnswer Ask(int count, Random& random) const override;
  void Add(int64_t trial, const Architecture& architecture) override {
    pending_[trial] = architecture;
    ++proposed_;
  }
  void Tell(int64_t trial, const Outcome& outcome) override;
  std::string Snapshot() const override;
  absl::Status Restore(absl::string_view snapshot) override;

 private:
  struct Member {
    int64_t trial = 0;
    Architecture architecture;
    Outcome outcome;
  };

  // The best of S members drawn with replacement.
  const Member& Tournament(Random& random) const;
  std::optional<Proposal> Child(Novelty& novelty, Random& random) const;
  absl::StatusOr<Member> MemberFromJson(const nlohmann::json& json) const;

  const StrategyContext context_;
  const int64_t population_size_;
  const int64_t sample_size_;
  const double crossover_;
  std::deque<Member> population_;  // oldest first
  std::map<int64_t, Architecture> pending_;
  int64_t proposed_ = 0;
};

AskAnswer RegularizedEvolution::Ask(int count, Random& random) const {
  return ProposeOrSample(context_, count, random,
                         [&](Novelty& novelty, int64_t already) -> std::optional<Proposal> {
                           if (proposed_ + already < population_size_ || population_.empty())
                             return {};
                           return Child(novelty, random);
                         });
}

void RegularizedEvolution::Tell(int64_t trial, const Outcome& outcome) {
  auto it = pending_.find(trial);
  if (it == pending_.end()) return;
  population_.push_back({trial, std::move(it->second), outcome});
  pending_.erase(it);
  if (static_cast<int64_t>(population_.size()) > population_size_) population_.pop_front();
}

const RegularizedEvolution::Member& RegularizedEvolution::Tournament(Random& random) const {
  std::vector<const Member*> drawn;
  std::vector<const Outcome*> outcomes;
  for (int64_t i = 0; i < sample_size_; ++i) {
    drawn.push_back(&population_[random.Below(population_.size())]);
    outcomes.push_back(&drawn.back()->outcome);
  }
  return *drawn[BestOf(outcomes)];
}

std::optional<Proposal> RegularizedEvolution::Child(Novelty& novelty, Random& random) const {
  const Member& parent = Tournament(random);
  const Member* other = nullptr;
  if (random.Chance(crossover_)) {
    other = &Tournament(random);
    if (other->trial == parent.trial) other = nullptr;
  }
  Architecture child =
      other ? context_.space->Crossover(parent.architecture, other->architecture, random)
            : context_.space->Mutate(parent.architecture, random);
  for (int mutation = 0; mutation <= kMaxMutations; ++mutation) {
    if (std::optional<Candidate> candidate = novelty.Try(child)) {
      Origin origin;
      origin.source = other ? Origin::Source::kCrossover : Origin::Source::kMutation;
      origin.parent = parent.trial;
      if (other) {
        origin.other = other->trial;
        origin.until_new = mutation > 0;
      } else {
        origin.changed = NameChanges(*context_.space, parent.architecture, child);
      }
      return Proposal{*std::move(candidate), origin.ToString()};
    }
    child = context_.space->Mutate(child, random);
  }
  return std::nullopt;
}

std::string RegularizedEvolution::Snapshot() const {
  nlohmann::json population = nlohmann::json::array();
  for (const Member& member : population_) {
    population.push_back({{"trial", member.trial},
                          {"architecture", context_.space->ToJson(member.architecture)},
                          {"values", member.outcome.values},
                          {"feasible", member.outcome.feasible}});
  }
  nlohmann::json pending = nlohmann::json::array();
  for (const auto& [trial, architecture] : pending_) {
    pending.push_back({{"trial", trial}, {"architecture", context_.space->ToJson(architecture)}});
  }
  return nlohmann::json{{"population", population}, {"pending", pending}, {"proposed", proposed_}}
      .dump();
}

absl::StatusOr<RegularizedEvolution::Member> RegularizedEvolution::MemberFromJson(
    const nlohmann::json& json) const {
  const nlohmann::json values = json.value("values", nlohmann::json::array());
  if (!json.contains("trial") || !json["trial"].is_number_integer() ||
      !json.contains("architecture") || !values.is_array()) {
    return absl::InvalidArgumentError("a member of the snapshot is broken");
  }
  Member member;
  member.trial = json["trial"].get<int64_t>();
  ASSIGN_OR_RETURN(member.architecture, context_.space->FromJson(json["architecture"]));
  for (const nlohmann::json& value : values) {
    if (!value.is_number()) return absl::InvalidArgumentError("a value of the snapshot is broken");
    member.outcome.values.push_back(value.get<double>());
  }
  member.outcome.feasible = json.contains("feasible") && json["feasible"] == true;
  return member;
}

absl::Status RegularizedEvolution::Restore(absl::string_view snapshot) {
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseSnapshot(snapshot));
  for (const char* key : {"population", "pending"}) {
    if (!json.is_object() || !json.contains(key) || !json[key].is_array()) {
      return absl::InvalidArgumentError(absl::StrCat("the snapshot has no \"", key, "\""));
    }
  }
  std::deque<Member> population;
  std::map<int64_t, Architecture> pending;
  for (const nlohmann::json& item : json["population"]) {
    ASSIGN_OR_RETURN(Member member, MemberFromJson(item));
    population.push_back(std::move(member));
  }
  for (const nlohmann::json& item : json["pending"]) {
    ASSIGN_OR_RETURN(Member member, MemberFromJson(item));
    pending[member.trial] = std::move(member.architecture);
  }
  if (!json.contains("proposed") || !json["proposed"].is_number_integer()) {
    return absl::InvalidArgumentError("the snapshot has no \"proposed\"");
  }
  population_ = std::move(population);
  pending_ = std::move(pending);
  proposed_ = json["proposed"].get<int64_t>();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewRegularizedEvolution(const StrategySpec& spec,
                                                                        StrategyContext context) {
  if (spec.population < 1 || spec.sample < 1) {
    return absl::InvalidArgumentError("population and sample must be at least 1");
  }
  return std::make_unique<RegularizedEvolution>(spec, std::move(context));
}

}  // namespace cambrian
