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
constexpr size_t kMaxDepth = 64;

const char* Awaited(const std::string& word) {
  return word == "inner" || word == "core" || word == "recurrent" || word == "repeats" ||
                 word == "widths"
             ? "a construct that is not built yet"
             : "an operation that is not built yet";
}

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
  values_.ReportTo(recipe_errors_);
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

TemplatePtr SpaceCompiler::CompileNamed(const std::string& name, const Node* arguments,
                                        const Node& place, const Context& context) {
  bool cell = false;
  if (const Node* definition = FindDefinition(name, context, cell)) {
    return CompileUse(name, *definition, cell, arguments, place, context);
  }
  if (const Word* word = FindWord(name)) return CompileWord(*word, arguments, place, context);
  if (IsReservedWord(name))
    return Fail(place.mark, absl::StrCat("\"", name, "\" is reserved: ", Awaited(name)));
  std::vector<std::string> known = WordNames();
  known.insert(known.end(), Constructs().begin(), Constructs().end());
  for (const Node* definitions : {context.cells, space_.Find("cells"), space_.Find("blocks")}) {
    if (definitions == nullptr) continue;
    for (const Node::Entry& entry : definitions->entries) known.push_back(entry.key);
  }
  return Fail(place.mark, absl::StrCat("there is no operation, block or cell \"", name, "\""),
              DidYouMean(name, known));
}

TemplatePtr SpaceCompiler::CompileWord(const Word& word, const Node* arguments, const Node& place,
                                       const Context& context) {
  auto compiled = std::make_shared<Template>();
  compiled->kind = Template::Kind::kWord;
  compiled->word = &word;
  compiled->mark = MarkOf(place);
  if (arguments != nullptr && !arguments->IsMap() && !arguments->IsNull()) {
    return Fail(arguments->mark, absl::StrCat("the arguments of \"", std::string(word.name),
                                              "\" are a map, not ", arguments->Describe()));
  }
  std::vector<std::string> known;
  for (const WordArgument& argument : word.arguments) known.emplace_back(argument.name);
  bool ok = arguments == nullptr ||
            KnownKeys(*arguments, known, absl::StrCat("\"", word.name, "\"").c_str());
  for (size_t i = 0; i < word.arguments.size(); ++i) {
    const WordArgument& argument = word.arguments[i];
    const Node* value = arguments == nullptr ? nullptr : arguments->Find(argument.name);
    if (value == nullptr) {
      if (argument.required) {
        ok = Fail(place.mark, absl::StrCat("\"", word.name, "\" needs its argument \"",
                                           argument.name, "\"")) != nullptr;
      }
      continue;
    }
    ExpressionPtr expression =
        values_.Compile(*value, *context.scope, context.path.Under(known[i]));
    if (expression == nullptr) {
      ok = false;
      continue;
    }
    // What can be checked before any shape is known.
    if (!expression->uses_shapes && !expression->uses_liveness) {
      const absl::StatusOr<std::vector<Scalar>> all = registry_.AllValues(*expression);
      for (const Scalar& scalar : all.ok() ? *all : std::vector<Scalar>()) {
        if (const absl::Status status = CheckArgument(argument, scalar); !status.ok()) {
          ok = Fail(value->mark, std::string(status.message())) != nullptr;
          break;
        }
      }
    }
    compiled->arguments.emplace_back(static_cast<int>(i), std::move(expression));
  }
  return ok ? compiled : nullptr;
}

bool SpaceCompiler::BindArguments(const std::string& name, const Node& definition,
                                  const Node* arguments, const Node& place, const Context& context,
                                  bool cell, Scope& scope) {
  if (arguments != nullptr && !arguments->IsMap() && !arguments->IsNull()) {
    Fail(arguments->mark,
         absl::StrCat("the arguments of \"", name, "\" are a map, not ", arguments->Describe()));
    return false;
  }
  bool ok = true;
  std::vector<std::string> known;
  const Node* parameters = definition.IsMap() ? definition.Find("parameters") : nullptr;
  for (const Node::Entry& entry :
       parameters == nullptr ? std::vector<Node::Entry>() : parameters->entries) {
    known.push_back(entry.key);
    const Node* given = arguments == nullptr ? nullptr : arguments->Find(entry.key);
    if (given == nullptr) {
      if (!entry.value.IsScalar() || entry.value.scalar != "required") continue;
      Fail(place.mark, absl::StrCat("\"", name, "\" needs its argument \"", entry.key, "\""));
      ok = false;
      continue;
    }
    Binding binding;
    binding.node = given;
    binding.scope = context.scope;
    binding.path = context.path.Under(entry.key);
    binding.cell_argument = cell;
    scope.names.emplace(entry.key, std::move(binding));
  }
  if (arguments != nullptr)
    ok &= KnownKeys(*arguments, known, absl::StrCat("\"", name, "\"").c_str());
  return ok;
}

