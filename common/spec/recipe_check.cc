#include "common/spec/recipe_check.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "common/base/random.h"
#include "common/spec/expression_parser.h"

namespace cambrian {
namespace {

using nlohmann::json;

constexpr int kSamples = 32;

// The deepest place on a path that was found.
struct Place {
  size_t depth = 0;
  Mark key;
  Mark value;
};

Place Locate(const Node& node, Mark key, absl::Span<const std::string> path, size_t depth) {
  Place best = {depth, key, node.mark};
  const auto look = [&](const Node& next, Mark next_key, size_t consumed) {
    const Place found = Locate(next, next_key, path.subspan(consumed), depth + consumed);
    if (found.depth > best.depth) best = found;
  };
  if (path.empty()) return best;
  for (const Node::Entry& entry : node.entries) {
    if (entry.key == path[0]) look(entry.value, entry.key_mark, 1);
  }
  size_t index = 0;
  if (absl::SimpleAtoi(path[0], &index) && index < node.items.size()) {
    look(node.items[index], node.items[index].mark, 1);
  }
  if (const Node* const options = node.Find("choose")) {
    for (const Node& option : options->items) look(option, option.mark, 0);
    for (const Node::Entry& option : options->entries) {
      look(option.value, option.key_mark, option.key == path[0] ? 1 : 0);
    }
  }
  return best;
}

// A recipe as the file could mean it, whatever is wrong with its holes. Null: left out.
json Draw(const Node& node, Random& random) {
  if (const Node* const options = node.Find("choose")) {
    if (!options->items.empty()) {
      return Draw(options->items[random.Below(options->items.size())], random);
    }
    if (options->entries.empty()) return nullptr;
    const Node::Entry& option = options->entries[random.Below(options->entries.size())];
    json drawn = Draw(option.value, random);
    if (!drawn.is_object()) return drawn;
    return option.key == "none" ? json() : json{{option.key, std::move(drawn)}};
  }
  if (const Node* const ends = node.Find("range")) {
    return ends->items.size() == 2 ? Draw(ends->items[1], random) : json();
  }
  if (node.IsScalar()) return IsExpression(node.scalar) ? json() : json(ToJson(node));
  json drawn = node.IsMap() ? json::object() : node.IsList() ? json::array() : json();
  for (const Node& item : node.items) drawn.push_back(Draw(item, random));
  for (const Node::Entry& entry : node.entries) {
    json value = Draw(entry.value, random);
    if (!value.is_null()) drawn[entry.key] = std::move(value);
  }
  return drawn;
}

}  // namespace

void CheckRecipe(const SearchSpace* space, const Node& recipe,
                 const std::optional<FinishSpec>& finish, Mark finish_mark,
                 Diagnostics& diagnostics) {
  if (recipe.Find("choose") != nullptr || recipe.Find("range") != nullptr) {
    diagnostics.Error(recipe.mark, "the recipe as a whole cannot be a hole",
                      "write holes for its values: \"batch: {choose: [32, 64]}\"");
    return;
  }
  Random random(0);
  for (int i = 0; i < kSamples; ++i) {
    const absl::StatusOr<json> resolved =
        space == nullptr ? Draw(recipe, random) : space->ResolveRecipe(space->Sample(random));
    if (!resolved.ok()) {
      diagnostics.Error(recipe.mark, absl::StrCat("recipe: ", resolved.status().message()));
      return;
    }
    std::vector<JsonProblem> problems;
    const Recipe effective = RecipeFromJson(*resolved, problems);
    for (const JsonProblem& problem : problems) {
      const std::vector<std::string> path = absl::StrSplit(problem.path, '/', absl::SkipEmpty());
      const Place place = Locate(recipe, recipe.mark, path, 0);
      const bool of_key = absl::StartsWith(problem.message, "unknown key");
      diagnostics.Error(of_key ? place.key : place.value, absl::StrCat("recipe: ", problem.message),
                        problem.suggestion);
    }
    if (finish && effective.warmup > finish->epochs) {
      diagnostics.Error(finish_mark,
                        absl::StrFormat("the final training of %g epochs is shorter than the "
                                        "recipe's warmup of %g",
                                        finish->epochs, effective.warmup));
    }
  }
}

}  // namespace cambrian
