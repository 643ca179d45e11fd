// Every architecture of a space, and architectures as rows of a table.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/nas/search_space.h"

namespace cambrian {

inline constexpr int64_t kMostEnumerated = 1'000'000;

// \error kInvalidArgument if the space has real-valued decisions or more than a million
// architectures.
absl::Status CheckEnumerable(const SearchSpace& space);

// Hands every architecture to `visit`, ordered by the values of its decisions, the first counting
// most. \error kResourceExhausted past a million.
absl::Status Enumerate(const SearchSpace& space,
                       const std::function<void(const Architecture&)>& visit);

std::vector<std::string> DecisionNames(const SearchSpace& space);
// One field for each decision, empty where it is inactive.
std::vector<std::string> DecisionValues(const SearchSpace& space, const Architecture& architecture);

}  // namespace cambrian
