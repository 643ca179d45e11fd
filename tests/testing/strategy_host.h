// A strategy and the study around it, for tests: every architecture is work of its own, and trials
// are numbered from 1.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "server/strategy/factory.h"
#include "tests/testing/spaces.h"

namespace cambrian::testing {

inline std::string BytesOf(const Architecture& architecture) {
  return std::string(reinterpret_cast<const char*>(architecture.values.data()),
                     architecture.values.size() * sizeof(double));
}

// Not thread-safe. Stays where it is: the strategy refers to it.
class StrategyHost {
 public:
  StrategyHost(const StrategySpec& spec, std::shared_ptr<const SearchSpace> space)
      : space_(std::move(space)) {
    StrategyContext context;
    context.space = space_;
    context.examine = [this](Architecture architecture) {
      ++examined_;
      Candidate candidate;
      candidate.evaluation_key = BytesOf(architecture);
      candidate.architecture = std::move(architecture);
      return candidate;
    };
    context.is_known = [this](absl::string_view key) {
      ++looked_up_;
      return known_.contains(key);
    };
    strategy_ = MakeStrategy(spec, std::move(context)).value();
  }
  StrategyHost(const StrategyHost&) = delete;

  SearchStrategy& strategy() { return *strategy_; }
  const SearchSpace& space() const { return *space_; }
  int64_t trials() const { return trials_; }
  // Calls so far.
  int64_t examined() const { return examined_; }
  int64_t looked_up() const { return looked_up_; }

  // Takes this architecture as the next trial, which is pending.
  int64_t Adopt(const Architecture& architecture) {
    known_.insert(BytesOf(architecture));
    strategy_->Add(++trials_, architecture);
    return trials_;
  }
  // Asks for one and adopts it. Nothing if there is none.
  std::optional<Proposal> Next(uint64_t seed = 1) {
    Random random(seed, static_cast<uint64_t>(trials_ + 1));
    AskAnswer answer = strategy_->Ask(1, random);
    if (answer.proposals.empty()) return std::nullopt;
    Adopt(answer.proposals[0].candidate.architecture);
    return std::move(answer.proposals[0]);
  }
  // One trial at a time, each told `judge` of it.
  void Run(int64_t trials, const std::function<Outcome(const Architecture&)>& judge,
           uint64_t seed = 1) {
    for (int64_t i = 0; i < trials; ++i) {
      const std::optional<Proposal> proposal = Next(seed);
      if (!proposal) return;
      strategy_->Tell(trials_, judge(proposal->candidate.architecture));
    }
  }

 private:
  const std::shared_ptr<const SearchSpace> space_;
  absl::flat_hash_set<std::string> known_;
  std::unique_ptr<SearchStrategy> strategy_;
  int64_t trials_ = 0;
  int64_t examined_ = 0;
  int64_t looked_up_ = 0;
};

}  // namespace cambrian::testing
