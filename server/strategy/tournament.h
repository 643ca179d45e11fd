// Who is the best of a few, with one objective or several.
#pragma once

#include <vector>

#include "server/strategy/interface.h"

namespace cambrian {

// The index of the best outcome, the first of equals: feasible first, then the front rank, then the
// crowding distance (Deb et al. 2002) within the first front. Infeasible ones that have values are
// ranked like feasible ones, among themselves. At least one outcome.
size_t BestOf(const std::vector<const Outcome*>& outcomes);

}  // namespace cambrian
