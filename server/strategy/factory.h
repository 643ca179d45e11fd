// The strategies by their names in study files.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/strategy/interface.h"

namespace cambrian {

// \error kInvalidArgument: no such strategy, or `listed` names what its space does not have.
absl::StatusOr<std::unique_ptr<SearchStrategy>> MakeStrategy(const StrategySpec& spec,
                                                             StrategyContext context);

// What MakeStrategy knows, simple ones first.
std::vector<absl::string_view> StrategyNames();

}  // namespace cambrian
