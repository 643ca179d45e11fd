// REINFORCE (Williams 1992; Zoph and Le 2017), asynchronous.
//
// A policy emits the decisions that exist, in order: an LSTM controller, or logits of each decision
// on their own, which learn faster on small budgets. With each result the policy climbs
// (R − b) · log π of its architecture plus an entropy bonus by one step of Adam, where b is an
// exponential mean of the rewards; R − b counts in units of their mean distance from it, at most
// 3. Numbers of more than 16 values are emitted as a sixteenth of their range, and drawn uniformly
// from that. Several objectives are added up, each in shares of its range so far; what is
// infeasible or has no result earns the least so far. Known work is drawn again, then mutated.
#pragma once

#include <memory>

#include "server/strategy/interface.h"

namespace cambrian {

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewReinforce(const StrategySpec& spec,
                                                             StrategyContext context);

}  // namespace cambrian
