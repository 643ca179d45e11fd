// Bayesian optimisation with a Gaussian process (Kandasamy et al. 2018, NASBOT; Ru et al. 2021,
// NAS-BOWL), asynchronous.
//
// After some random trials each ask fits a Gaussian process to the results: at most 500 of them,
// the best 300 and 200 others. Its kernel is exp(−d/ℓ), where d counts the decisions that differ
// or, in a space with cells that are graphs, compares the ways through them or their
// Weisfeiler-Lehman colours: what makes the results likeliest. Of up to 500 candidates — neighbours
// and mutants of the ten best trials, crossovers, random ones — it proposes the one with the
// largest expected improvement that is new work; a random one if nothing is expected of any.
// Pending trials count as if they had come out as expected; with constraints the improvement is
// multiplied by the probability that they hold.
//
// Two objectives have a process each, whose d is half of the decisions that differ and half of the
// ways; the parents are the front, and what is expected to improve is its hypervolume, exactly
// (Emmerich et al. 2011). Three or more become one by weights that are drawn anew for each ask
// (ParEGO, Knowles 2006).
#pragma once

#include <memory>

#include "server/strategy/interface.h"

namespace cambrian {

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewGp(const StrategySpec& spec,
                                                      StrategyContext context);

}  // namespace cambrian
