#include "tests/benchmark/search_quality/search.h"

#include <functional>
#include <memory>
#include <queue>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "server/strategy/factory.h"

namespace cambrian {
namespace {

// An evaluation under way.
struct Pending {
  double ends = 0;  // simulated seconds
  int64_t trial = 0;
  size_t row = 0;

  bool operator>(const Pending& other) const {
    return std::tie(ends, trial) > std::tie(other.ends, other.trial);
  }
};

class Run {
 public:
  Run(const Problem& problem, const SearchOptions& options)
      : problem_(problem), options_(options) {}

  absl::StatusOr<std::vector<size_t>> Go() {
    StrategyContext context;
    context.space = problem_.space;
    context.examine = [this](Architecture architecture) { return Look(std::move(architecture)); };
    context.is_known = [this](absl::string_view key) { return known_.contains(key); };
    ASSIGN_OR_RETURN(strategy_, MakeStrategy(options_.strategy, std::move(context)));
    while (true) {
      RETURN_IF_ERROR(Occupy());
      if (pending_.empty()) return std::move(done_);
      const Pending next = pending_.top();
      pending_.pop();
      now_ = next.ends;
      done_.push_back(next.row);
      strategy_->Tell(next.trial, OutcomeOf(next.row));
    }
  }

 private:
  Candidate Look(Architecture architecture) const {
    Candidate candidate;
    const std::optional<size_t> row = problem_.table->Find(architecture);
    if (row) candidate.evaluation_key = problem_.keys[*row];
    if (!row || problem_.is_dead[*row]) candidate.obstacle = "nothing gets through";
    candidate.architecture = std::move(architecture);
    return candidate;
  }

  Outcome OutcomeOf(size_t row) const {
    Outcome outcome;
    if (problem_.is_dead[row]) return outcome;
    outcome.feasible = true;
    for (const auto* objective : options_.objectives) outcome.values.push_back((*objective)[row]);
    return outcome;
  }

  // Gives work to every free worker.
  absl::Status Occupy() {
    while (static_cast<int>(pending_.size()) < options_.workers && !is_exhausted_ &&
           trials_ < options_.evaluations) {
      Random random(options_.seed, static_cast<uint64_t>(trials_ + 1));
      const AskAnswer answer = strategy_->Ask(1, random);
      if (answer.proposals.empty()) {
        is_exhausted_ = answer.state == AskState::kExhausted;
        if (!is_exhausted_ && pending_.empty()) {
          return absl::InternalError("the strategy waits, though nothing is pending");
        }
        return absl::OkStatus();
      }
      const Candidate& candidate = answer.proposals[0].candidate;
      const std::optional<size_t> row = problem_.table->Find(candidate.architecture);
      if (!row) return absl::InternalError("the strategy proposed what the table lacks");
      strategy_->Add(++trials_, candidate.architecture);
      known_.insert(candidate.evaluation_key);
      const double seconds = options_.seconds == nullptr ? 1 : (*options_.seconds)[*row];
      pending_.push({now_ + seconds, trials_, *row});
    }
    return absl::OkStatus();
  }

  const Problem& problem_;
  const SearchOptions& options_;
  std::unique_ptr<SearchStrategy> strategy_;
  absl::flat_hash_set<std::string> known_;
  std::priority_queue<Pending, std::vector<Pending>, std::greater<>> pending_;
  std::vector<size_t> done_;
  double now_ = 0;
  int64_t trials_ = 0;
  bool is_exhausted_ = false;
};

}  // namespace

absl::StatusOr<std::vector<size_t>> Search(const Problem& problem, const SearchOptions& options) {
  return Run(problem, options).Go();
}

}  // namespace cambrian
