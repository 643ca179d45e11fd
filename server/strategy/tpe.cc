#include "server/strategy/tpe.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/status.h"
#include "common/nas/origin.h"
#include "server/strategy/density.h"
#include "server/strategy/elite.h"
#include "server/strategy/snapshot.h"
#include "server/strategy/told_trial.h"

namespace cambrian {
namespace {

constexpr int64_t kMaxGood = 100;
constexpr int kRounds = 4;         // of candidates, if nothing of one is new work
constexpr int kMaxMutations = 20;  // of a good trial, after those

// By decision and bin.
using Counts = std::vector<std::vector<int64_t>>;

class Tpe : public SearchStrategy {
 public:
  Tpe(const StrategySpec& spec, StrategyContext context);

  AskAnswer Ask(int count, Random& random) const override;
  void Add(int64_t trial, const Architecture& architecture) override;
  void Tell(int64_t trial, const Outcome& outcome) override;
  std::string Snapshot() const override;
  absl::Status Restore(absl::string_view snapshot) override;

 private:
  struct Densities {
    std::vector<Density> good;
    std::vector<Density> bad;
  };
  struct Scored {
    Architecture architecture;
    double score = 0;
  };

  void Count(const Architecture& architecture, int64_t by, Counts& counts) const;
  // Counts of the good trials, which are the first GoodSize() of the elite.
  Counts GoodCounts() const;
  size_t GoodSize() const;
  Densities DensitiesOf(const Counts& good, const Counts& all) const;
  Scored Draw(const Densities& densities, Random& random) const;
  std::optional<Proposal> Propose(const Densities& densities, Novelty& novelty,
                                  Random& random) const;
  std::optional<Proposal> MutateGood(Novelty& novelty, Random& random) const;

  const StrategyContext context_;
  const int64_t startup_;
  const int64_t candidates_;
  const double share_;
  std::vector<ValueBins> bins_;  // by decision

