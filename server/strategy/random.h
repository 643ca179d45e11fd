// Random search: distinct work, each active decision uniform over its values.
#pragma once

#include <memory>

#include "server/strategy/interface.h"

namespace cambrian {

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewRandomStrategy(const StrategySpec& spec,
                                                                  StrategyContext context);

}  // namespace cambrian