TemplatePtr SpaceCompiler::CompileUse(const std::string& name, const Node& definition, bool cell,
                                      const Node* arguments, const Node& place,
                                      const Context& context) {
  if (Contains(open_, name)) {
    return Fail(place.mark,
                absl::StrCat("\"", name, "\" stands inside itself; there is no recursion"),
                "write the repetitions with {repeat: {times: …, block: …}}");
  }
  if (open_.size() > kMaxDepth) return Fail(place.mark, "blocks are nested more than 64 deep");
  // A cell of a block sees what the block sees, and is designed once for each use of the block.
  const bool of_block = cell && context.cells != nullptr && context.cells->Find(name) != nullptr;
  Context inner;
  Scope& scope = NewScope(of_block ? context.block->scope : &file_);
  inner.scope = &scope;
  inner.bound = true;
  if (of_block) {
    inner.block = context.block;
    inner.cells = context.cells;
    inner.path = context.block->path.Under(name);
  } else {
    inner.path = cell ? HolePath{name, 0} : context.path.UsedAt(&place);
  }
  if (!BindArguments(name, definition, arguments, place, context, cell, scope)) return nullptr;
  open_.push_back(name);
  TemplatePtr compiled = CompileDefinition(definition, inner, {"input"});
  open_.pop_back();
  return compiled;
}

TemplatePtr SpaceCompiler::CompileChoice(const Node& hole, const Context& context) {
  for (const Node::Entry& entry : hole.entries) {
    if (entry.key == "choose" || Contains(StepKeywords(), entry.key) ||
        Contains(DefinitionKeywords(), entry.key))
      continue;
    return Fail(entry.key_mark,
                absl::StrCat("\"", entry.key, "\" has no meaning beside \"choose\""));
  }
  const Node& choose = *hole.Find("choose");
  const auto options = values_.Options(choose);
  if (options.empty()) return nullptr;
  if (context.path.name.empty())
    return Fail(hole.mark, "a choice needs a name", "{name: …, choose: …}");
  auto compiled = std::make_shared<Template>();
  compiled->kind = Template::Kind::kChoice;
  compiled->mark = MarkOf(hole);
  std::vector<std::string> labels;
  for (const auto& option : options) labels.push_back(option.first);
  // The hole is the list of options itself: the same wherever the definition that holds it is
  // walked.
  compiled->decision = values_.DeclareCategorical(choose, context.path, std::move(labels), false);
  if (compiled->decision < 0) return nullptr;
  bool ok = true;
  for (size_t i = 0; i < options.size(); ++i) {
    Context inner = context;
    inner.path = context.path.Under(options[i].first);
    registry_.Push(compiled->decision, static_cast<int>(i));
    TemplatePtr body = CompileBody(*options[i].second, inner);
    registry_.Pop();
    if (body == nullptr) {
      ok = false;
      continue;
    }
    compiled->inputs = std::max(compiled->inputs, body->inputs);
    compiled->options.emplace_back(Valid(options[i].first), std::move(body));
  }
  return ok ? compiled : nullptr;
}

TemplatePtr SpaceCompiler::CompileSelected(const Node& place, const Context& context) {
  const ExpressionPtr selected =
      values_.CompileStructural(place, *context.scope, context.path, "operation");
  if (selected == nullptr) return nullptr;
  const auto named = [&](const Expression& e) -> TemplatePtr {
    if (e.kind != Expression::Kind::kConstant || e.constant.kind != Scalar::Kind::kText) {
      return Fail(
          place.mark,
          absl::StrCat("\"", place.scalar,
                       "\" stands where an operation is wanted, and is not the name of one"));
    }
    return CompileNamed(e.constant.text, nullptr, place, context);
  };
  if (selected->kind != Expression::Kind::kSelect) return named(*selected);
  auto compiled = std::make_shared<Template>();
  compiled->kind = Template::Kind::kChoice;
  compiled->mark = MarkOf(place);
  compiled->decision = selected->decision;
  for (size_t i = 0; i < selected->operands.size(); ++i) {
    registry_.Push(selected->decision, static_cast<int>(i));
    TemplatePtr body = named(*selected->operands[i]);
    registry_.Pop();
    if (body == nullptr) return nullptr;
    compiled->options.emplace_back(Valid(registry_.decision(selected->decision).options[i]),
                                   std::move(body));
  }
  return compiled;
}

ExpressionPtr SpaceCompiler::CompileJoin(const Node* node, const Context& context,
                                         const HolePath& path) {
  static const auto& kinds =
      *new std::vector<std::string>{"sum", "mean", "product", "concat", "none"};
  if (node == nullptr) return ConstantExpression(Scalar::Text("sum"));
  ExpressionPtr join = values_.CompileStructural(*node, *context.scope, path, "join");
  if (join == nullptr) return nullptr;
  const absl::StatusOr<std::vector<Scalar>> all = registry_.AllValues(*join);
  for (const Scalar& value : all.ok() ? *all : std::vector<Scalar>{Scalar::Text("?")}) {
    if (value.kind == Scalar::Kind::kText && Contains(kinds, value.text)) continue;
    Fail(node->mark,
         absl::StrCat("\"join\" is sum, mean, product, concat or none, not \"", value.ToString(),
                      "\""),
         DidYouMean(value.ToString(), kinds));
    return nullptr;
  }
  const Expression* e = join.get();
  while (e->kind == Expression::Kind::kSelect) e = e->operands[0].get();
  if (e->kind != Expression::Kind::kConstant) {
    Fail(node->mark, "\"join\" is a word or a choice of words");
    return nullptr;
  }
  return join;
}

}  // namespace cambrian
