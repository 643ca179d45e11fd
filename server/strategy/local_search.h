// Local search (White et al. 2021), with several objectives Pareto local search (Paquete et al.
// 2004).
//
// A run begins with a random architecture. Its neighbours, one change away, are tried in mixed
// order; the first that is better takes its place. With several objectives a run keeps all that
// nothing in it dominates, and each of them has its neighbours tried. A run whose neighbourhoods
// are used up is at an end unless a pending trial of it turns out better; then the next one begins
// at random. Workers beyond the neighbours that are left start runs of their own.
#pragma once

#include <memory>

#include "server/strategy/interface.h"

namespace cambrian {

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewLocalSearch(const StrategySpec& spec,
                                                               StrategyContext context);

}  // namespace cambrian
