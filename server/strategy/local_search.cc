#include "server/strategy/local_search.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/status.h"
#include "common/nas/front.h"
#include "common/nas/origin.h"
#include "server/strategy/change.h"
#include "server/strategy/snapshot.h"
#include "server/strategy/told_trial.h"

namespace cambrian {
namespace {

constexpr size_t kMaxRuns = 32;    // the oldest is forgotten
constexpr size_t kMaxFront = 100;  // of one run; more are not taken in
constexpr int64_t kStart = 0;      // the run of a trial that will begin one

// Whether `a` makes `b` superfluous.
bool Covers(const Outcome& a, const Outcome& b) {
  if (b.values.empty()) return true;
  if (a.feasible != b.feasible) return a.feasible;
  return a.values == b.values || Dominates(a.values, b.values);
}

class LocalSearch : public SearchStrategy {
 public:
  explicit LocalSearch(StrategyContext context) : context_(std::move(context)) {}

  AskAnswer Ask(int count, Random& random) const override;
  void Add(int64_t trial, const Architecture& architecture) override {
    pending_[trial] = architecture;
    run_of_[trial] = RunOf(architecture);
  }
  void Tell(int64_t trial, const Outcome& outcome) override;
  std::string Snapshot() const override;
  absl::Status Restore(absl::string_view snapshot) override;

 private:
  struct Run {
    int64_t number = 0;
    std::vector<ToldTrial> front;  // with one objective its best
  };

  // The newest run that this is a neighbour of, or kStart.
  int64_t RunOf(const Architecture& architecture) const;
  static void Join(Run& run, ToldTrial trial);
  // Whether `a` should be worked on before `b`.
  static bool Before(const Run& a, const Run& b);
  // A neighbour of a member of an open run.
  std::optional<Proposal> Step(Novelty& novelty, Random& random) const;
  std::optional<Proposal> StepFrom(const ToldTrial& member, Novelty& novelty, Random& random) const;

  const StrategyContext context_;
  std::vector<Run> runs_;  // oldest first
  int64_t last_run_ = kStart;
  PendingTrials pending_;
  std::map<int64_t, int64_t> run_of_;  // by pending trial

