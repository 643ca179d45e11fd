// A predictor ensemble (BANANAS, White et al. 2021), asynchronous.
//
// After some random trials, five small perceptrons that begin differently are trained anew with
// every tenth result, on at most 500 trials: the best 300 and 200 others. They see each decision
// and, in a space with cells that are graphs, the ways through them. While there are fewer than 50
// results they learn to rank them, then the results themselves, by their relative distance from the
// best. An ask draws a value for each of 200 candidates (neighbours and mutants of the ten best
// trials, crossovers, random ones) from the mean and the spread of the five predictions, and
// proposes the one that drew best: independent Thompson sampling, which needs no account of pending
// trials. Several objectives become one by Chebyshev weights that are drawn anew for each training;
// what is infeasible counts as no better than the worst.
#pragma once

#include <memory>

#include "server/strategy/interface.h"

namespace cambrian {

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewEnsemble(const StrategySpec& spec,
                                                            StrategyContext context);

}  // namespace cambrian
