// The tree-structured Parzen estimator (Bergstra et al. 2011).
//
// After some random trials, those told so far are split: the best 15 % are good, at most kMaxGood
// of them; all others are bad, and so are pending ones, infeasible ones and failures. Of each
// decision, over the trials in which it exists, l is the density of its values among the good and g
// among the bad. Each ask draws 24 architectures top down from l and proposes the one with the
// largest sum of log l/g that is new work: with l and g independent by decision that is the one
// with the largest expected improvement. With several objectives the best are the first fronts,
// the last of them cut by crowding: unlike the hypervolume's share of each point (Ozaki et al.
// 2022) that needs no reference point and stays cheap with many objectives.
//
// The densities stand on counts, which a result changes in few places: an ask costs the same
// however many trials there are.
#pragma once

#include <memory>

#include "server/strategy/interface.h"

namespace cambrian {

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewTpe(const StrategySpec& spec,
                                                       StrategyContext context);

}  // namespace cambrian