  PendingTrials pending_;
  int64_t proposed_ = 0;
  int64_t feasible_ = 0;  // told
  Counts all_;            // of all trials, pending ones too
  Elite elite_;           // feasible ones
};

Tpe::Tpe(const StrategySpec& spec, StrategyContext context)
    : context_(std::move(context)),
      startup_(spec.startup),
      candidates_(spec.candidates),
      share_(spec.good),
      elite_(2 * kMaxGood) {
  for (const Decision& decision : context_.space->decisions()) {
    bins_.emplace_back(decision);
    all_.emplace_back(bins_.back().size());
  }
}

void Tpe::Count(const Architecture& architecture, int64_t by, Counts& counts) const {
  for (size_t d = 0; d < bins_.size(); ++d) {
    if (architecture.Has(d)) counts[d][bins_[d].Of(architecture.values[d])] += by;
  }
}

size_t Tpe::GoodSize() const {
  const auto share = static_cast<int64_t>(std::ceil(share_ * static_cast<double>(feasible_)));
  return std::min<size_t>(std::min(share, kMaxGood), elite_.trials().size());
}

Counts Tpe::GoodCounts() const {
  Counts good;
  for (const ValueBins& bins : bins_) good.emplace_back(bins.size());
  for (size_t i = 0; i < GoodSize(); ++i) Count(elite_.trials()[i].architecture, 1, good);
  return good;
}

Tpe::Densities Tpe::DensitiesOf(const Counts& good, const Counts& all) const {
  Densities densities;
  for (size_t d = 0; d < bins_.size(); ++d) {
    std::vector<int64_t> bad = all[d];
    for (size_t bin = 0; bin < bad.size(); ++bin) bad[bin] -= good[d][bin];
    densities.good.emplace_back(bins_[d], good[d]);
    densities.bad.emplace_back(bins_[d], bad);
  }
  return densities;
}

Tpe::Scored Tpe::Draw(const Densities& densities, Random& random) const {
  Scored drawn;
  std::vector<double>& values = drawn.architecture.values;
  values.assign(bins_.size(), Architecture::kInactive);
  for (size_t d = 0; d < bins_.size(); ++d) {
    if (!context_.space->Exists(d, drawn.architecture)) continue;
    values[d] = densities.good[d].Draw(random);
    const size_t bin = bins_[d].Of(values[d]);
    drawn.score += densities.good[d].Log(bin) - densities.bad[d].Log(bin);
  }
  return drawn;
}

std::optional<Proposal> Tpe::Propose(const Densities& densities, Novelty& novelty,
                                     Random& random) const {
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Scored> drawn;
    for (int64_t i = 0; i < candidates_; ++i) drawn.push_back(Draw(densities, random));
    std::stable_sort(drawn.begin(), drawn.end(),
                     [](const Scored& a, const Scored& b) { return a.score > b.score; });
    const Architecture* last = nullptr;  // equal ones have equal scores
    for (const Scored& each : drawn) {
      if (last != nullptr && *last == each.architecture) continue;
      last = &each.architecture;
      if (!context_.space->Validate(each.architecture).ok()) continue;
      if (std::optional<Candidate> candidate = novelty.Try(each.architecture)) {
        Origin origin;
        origin.source = Origin::Source::kDensity;
        origin.value = each.score;
        origin.drawn = (round + 1) * candidates_;
        return Proposal{*std::move(candidate), origin.ToString()};
      }
    }
  }
  return MutateGood(novelty, random);
}

std::optional<Proposal> Tpe::MutateGood(Novelty& novelty, Random& random) const {
  if (GoodSize() == 0) return std::nullopt;
  const ToldTrial& parent = elite_.trials()[random.Below(GoodSize())];
  Architecture child = parent.architecture;
  for (int i = 0; i < kMaxMutations; ++i) {
    child = context_.space->Mutate(child, random);
    if (std::optional<Candidate> candidate = novelty.Try(child)) {
      Origin origin;
      origin.source = Origin::Source::kMutation;
      origin.parent = parent.trial;
      return Proposal{*std::move(candidate), origin.ToString()};
    }
  }
  return std::nullopt;
}

AskAnswer Tpe::Ask(int count, Random& random) const {
  AskAnswer answer;
  Novelty novelty(context_);
  const Counts good = GoodCounts();
  Counts all = all_;
  std::optional<Densities> densities;
  while (static_cast<int>(answer.proposals.size()) < count) {
    const int64_t asked = proposed_ + static_cast<int64_t>(answer.proposals.size());
    std::optional<Proposal> proposal;
    if (asked >= startup_) {
      if (!densities) densities = DensitiesOf(good, all);
      proposal = Propose(*densities, novelty, random);
    }
    if (!proposal) {
      std::optional<Candidate> candidate = novelty.Sample(random);
      if (!candidate) {
        answer.state = AskState::kExhausted;
        break;
      }
      proposal = Proposal{*std::move(candidate), Origin().ToString()};
    }
    // The next one of this ask takes it for pending.
    Count(proposal->candidate.architecture, 1, all);
    densities.reset();
    answer.proposals.push_back(*std::move(proposal));
  }
  return answer;
}

void Tpe::Add(int64_t trial, const Architecture& architecture) {
  Count(architecture, 1, all_);
  pending_[trial] = architecture;
  ++proposed_;
}

void Tpe::Tell(int64_t trial, const Outcome& outcome) {
  const auto it = pending_.find(trial);
  if (it == pending_.end()) return;
  if (outcome.feasible && !outcome.values.empty()) {
    ++feasible_;
    elite_.Insert({trial, std::move(it->second), outcome});
  }
  pending_.erase(it);
}

std::string Tpe::Snapshot() const {
  return nlohmann::json{{"pending", CompactJson(pending_)},
                        {"proposed", proposed_},
                        {"feasible", feasible_},
                        {"counts", all_},
                        {"elite", CompactJson(elite_.trials())}}
      .dump();
}

absl::Status Tpe::Restore(absl::string_view snapshot) {
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseSnapshot(snapshot));
  ASSIGN_OR_RETURN(const nlohmann::json* const pending_json, ListAt(json, "pending"));
  ASSIGN_OR_RETURN(const nlohmann::json* const counts, ListAt(json, "counts"));
  ASSIGN_OR_RETURN(const nlohmann::json* const elite_json, ListAt(json, "elite"));
  ASSIGN_OR_RETURN(const int64_t proposed, CountAt(json, "proposed"));
  ASSIGN_OR_RETURN(const int64_t feasible, CountAt(json, "feasible"));
  ASSIGN_OR_RETURN(PendingTrials pending, CompactPending(*context_.space, *pending_json));
  Elite elite(2 * kMaxGood);
  ASSIGN_OR_RETURN(std::vector<ToldTrial> trials, CompactToldList(*context_.space, *elite_json));
  RETURN_IF_ERROR(elite.Assign(std::move(trials)));
  Counts all = all_;
  bool fits = counts->size() == all.size();
  for (size_t d = 0; fits && d < all.size(); ++d) {
    const nlohmann::json& row = (*counts)[d];
    fits = row.is_array() && row.size() == all[d].size();
    for (size_t bin = 0; fits && bin < row.size(); ++bin) {
      fits = row[bin].is_number_integer();
      if (fits) all[d][bin] = row[bin].get<int64_t>();
    }
  }
  if (!fits) return absl::InvalidArgumentError("the snapshot counts another space's decisions");
  pending_ = std::move(pending);
  proposed_ = proposed;
  feasible_ = feasible;
  all_ = std::move(all);
  elite_ = std::move(elite);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewTpe(const StrategySpec& spec,
                                                       StrategyContext context) {
  if (spec.candidates < 1 || !(spec.good > 0)) {
    return absl::InvalidArgumentError("tpe needs candidates, and good ones");
  }
  return std::make_unique<Tpe>(spec, std::move(context));
}

}  // namespace cambrian
