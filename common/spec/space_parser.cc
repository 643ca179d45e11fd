#include "common/spec/space_parser.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/nas/template_space.h"
#include "common/spec/hole_registry.h"
#include "common/spec/space_compiler.h"
#include "common/spec/value_compiler.h"

namespace cambrian {
namespace {

struct BuiltinSpace {
  const char* name;
  const char* text;
};

constexpr BuiltinSpace kBuiltinSpaces[] = {
#include "builtin_spaces.inc"
};

// Gives the file's parameters their values. A hole keeps its name and its options: it is no
// parameter to be set.
void SetParameters(Node& space, const std::vector<ParameterSetting>& settings, ErrorSink& errors) {
  Node* parameters = space.Find("parameters");
  std::vector<std::string> known;
  if (parameters != nullptr) {
    for (const Node::Entry& entry : parameters->entries) known.push_back(entry.key);
  }
  for (const ParameterSetting& setting : settings) {
    Node* value = parameters == nullptr ? nullptr : parameters->Find(setting.name);
    if (value == nullptr) {
      errors.Error(setting.value.mark,
                   absl::StrCat("the space has no parameter \"", setting.name, "\""),
                   DidYouMean(setting.name, known));
    } else if (IsHole(*value)) {
      errors.Error(setting.value.mark,
                   absl::StrCat("\"", setting.name,
                                "\" is a decision of the space; only plain parameters can be set"));
    } else {
      *value = setting.value;
    }
  }
}

}  // namespace

std::shared_ptr<const SearchSpace> ParseSpace(const Node& space,
                                              const std::vector<ParameterSetting>& settings,
                                              const Node* recipe, Diagnostics& diagnostics,
                                              Diagnostics& recipe_diagnostics) {
  ErrorSink errors(diagnostics);
  ErrorSink recipe_errors(recipe_diagnostics);
  Node file = space;
  SetParameters(file, settings, recipe_errors);
  // Decisions are numbered as they are met; if one is met before something that it depends on, a
  // second walk numbers them anew.
  std::vector<std::string> order;
  for (int walk = 0; walk < 2; ++walk) {
    HoleRegistry registry(order);
    SpaceCompiler compiler(file, recipe, registry, errors, recipe_errors);
    TemplateSpace::Parts parts;
    parts.file = diagnostics.file();
    parts.network = compiler.CompileNetwork();
    parts.recipe = compiler.CompileRecipe();
    if (!diagnostics.ok() || !recipe_diagnostics.ok() || parts.network == nullptr ||
        parts.recipe == nullptr)
      return nullptr;
    order = registry.Order();
    parts.rules = std::move(registry).Take();
    const std::vector<Decision>& decisions = parts.rules.decisions;
    if (order.size() != decisions.size()) {
      diagnostics.Error(space.mark, "decisions of the space depend on each other in a circle");
      return nullptr;
    }
    const bool ordered = std::equal(
        order.begin(), order.end(), decisions.begin(),
        [](const std::string& name, const Decision& decision) { return name == decision.name; });
    if (ordered || walk == 1) return std::make_shared<TemplateSpace>(std::move(parts));
  }
  return nullptr;
}

std::vector<std::string> BuiltinSpaces() {
  std::vector<std::string> names;
  for (const BuiltinSpace& space : kBuiltinSpaces) names.emplace_back(space.name);
  return names;
}

absl::string_view BuiltinSpaceText(absl::string_view name) {
  for (const BuiltinSpace& space : kBuiltinSpaces) {
    if (name == space.name) return space.text;
  }
  return {};
}

}  // namespace cambrian