  // Members without a neighbour that is new work, by trial. Follows from what is known.
  mutable absl::flat_hash_set<int64_t> used_up_;
};

int64_t LocalSearch::RunOf(const Architecture& architecture) const {
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    for (const ToldTrial& member : run->front) {
      if (ChangedDecisions(member.architecture, architecture) == 1) return run->number;
    }
  }
  return kStart;
}

void LocalSearch::Join(Run& run, ToldTrial trial) {
  for (const ToldTrial& member : run.front) {
    if (Covers(member.outcome, trial.outcome)) return;
  }
  std::erase_if(run.front,
                [&](const ToldTrial& member) { return Covers(trial.outcome, member.outcome); });
  if (run.front.size() < kMaxFront) run.front.push_back(std::move(trial));
}

void LocalSearch::Tell(int64_t trial, const Outcome& outcome) {
  const auto it = pending_.find(trial);
  if (it == pending_.end()) return;
  ToldTrial told{trial, std::move(it->second), outcome};
  const int64_t number = run_of_[trial];
  pending_.erase(it);
  run_of_.erase(trial);
  if (outcome.values.empty()) return;
  if (number == kStart) {
    runs_.push_back({++last_run_, {std::move(told)}});
    if (runs_.size() > kMaxRuns) runs_.erase(runs_.begin());
    return;
  }
  const auto run = std::find_if(runs_.begin(), runs_.end(),
                                [number](const Run& other) { return other.number == number; });
  if (run != runs_.end()) Join(*run, std::move(told));
}

bool LocalSearch::Before(const Run& a, const Run& b) {
  const Outcome& x = a.front[0].outcome;
  const Outcome& y = b.front[0].outcome;
  if (x.feasible != y.feasible) return x.feasible;
  if (x.values.size() == 1 && x.values != y.values) return x.values > y.values;
  return a.number > b.number;
}

std::optional<Proposal> LocalSearch::Step(Novelty& novelty, Random& random) const {
  std::vector<const Run*> order;
  for (const Run& run : runs_) order.push_back(&run);
  std::sort(order.begin(), order.end(), [](const Run* a, const Run* b) { return Before(*a, *b); });
  for (const Run* const run : order) {
    const size_t n = run->front.size();
    const size_t first = random.Below(n);
    for (size_t i = 0; i < n; ++i) {
      const ToldTrial& member = run->front[(first + i) % n];
      if (used_up_.contains(member.trial)) continue;
      if (std::optional<Proposal> proposal = StepFrom(member, novelty, random)) return proposal;
    }
  }
  return std::nullopt;
}

std::optional<Proposal> LocalSearch::StepFrom(const ToldTrial& member, Novelty& novelty,
                                              Random& random) const {
  // The same neighbours each time, so that it shows when they are used up.
  Random of_member(static_cast<uint64_t>(member.trial));
  std::vector<Architecture> neighbours = context_.space->Neighbours(member.architecture, of_member);
  bool used_up = true;
  for (size_t left = neighbours.size(); left > 0; --left) {
    std::swap(neighbours[random.Below(left)], neighbours[left - 1]);
    const Architecture& neighbour = neighbours[left - 1];
    const Candidate candidate = context_.examine(neighbour);
    // One that breaks a constraint leads nowhere.
    if (candidate.breaks_constraint || context_.is_known(candidate.evaluation_key)) continue;
    used_up = false;
    if (std::optional<Candidate> fresh = novelty.Try(neighbour)) {
      Origin origin;
      origin.source = Origin::Source::kNeighbour;
      origin.parent = member.trial;
      origin.changed = NameChanges(*context_.space, member.architecture, neighbour);
      return Proposal{*std::move(fresh), origin.ToString()};
    }
  }
  if (used_up) used_up_.insert(member.trial);
  return std::nullopt;
}

AskAnswer LocalSearch::Ask(int count, Random& random) const {
  return ProposeOrSample(context_, count, random,
                         [&](Novelty& novelty, int64_t) { return Step(novelty, random); });
}

std::string LocalSearch::Snapshot() const {
  nlohmann::json runs = nlohmann::json::array();
  for (const Run& run : runs_) {
    runs.push_back({{"number", run.number}, {"front", CompactJson(run.front)}});
  }
  nlohmann::json run_of = nlohmann::json::array();
  for (const auto& [trial, run] : run_of_) run_of.push_back(run);
  return nlohmann::json{{"runs", std::move(runs)},
                        {"last_run", last_run_},
                        {"pending", CompactJson(pending_)},
                        {"run_of", std::move(run_of)}}
      .dump();
}

absl::Status LocalSearch::Restore(absl::string_view snapshot) {
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseSnapshot(snapshot));
  ASSIGN_OR_RETURN(const nlohmann::json* const runs_json, ListAt(json, "runs"));
  ASSIGN_OR_RETURN(const nlohmann::json* const pending_json, ListAt(json, "pending"));
  ASSIGN_OR_RETURN(const nlohmann::json* const run_of_json, ListAt(json, "run_of"));
  ASSIGN_OR_RETURN(const int64_t last_run, CountAt(json, "last_run"));
  ASSIGN_OR_RETURN(PendingTrials pending, CompactPending(*context_.space, *pending_json));
  std::vector<Run> runs;
  for (const nlohmann::json& item : *runs_json) {
    Run run;
    ASSIGN_OR_RETURN(run.number, CountAt(item, "number"));
    ASSIGN_OR_RETURN(const nlohmann::json* const front, ListAt(item, "front"));
    ASSIGN_OR_RETURN(run.front, CompactToldList(*context_.space, *front));
    if (run.front.empty()) return absl::InvalidArgumentError("a run of the snapshot is empty");
    runs.push_back(std::move(run));
  }
  if (run_of_json->size() != pending.size()) {
    return absl::InvalidArgumentError("the snapshot does not say which trials belong to which run");
  }
  std::map<int64_t, int64_t> run_of;
  size_t next = 0;
  for (const auto& [trial, architecture] : pending) {
    const nlohmann::json& run = (*run_of_json)[next++];
    if (!run.is_number_integer()) return absl::InvalidArgumentError("a run's number is broken");
    run_of[trial] = run.get<int64_t>();
  }
  runs_ = std::move(runs);
  last_run_ = last_run;
  pending_ = std::move(pending);
  run_of_ = std::move(run_of);
  used_up_.clear();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewLocalSearch(const StrategySpec& spec,
                                                               StrategyContext context) {
  return std::make_unique<LocalSearch>(std::move(context));
}

}  // namespace cambrian
