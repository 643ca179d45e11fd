// Given architectures first, in order, then what another strategy makes of them.
//
// Any strategy will do, for it hears of these trials as of its own. What of the list no trial
// stands for is proposed before the other strategy is asked; so the list needs no state, and an ask
// costs one look-up for each of it. It is proposed as it was given, also what breaks a constraint.
// As Optuna's `enqueue_trial`; there a queue, here a list, so that asking changes nothing.
#pragma once

#include <memory>

#include "absl/functional/function_ref.h"
#include "server/strategy/interface.h"

namespace cambrian {

// `make` gives the strategy that comes after. To it the list's work is known from the beginning.
// \error kInvalidArgument if the space does not have one of them, or they are still to be looked
// up; of `make`
absl::StatusOr<std::unique_ptr<SearchStrategy>> NewWarmStart(
    const WarmStartSpec& spec, StrategyContext context,
    absl::FunctionRef<absl::StatusOr<std::unique_ptr<SearchStrategy>>(StrategyContext)> make);

}  // namespace cambrian
