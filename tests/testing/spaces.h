// Search spaces for tests: read from YAML, or built in.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/nas/search_space.h"
#include "common/spec/diagnostics.h"
#include "common/spec/document.h"
#include "common/spec/space_parser.h"

namespace cambrian::testing {

// What came of reading a space.
struct ReadSpace {
  std::shared_ptr<const SearchSpace> space;  // null after an error
  std::string errors;                        // as a user sees them
};

inline ReadSpace Read(absl::string_view text,
                      const std::vector<std::pair<std::string, std::string>>& settings = {},
                      absl::string_view recipe = {}) {
  Diagnostics diagnostics("space.yaml", std::string(text));
  Diagnostics recipe_diagnostics("study.yaml", std::string(recipe));
  const Node node = ParseYaml(text, diagnostics);
  std::vector<ParameterSetting> set;
  for (const auto& [name, value] : settings) {
    Node scalar;
    scalar.kind = Node::Kind::kScalar;
    scalar.scalar = value;
    set.push_back({name, scalar});
  }
  const Node recipe_node = recipe.empty() ? Node() : ParseYaml(recipe, recipe_diagnostics);
  ReadSpace read;
  if (diagnostics.ok() && recipe_diagnostics.ok()) {
    read.space = ParseSpace(node, set, recipe.empty() ? nullptr : &recipe_node, diagnostics,
                            recipe_diagnostics);
  }
  read.errors = diagnostics.Render() + recipe_diagnostics.Render();
  return read;
}

inline std::shared_ptr<const SearchSpace> Builtin(
    absl::string_view name, const std::vector<std::pair<std::string, std::string>>& settings = {}) {
  return Read(BuiltinSpaceText(name), settings).space;
}

}  // namespace cambrian::testing
