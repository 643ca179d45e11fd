// Exactly the architectures that the study lists, in order: a retraining.
#pragma once

#include <memory>

#include "server/strategy/interface.h"

namespace cambrian {

// \error kInvalidArgument if the space does not have one of them.
absl::StatusOr<std::unique_ptr<SearchStrategy>> NewListedStrategy(const StrategySpec& spec,
                                                                  StrategyContext context);

}  // namespace cambrian
