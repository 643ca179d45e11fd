// `--set path=value`: changes to a study file before it is checked.
#pragma once

#include <string>
#include <vector>

#include "common/spec/diagnostics.h"
#include "common/spec/document.h"

namespace cambrian {

// Puts each value where its path says: "budget.trials=200", "space.set.channels=8",
// "objectives.1.on.batch=4" (list items count from 0). What is missing on the way is made; a word
// on the way opens to a map (`space: darts` is {use: darts}, `strategy: random` is {random: {}}). A
// key that means nothing is found when the file is checked. What is set has no place in the file
// (line 0).
void ApplySettings(const std::vector<std::string>& settings, Node& file, Diagnostics& diagnostics);

}  // namespace cambrian
