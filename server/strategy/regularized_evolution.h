// Regularized evolution, asynchronous (Real et al. 2019).
//
// The population is a queue: a result is pushed at its back, and past P members the oldest dies, of
// age and not of weakness. The first P trials are random. Then each ask draws S members with
// replacement and changes one decision of the best of them, or crosses the winners of two such
// tournaments; a child that is known work is mutated again, up to 20 times. It never waits for a
// generation. Of S members the best is feasible first, then by front rank, then by crowding; one
// without a result is the worst and ages like the others.
#pragma once

#include <memory>

#include "server/strategy/interface.h"

namespace cambrian {

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewRegularizedEvolution(const StrategySpec& spec,
                                                                        StrategyContext context);

}  // namespace cambrian
