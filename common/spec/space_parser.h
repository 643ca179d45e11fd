// The space language: YAML → SearchSpace.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/nas/search_space.h"
#include "common/spec/diagnostics.h"
#include "common/spec/document.h"

namespace cambrian {

// Values for the file's `parameters`, from `set:` in a study file or --set: name → value as in the
// file.
struct ParameterSetting {
  std::string name;
  Node value;
};

// Compiles a space (a map with `network` and perhaps `parameters`, `cells`, `blocks`, `require`)
// and the study's recipe, whose holes become decisions `recipe.…` (null: an empty recipe). Problems
// go to `diagnostics` (for the space) and `recipe_diagnostics`; null if there are errors. The
// result keeps nothing of its arguments.
std::shared_ptr<const SearchSpace> ParseSpace(const Node& space,
                                              const std::vector<ParameterSetting>& settings,
                                              const Node* recipe, Diagnostics& diagnostics,
                                              Diagnostics& recipe_diagnostics);

// The built-in spaces ("nasbench201", "darts", "mobile", "multi_branch", "chain_cnn") as YAML,
// compiled into the program.
std::vector<std::string> BuiltinSpaces();
// Empty if there is none of that name.
absl::string_view BuiltinSpaceText(absl::string_view name);

}  // namespace cambrian
