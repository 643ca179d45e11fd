// The strategies by their names in study files.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/strategy/interface.h"

namespace cambrian {

// With a warm start, its architectures come first. \error kInvalidArgument: no such strategy, or
// `listed` or the warm start names what the space does not have, or is still to be looked up.
absl::StatusOr<std::unique_ptr<SearchStrategy>> MakeStrategy(const StrategySpec& spec,
                                                             StrategyContext context);

// What MakeStrategy knows, simple ones first.
std::vector<absl::string_view> StrategyNames();

}  // namespace cambrian
