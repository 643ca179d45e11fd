// Values of the space language: literals, expressions, `choose` and `range`, and the names they
// refer to.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/nas/expression.h"
#include "common/nas/template_space.h"
#include "common/spec/diagnostics.h"
#include "common/spec/document.h"
#include "common/spec/hole_registry.h"

namespace cambrian {

// What a name stands for. A parameter is compiled at its first use, in the scope in which its value
// is written, so that a hole that nothing uses makes no decision.
struct Scope;
struct Binding {
  const Node* node = nullptr;
  const Scope* scope = nullptr;
  HolePath path;           // of the hole that the value may be
  ExpressionPtr compiled;  // null until the first use
  bool cell_argument = false;
  bool open = false;  // being compiled: to find circles
};

// The names that a place of the file sees: its own, then those around it.
struct Scope {
  const Scope* outer = nullptr;
  mutable std::map<std::string, Binding> names;

  Binding* Find(const std::string& name) const;
  std::vector<std::string> AllNames() const;
};

// Collects errors, each place and text once although a definition may be walked many times.
class ErrorSink {
 public:
  explicit ErrorSink(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}
  void Error(Mark mark, const std::string& message, const std::string& suggestion = {});

 private:
  Diagnostics& diagnostics_;
  std::set<std::pair<std::pair<int, int>, std::string>> seen_;
};

// Not thread-safe. All methods report to the sink and go on.
class ValueCompiler {
 public:
  ValueCompiler(HoleRegistry& registry, ErrorSink& errors)
      : registry_(registry), errors_(&errors) {}
  // From here on decisions are the recipe's, and errors go to its file's sink.
  void BeginRecipe(ErrorSink& errors) {
    errors_ = &errors;
    in_recipe_ = true;
  }

  // A scalar, an expression, or a hole that is named `path`. Null after an error. Touches the
  // decisions that it depends on.
  ExpressionPtr Compile(const Node& node, const Scope& scope, const HolePath& path);
  // The same where decisions must not depend on shapes or on the arguments of a cell: in `when`,
  // `times`, `choose` …
  ExpressionPtr CompileStructural(const Node& node, const Scope& scope, const HolePath& path,
                                  const char* where);
  // A condition (`when`, `require`): always computed, even without a "$".
  ExpressionPtr CompileCondition(const Node& node, const Scope& scope, const char* where);

  // A map, list or value of the recipe. Null after an error.
  std::shared_ptr<const ValueTemplate> CompileRecipe(const Node& node, const Scope& scope,
                                                     const HolePath& path);

  // Declares a categorical decision and touches it; -1 after an error.
  int DeclareCategorical(const Node& hole, const HolePath& path, std::vector<std::string> options,
                         bool is_set);
  int Declare(const Node& hole, const HolePath& path, Decision decision);

  // The label that an option of a list has: its text or its only key. Reports and gives "" if it
  // has none.
  std::string OptionLabel(const Node& option);
  // The options of a `choose`, as (label, node). Empty after an error.
  std::vector<std::pair<std::string, const Node*>> Options(const Node& choose);
  // How many are chosen: `count: 2`, `count: [1, 3]`, or one. False after an error.
  bool Count(const Node& hole, size_t available, size_t& least, size_t& most);
  // All subsets of {0 … n-1} with `least` to `most` members, smaller ones first.
  static std::vector<std::vector<int>> Subsets(size_t n, size_t least, size_t most);

 private:
  ExpressionPtr CompileChoose(const Node& node, const Scope& scope, const HolePath& path);
  ExpressionPtr CompileRange(const Node& node, const HolePath& path);
  ExpressionPtr CompileText(const std::string& text, const Node& node, const Scope& scope);
  absl::StatusOr<ExpressionPtr> Lookup(absl::string_view name, const Scope& scope);
  std::shared_ptr<const ValueTemplate> RecipeChoose(const Node& node, const Scope& scope,
                                                    const HolePath& path);

  HoleRegistry& registry_;
  ErrorSink* errors_;
  bool in_recipe_ = false;
  bool shaped_ =
      false;  // something compiled since it was cleared depends on shapes or on a cell's arguments
};

// Whether a value is a hole: a map with `choose` or `range`.
bool IsHole(const Node& node);
// The literal scalar that a node is written as.
Scalar LiteralScalar(const Node& node);

}  // namespace cambrian
