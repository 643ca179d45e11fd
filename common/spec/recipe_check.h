// Whether every recipe that a study may try makes sense, before anything starts.
#pragma once

#include "common/nas/search_space.h"
#include "common/spec/diagnostics.h"
#include "common/spec/document.h"
#include "common/spec/study_spec.h"

namespace cambrian {

// Resolves the recipe for sampled architectures and reports each problem once, where the file says
// it: `recipe` is the file's section, whose `choose` options are followed. Without a space, for one
// that has errors itself, holes are drawn from the file alone and what is computed is left out.
// `finish` may be absent.
void CheckRecipe(const SearchSpace* space, const Node& recipe,
                 const std::optional<FinishSpec>& finish, Mark finish_mark,
                 Diagnostics& diagnostics);

}  // namespace cambrian
