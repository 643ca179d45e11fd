// Decisions by the names and values that people write.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/nas/architecture.h"
#include "nlohmann/json.hpp"

namespace cambrian {

// The one decision of that name, else all that the name is a tail of ("edge_0_1" of
// "cell.edge_0_1"), as positions. Several: the name is ambiguous.
std::vector<size_t> DecisionsCalled(const std::vector<Decision>& decisions, absl::string_view name);

// The one decision of that name or tail. \error kInvalidArgument with a suggestion, also if there
// are several
absl::StatusOr<size_t> FindDecision(const std::vector<Decision>& decisions,
                                    const std::string& name);

// A value, as an architecture holds it: an option by its label or its number, a set with its
// members in any order, a number as it is; whether that lies in range is not checked.
// \error kInvalidArgument with a suggestion
absl::StatusOr<double> ReadValue(const Decision& decision, const nlohmann::json& value);

}  // namespace cambrian
