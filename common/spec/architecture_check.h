// Architectures that a study file lists, held against its space.
#pragma once

#include "common/nas/search_space.h"
#include "common/spec/diagnostics.h"
#include "common/spec/document.h"

namespace cambrian {

// What is wrong with the architecture `node`, a map of decisions: said of each decision and each
// value that the space does not have; if it has them all, of the first that is missing or too many.
void CheckArchitecture(const Node& node, const SearchSpace& space, Diagnostics& diagnostics);

}  // namespace cambrian
