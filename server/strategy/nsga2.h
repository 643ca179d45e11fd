// NSGA-II, steady state (Deb et al. 2002; Durillo et al. 2008).
//
// The population is the best P of all trials so far: feasible ones before infeasible ones, then by
// front, then by crowding, where each objective counts in shares of its front's range. The first P
// trials are random. Then each ask crosses two parents decision by decision, each the winner of a
// tournament of two, and changes one decision in 90 % of the children. Where the child is known
// work others are asked for theirs, ten times, and then the last one is changed until it is new.
// Each result is taken in and the worst member leaves: there are no generations to wait for.
// Failures never become members.
//
// With one objective it is an elitist genetic algorithm.
#pragma once

#include <memory>

#include "server/strategy/interface.h"

namespace cambrian {

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewNsga2(const StrategySpec& spec,
                                                         StrategyContext context);

}  // namespace cambrian
