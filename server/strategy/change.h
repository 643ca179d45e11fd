// What differs between two architectures of a space.
#pragma once

#include <string>

#include "common/nas/architecture.h"
#include "common/nas/search_space.h"

namespace cambrian {

// In how many decisions that exist in both they differ: 1 for neighbours, whatever else that
// opened or closed.
int ChangedDecisions(const Architecture& from, const Architecture& to);

// The names of what differs, existence included, the first few: "cell.edge_0_1, cell.edge_0_2, …".
std::string NameChanges(const SearchSpace& space, const Architecture& from, const Architecture& to);

}  // namespace cambrian
