#include "common/spec/space_compiler.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/nas/words.h"
#include "common/spec/expression_parser.h"
#include "common/spec/space_nodes.h"

namespace cambrian {
namespace {

constexpr int64_t kMaxSteps = 100'000;

}  // namespace

SpaceCompiler::SpaceCompiler(const Node& space, const Node* recipe, HoleRegistry& registry,
                             ErrorSink& errors, ErrorSink& recipe_errors)
    : space_(space),
      recipe_(recipe),
      registry_(registry),
      errors_(errors),
      recipe_errors_(recipe_errors),
      values_(registry, errors) {
  if (const Node* parameters = space_.Find("parameters"))
    BindParameters(*parameters, {}, {}, file_);
}

TemplatePtr SpaceCompiler::Fail(Mark mark, const std::string& message,
                                const std::string& suggestion) {
  errors_.Error(mark, message, suggestion);
  return nullptr;
}

bool SpaceCompiler::KnownKeys(const Node& node, const std::vector<std::string>& keys,
                              const char* where) {
  bool known = true;
  for (const Node::Entry& entry : node.entries) {
    if (Contains(keys, entry.key)) continue;
    known = false;
    if (IsReservedWord(entry.key)) {
      Fail(entry.key_mark, absl::StrCat("\"", entry.key, "\" is reserved: ", Awaited(entry.key)));
    } else {
      Fail(entry.key_mark, absl::StrCat("unknown key \"", entry.key, "\" in ", where),
           DidYouMean(entry.key, keys));
    }
  }
  return known;
}

TemplatePtr SpaceCompiler::CompileNetwork() {
  if (!space_.IsMap()) return Fail(space_.mark, "a space is a map with \"network\"");
  KnownKeys(space_, {"name", "set", "parameters", "network", "cells", "blocks", "require"},
            "a space");
  for (const char* section : {"cells", "blocks"}) {
    const Node* definitions = space_.Find(section);
    if (definitions == nullptr) continue;
    if (!definitions->IsMap())
      return Fail(definitions->mark, absl::StrCat("\"", section, "\" is a map of names"));
    for (const Node::Entry& entry : definitions->entries) {
      if (FindWord(entry.key) != nullptr || Contains(StepKeywords(), entry.key) ||
          Contains(Constructs(), entry.key) || Contains(DefinitionKeywords(), entry.key) ||
          IsReservedWord(entry.key)) {
        Fail(entry.key_mark,
             absl::StrCat("\"", entry.key, "\" is the name of an operation or a keyword"),
             "choose another name");
      }
    }
  }
  const Node* network = space_.Find("network");
  if (network == nullptr) return Fail(space_.mark, "the space has no \"network\"");
  Context context;
  context.scope = &file_;
  TemplatePtr compiled = CompileBody(*network, context);
  if (compiled == nullptr) return nullptr;
  if (const Node* require = space_.Find("require")) {
    auto whole = std::make_shared<Template>(*compiled);
    CompileRequire(*require, context, *whole);
    return whole;
  }
  return compiled;
}

std::shared_ptr<const ValueTemplate> SpaceCompiler::CompileRecipe() {
  if (recipe_ == nullptr) return std::make_shared<ValueTemplate>();
  values_.BeginRecipe(recipe_errors_);
  return values_.CompileRecipe(*recipe_, file_, HolePath{"recipe", 0});
}

const Node* SpaceCompiler::FindDefinition(const std::string& name, const Context& context,
                                          bool& cell) const {
  cell = true;
  for (const Node* cells : {context.cells, space_.Find("cells")}) {
    if (cells == nullptr) continue;
    if (const Node* found = cells->Find(name)) return found;
  }
  cell = false;
  const Node* blocks = space_.Find("blocks");
  return blocks == nullptr ? nullptr : blocks->Find(name);
}

SpaceCompiler::StepNode SpaceCompiler::TakeApart(const Node& node) {
  StepNode step;
  step.node = &node;
  if (node.IsScalar()) step.key = node.scalar;
  if (node.IsNull()) Fail(node.mark, "a step is an operation, a block or a list of steps");
  bool definition = false;
  for (const Node::Entry& entry : node.entries) {
    if (entry.key == "name") {
      step.name = entry.value.scalar;
    } else if (entry.key == "from") {
      step.from = &entry.value;
    } else if (entry.key == "edge") {
      step.edge = &entry.value;
    } else if (entry.key == "join") {
      step.join = &entry.value;
    } else if (entry.key == "when") {
      step.when = &entry.value;
    } else if (Contains(DefinitionKeywords(), entry.key)) {
      definition |= entry.key == "steps";
    } else if (step.key.empty()) {
      step.key = entry.key;
      step.value = &entry.value;
    } else if (step.key != "choose") {  // what stands beside `choose` is looked at there
      Fail(entry.key_mark,
           absl::StrCat("a step has one operation; \"", step.key, "\" and \"", entry.key,
                        "\" are two"),
           absl::StrCat("arguments stand inside: {", step.key, ": {", entry.key, ": …}}"));
    }
  }
  if (node.IsMap() && step.key.empty() && !definition) step.key = "skip";
  return step;
}

bool SpaceCompiler::IsNamed(const Node& block, const Context& context) const {
  bool cell = false;
  if (block.IsScalar()) return FindDefinition(block.scalar, context, cell) != nullptr;
  return block.IsMap() && block.entries.size() == 1 &&
         FindDefinition(block.entries[0].key, context, cell) != nullptr;
}

// The name that a step has in places and decisions if it has none of its own.
std::string SpaceCompiler::DefaultName(const StepNode& step, const Context& context) const {
  if (!step.name.empty()) return step.name;
  if (step.key.empty()) return "steps";
  if (step.key == "repeat" && step.value != nullptr && step.value->IsMap()) {
    const Node* block = step.value->Find("block");
    if (block != nullptr && IsNamed(*block, context))
      return block->IsScalar() ? block->scalar : block->entries[0].key;
  }
  return absl::StartsWith(step.key, "$") ? step.key.substr(1) : step.key;
}

Scope& SpaceCompiler::NewScope(const Scope* outer) {
  scopes_.push_back(std::make_unique<Scope>());
  scopes_.back()->outer = outer;
  return *scopes_.back();
}

// Parameters that the scope does not have yet: arguments come before defaults.
void SpaceCompiler::BindParameters(const Node& parameters, const Context& context,
                                   const HolePath& path, Scope& scope) {
  if (!parameters.IsMap()) Fail(parameters.mark, "\"parameters\" is a map of names to values");
  for (const Node::Entry& entry : parameters.entries) {
    if (context.bound && context.scope->names.count(entry.key) != 0) continue;
    if (entry.value.IsScalar() && entry.value.scalar == "required") {
      Fail(entry.value.mark,
           absl::StrCat("the parameter \"", entry.key,
                        "\" is required, and nothing gives it a value"),
           &scope == &file_ ? absl::StrCat("space: {use: …, set: {", entry.key, ": …}}") : "");
    }
    Binding binding;
    binding.node = &entry.value;
    binding.scope = &scope;
    binding.path = path.Under(entry.key);
    scope.names.emplace(entry.key, std::move(binding));
  }
}

TemplatePtr SpaceCompiler::CompileDefinition(const Node& node, const Context& context,
                                             const Names& inputs, bool as_step) {
  if (gave_up_) return nullptr;
  if (++steps_ > kMaxSteps) {
    gave_up_ = true;
    return Fail(node.mark, "the space unfolds to more than 100,000 steps");
  }
  Context inner = context;
  Names names = inputs;
  if (IsDefinition(node)) {
    Scope& scope = NewScope(context.scope);
    if (const Node* parameters = node.Find("parameters"))
      BindParameters(*parameters, context, context.path, scope);
    inner.scope = &scope;
    if (const Node* cells = node.Find("cells")) {
      inner.cells = cells;
      inner.block = &inner;
    }
    if (const Node* named = node.Find("inputs")) {
      names.clear();
      for (const Node& item : named->items) names.push_back(item.scalar);
      if (names.empty())
        return Fail(named->mark, "\"inputs\" is a list of names", "inputs: [older, newer]");
    }
  }
  inner.bound = false;
  const bool keywords = !as_step && HasStepKeywords(node);
  TemplatePtr compiled =
      keywords ? CompileSteps({&node}, inner, names, node) : CompileContent(node, inner, names);
  if (compiled == nullptr) return nullptr;
  if (names.size() > 1 && compiled->inputs != static_cast<int>(names.size())) {
    return Fail(
        node.mark,
        absl::StrCat("there are ", names.size(), " inputs, and the body takes ", compiled->inputs),
        absl::StrCat("say which with \"from\", or join them: from: [", absl::StrJoin(names, ", "),
                     "]"));
  }
  if (const Node* require = node.Find("require")) {
    auto whole = std::make_shared<Template>(*compiled);
    CompileRequire(*require, inner, *whole);
    return whole;
  }
  return compiled;
}

TemplatePtr SpaceCompiler::CompileContent(const Node& node, const Context& context,
                                          const Names& inputs) {
  const Node* steps = node.IsList() ? &node : node.Find("steps");
  if (steps == nullptr) return CompileOperation(TakeApart(node), context, inputs);
  if (!steps->IsList()) return CompileDefinition(*steps, context, inputs);
  std::vector<const Node*> nodes;
  for (const Node& item : steps->items) nodes.push_back(&item);
  return CompileSteps(nodes, context, inputs, *steps);
}

void SpaceCompiler::CompileRequire(const Node& node, const Context& context, Template& definition) {
  std::vector<const Node*> conditions;
  for (const Node& item : node.items) conditions.push_back(&item);
  if (!node.IsList()) conditions.push_back(&node);
  for (const Node* condition : conditions) {
    ExpressionPtr compiled = values_.CompileCondition(*condition, *context.scope, "require");
    if (compiled == nullptr) continue;
    if (compiled->uses_liveness) {
      registry_.CountedRequirement();
      definition.requirements.push_back({compiled, condition->scalar, MarkOf(*condition)});
    } else if (!compiled->decisions.empty()) {
      registry_.Require(compiled, condition->scalar, MarkOf(*condition));
    } else if (!EvaluateBool(*compiled, {}).value_or(false)) {
      Fail(condition->mark, absl::StrCat("this can never hold: ", condition->scalar));
    }
  }
}

TemplatePtr SpaceCompiler::CompileOperation(const StepNode& step, const Context& context,
                                            const Names& inputs) {
  const bool construct = Contains(Constructs(), step.key);
  if (construct && step.value == nullptr) {
    return Fail(step.node->mark, absl::StrCat("\"", step.key, "\" needs its arguments"));
  }
  if (step.key == "choose") return CompileChoice(*step.node, context);
  if (step.key == "repeat") return CompileRepeat(*step.value, context);
  if (step.key == "residual") return CompileResidual(*step.value, context);
  if (step.key == "graph") return CompileGraph(*step.value, context, inputs.size());
  if (step.key == "range")
    return Fail(step.node->mark, "\"range\" is a number; an operation stands here");
  if (step.node->IsScalar() && IsExpression(step.key)) return CompileSelected(*step.node, context);
  return CompileNamed(step.key, step.value, *step.node, context);
}

}  // namespace cambrian
