// Picks a strategy by the space, the budget and the objectives, and says why.
//
// exhaustive        the budget covers the space
// two objectives:
//   gp              up to 500 trials and 300 decisions; more trials find as much without a model
// several objectives, else:
//   tpe             up to 200 trials
//   nsga2           beyond
// one objective:
//   regularized_evolution  more than 2,000 trials
//   tpe             more than 300 decisions
//   gp              else: of all ours it needs the fewest trials, but each costs milliseconds
#pragma once

#include <memory>
#include <string>

#include "server/strategy/interface.h"

namespace cambrian {

struct AutoChoice {
  std::string strategy;
  std::string reason;  // "the space has 27 architectures, which the budget of 100 covers"
};

// By the spec's `trials` and `objectives`.
AutoChoice ChooseStrategy(const StrategySpec& spec, const SearchSpace& space);

// The origin of its first proposal tells the choice; so does Reason().
absl::StatusOr<std::unique_ptr<SearchStrategy>> NewAuto(const StrategySpec& spec,
                                                        StrategyContext context);

}  // namespace cambrian
