// What stands where an operation is wanted: words, blocks, cells, and choices of them.
#include "absl/strings/str_cat.h"
#include "common/nas/words.h"
#include "common/spec/expression_parser.h"
#include "common/spec/space_compiler.h"
#include "common/spec/space_nodes.h"

namespace cambrian {
namespace {

constexpr size_t kMaxDepth = 64;

}  // namespace

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

}  // namespace cambrian
