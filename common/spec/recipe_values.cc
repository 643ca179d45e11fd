// The recipe's values: maps and lists with holes.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/spec/value_compiler.h"

namespace cambrian {

std::shared_ptr<const ValueTemplate> ValueCompiler::CompileRecipe(const Node& node,
                                                                  const Scope& scope,
                                                                  const HolePath& path) {
  if (node.IsMap() && node.Find("choose") != nullptr) return RecipeChoose(node, scope, path);
  auto value = std::make_shared<ValueTemplate>();
  if (node.IsNull() || (node.IsMap() && !IsHole(node))) {
    value->kind = ValueTemplate::Kind::kMap;
    for (const Node::Entry& entry : node.entries) {
      value->entries.emplace_back(entry.key,
                                  CompileRecipe(entry.value, scope, path.Under(entry.key)));
    }
  } else if (node.IsList()) {
    value->kind = ValueTemplate::Kind::kList;
    for (const Node& item : node.items)
      value->entries.emplace_back("", CompileRecipe(item, scope, path));
  } else {
    value->kind = ValueTemplate::Kind::kExpression;
    value->expression = Compile(node, scope, path);
    if (value->expression == nullptr) return nullptr;
  }
  for (const auto& entry : value->entries) {
    if (entry.second == nullptr) return nullptr;
  }
  return value;
}

std::shared_ptr<const ValueTemplate> ValueCompiler::RecipeChoose(const Node& node,
                                                                 const Scope& scope,
                                                                 const HolePath& path) {
  const Node& choose = *node.Find("choose");
  const bool scalars = std::all_of(choose.items.begin(), choose.items.end(),
                                   [](const Node& o) { return o.IsScalar(); }) &&
                       std::all_of(choose.entries.begin(), choose.entries.end(),
                                   [](const Node::Entry& e) { return e.value.IsScalar(); });
  auto value = std::make_shared<ValueTemplate>();
  const bool several = node.Find("count") != nullptr;
  if (scalars && !several) {
    value->kind = ValueTemplate::Kind::kExpression;
    value->expression = Compile(node, scope, path);
    return value->expression == nullptr ? nullptr : value;
  }
  for (const Node::Entry& entry : node.entries) {
    if (entry.key == "choose" || entry.key == "count" || entry.key == "repeats") continue;
    errors_->Error(entry.key_mark,
                   absl::StrCat("\"", entry.key, "\" has no meaning beside \"choose\""));
    return nullptr;
  }
  const auto options = Options(choose);
  size_t least = 1;
  size_t most = 1;
  if (options.empty() || !Count(node, options.size(), least, most)) return nullptr;
  std::vector<std::string> labels;
  for (const auto& option : options) labels.push_back(option.first);
  value->kind = several ? ValueTemplate::Kind::kSubset : ValueTemplate::Kind::kChoice;
  if (several) {
    value->chosen = Subsets(options.size(), least, most);
    std::vector<std::string> names;
    for (const std::vector<int>& subset : value->chosen) {
      names.push_back(
          absl::StrJoin(subset, "+", [&](std::string* out, int i) { out->append(labels[i]); }));
      if (subset.empty()) names.back() = "none";
    }
    labels = std::move(names);
  }
  value->decision = DeclareCategorical(node, path, std::move(labels), several);
  if (value->decision < 0) return nullptr;
  for (size_t i = 0; i < options.size(); ++i) {
    const auto& [label, option] = options[i];
    std::vector<bool> allowed;
    if (several) {
      for (const std::vector<int>& subset : value->chosen) {
        allowed.push_back(std::find(subset.begin(), subset.end(), static_cast<int>(i)) !=
                          subset.end());
      }
      registry_.Push(value->decision, std::move(allowed));
    } else {
      registry_.Push(value->decision, static_cast<int>(i));
    }
    // In a list an option names itself by its only key, which stands in the resolved value already.
    const bool labelled = choose.IsMap();
    auto compiled = CompileRecipe(*option, scope, labelled ? path.Under(label) : path);
    registry_.Pop();
    if (compiled == nullptr) return nullptr;
    value->entries.emplace_back(labelled ? label : "", std::move(compiled));
  }
  return value;
}

}  // namespace cambrian
