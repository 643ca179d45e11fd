// Every architecture of a finite space, once.
//
// Not one decision after the other but mixed: the number of a proposal, read as digits of which
// each counts the values of one decision, walks the decisions from the first to the last, and what
// came before shifts the values of what comes after. So whatever share of the space the budget
// covers, each decision's values occur about equally often in it. Numbers whose digits do not come
// to 0 when the decisions are at an end stand for an architecture that had its turn.
#pragma once

#include <memory>

#include "server/strategy/interface.h"

namespace cambrian {

// \error kInvalidArgument naming a real-valued decision, if there is one.
absl::StatusOr<std::unique_ptr<SearchStrategy>> NewExhaustive(const StrategySpec& spec,
                                                              StrategyContext context);

}  // namespace cambrian
