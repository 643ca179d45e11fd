// repeat, residual and graph.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/spec/space_compiler.h"
#include "common/spec/space_nodes.h"

namespace cambrian {
namespace {

constexpr double kMaxTimes = 10'000;

ExpressionPtr MoreThan(const ExpressionPtr& times, int64_t i) {
  return *ComputedExpression(Expression::Kind::kBinary, ">",
                             {times, ConstantExpression(Scalar::Integer(i))});
}

}  // namespace

void SpaceCompiler::BindConstant(Scope& scope, const std::string& name, Scalar value) {
  Binding binding;
  binding.compiled = ConstantExpression(std::move(value));
  scope.names.insert_or_assign(name, std::move(binding));
}

TemplatePtr SpaceCompiler::CompileRepeat(const Node& node, const Context& context) {
  if (!node.IsMap())
    return Fail(node.mark, "\"repeat\" is a map with \"times\" or \"over\", and \"block\"");
  if (!KnownKeys(node, {"times", "over", "block"}, "\"repeat\"")) return nullptr;
  const Node* block = node.Find("block");
  const Node* over = node.Find("over");
  const Node* times_node = node.Find("times");
  if (block == nullptr) return Fail(node.mark, "\"repeat\" needs a \"block\"");
  if ((over == nullptr) == (times_node == nullptr))
    return Fail(node.mark, "\"repeat\" needs either \"times\" or \"over\"");
  if (over != nullptr && !over->IsList())
    return Fail(over->mark, "\"over\" is a list of arguments, one entry for each repetition");
  ExpressionPtr times =
      over != nullptr
          ? ConstantExpression(Scalar::Integer(static_cast<int64_t>(over->items.size())))
          : values_.CompileStructural(*times_node, *context.scope, context.path.Under("times"),
                                      "times");
  if (times == nullptr) return nullptr;
  const absl::StatusOr<std::vector<Scalar>> counts = registry_.AllValues(*times);
  if (!counts.ok())
    return Fail(node.mark, absl::StrCat("\"times\": ", std::string(counts.status().message())));
  double most = 0;
  double least = kMaxTimes;
  for (const Scalar& count : *counts) {
    if (count.kind != Scalar::Kind::kNumber || count.number != std::round(count.number) ||
        count.number < 0 || count.number > kMaxTimes) {
      return Fail(times_node->mark,
                  absl::StrCat("\"times\" is an integer from 0 to 10,000, not ", count.ToString()));
    }
    most = std::max(most, count.number);
    least = std::min(least, count.number);
  }
  auto chain = std::make_shared<Template>();
  chain->mark = MarkOf(node);
  for (int64_t i = 0; i < static_cast<int64_t>(most); ++i) {
    Context inner = context;
    Scope& scope = NewScope(context.scope);
    BindConstant(scope, "i", Scalar::Integer(i));
    inner.scope = &scope;
    inner.path = context.path.Under(absl::StrCat(i));
    Step step;
    step.segment = absl::StrCat(i);
    const bool conditional = static_cast<double>(i) >= least;
    if (conditional) {
      step.when = MoreThan(times, i);
      registry_.Push(step.when);
    }
    step.body =
        CompileRepetition(*block, over == nullptr ? nullptr : &over->items[i], inner, step.fresh);
    if (conditional) registry_.Pop();
    if (step.body == nullptr) return nullptr;
    chain->steps.push_back(std::move(step));
  }
  return chain;
}

// One repetition: a named block with the entry of `over` as its arguments, or a body in place that
// sees them as names.
TemplatePtr SpaceCompiler::CompileRepetition(const Node& block, const Node* arguments,
                                             const Context& context, bool& fresh) {
  if (arguments != nullptr && !arguments->IsMap())
    return Fail(arguments->mark, "an entry of \"over\" is a map of arguments");
  bool cell = false;
  if (IsNamed(block, context)) {
    fresh = true;
    const std::string& name = block.IsScalar() ? block.scalar : block.entries[0].key;
    const Node* own = block.IsScalar() ? nullptr : &block.entries[0].value;
    if (arguments != nullptr && own != nullptr && !own->IsNull()) {
      return Fail(own->mark, "the arguments stand both here and in \"over\"",
                  "write them in the entries of \"over\"");
    }
    const Node& definition = *FindDefinition(name, context, cell);
    const Node* given = own == nullptr || own->IsNull() ? arguments : own;
    return CompileUse(name, definition, cell, given, block, context);
  }
  Context inner = context;
  if (arguments != nullptr) {
    Scope& scope = NewScope(context.scope);
    for (const Node::Entry& entry : arguments->entries) {
      Binding binding;
      binding.node = &entry.value;
      binding.scope = context.scope;
      binding.path = context.path.Under(entry.key);
      scope.names.emplace(entry.key, std::move(binding));
    }
    inner.scope = &scope;
    inner.bound = true;
  }
  return CompileBody(block, inner);
}

TemplatePtr SpaceCompiler::CompileResidual(const Node& node, const Context& context) {
  const Node* body = &node;
  const Node* shortcut = nullptr;
  const Node* join = nullptr;
  if (node.IsMap() && node.Find("body") != nullptr) {
    if (!KnownKeys(node, {"body", "shortcut", "join"}, "\"residual\"")) return nullptr;
    body = node.Find("body");
    shortcut = node.Find("shortcut");
    join = node.Find("join");
  }
  auto residual = std::make_shared<Template>();
  residual->kind = Template::Kind::kResidual;
  residual->mark = MarkOf(node);
  residual->body = CompileBody(*body, context);
  residual->join = CompileJoin(join, context, context.path.Under("join"));
  if (shortcut != nullptr) {
    Context inner = context;
    inner.path = context.path.Under("shortcut");
    residual->shortcut = CompileBody(*shortcut, inner);
    if (residual->shortcut == nullptr) return nullptr;
  }
  return residual->body == nullptr || residual->join == nullptr ? nullptr : residual;
}

TemplatePtr SpaceCompiler::CompileGraph(const Node& node, const Context& context, size_t inputs) {
  if (!node.IsMap()) return Fail(node.mark, "\"graph\" is a map with \"nodes\"");
  if (!KnownKeys(node, {"nodes", "from", "edge", "join", "op", "prepare", "output"}, "\"graph\""))
    return nullptr;
  const Node* count_node = node.Find("nodes");
  if (count_node == nullptr) return Fail(node.mark, "\"graph\" needs its number of \"nodes\"");
  const ExpressionPtr count =
      values_.CompileStructural(*count_node, *context.scope, context.path.Under("nodes"), "nodes");
  if (count == nullptr) return nullptr;
  if (count->kind != Expression::Kind::kConstant || count->constant.kind != Scalar::Kind::kNumber ||
      count->constant.number < 1 || count->constant.number > 100 ||
      count->constant.number != std::round(count->constant.number)) {
    return Fail(count_node->mark, "\"nodes\" is an integer from 1 to 100, and no decision");
  }
  auto graph = std::make_shared<Template>();
  graph->graph = true;
  graph->inputs = static_cast<int>(inputs);
  graph->mark = MarkOf(node);
  Sources sources;
  for (size_t i = 0; i < inputs; ++i) {
    sources.names.push_back(absl::StrCat(i));
    sources.slots.push_back(static_cast<int>(i));
    const Node* prepare = node.Find("prepare");
    if (prepare == nullptr) continue;
    Step step;
    step.prepare = true;
    step.segment = absl::StrCat("prepare_", i);
    step.links.push_back({static_cast<int>(i), nullptr, "", absl::StrCat("input ", i)});
    step.join = ConstantExpression(Scalar::Text("none"));
    Context inner = context;
    inner.path = context.path.Under(step.segment);
    step.body = CompileBody(*prepare, inner);
    if (step.body == nullptr) return nullptr;
    sources.slots.back() = static_cast<int>(inputs + graph->steps.size());
    graph->steps.push_back(std::move(step));
  }
  const int64_t last = static_cast<int64_t>(inputs) + static_cast<int64_t>(count->constant.number);
  for (int64_t number = static_cast<int64_t>(inputs); number < last; ++number) {
    Step step;
    step.node = true;
    if (!CompileGraphNode(node, context, sources, absl::StrCat(number), step)) return nullptr;
    sources.names.push_back(absl::StrCat(number));
    sources.slots.push_back(static_cast<int>(inputs + graph->steps.size()));
    graph->steps.push_back(std::move(step));
  }
  const Node* output = node.Find("output");
  if (output == nullptr) return graph;
  if (!output->IsMap())
    return Fail(output->mark, "\"output\" is a map", "output: {from: nodes, join: concat}");
  if (!KnownKeys(*output, {"from", "edge", "join", "op"}, "\"output\"")) return nullptr;
  const Node* from = output->Find("from");
  const std::string which = from != nullptr && from->IsScalar() ? from->scalar : "";
  if (from == nullptr || which == "last") {
    sources.names.erase(sources.names.begin(), sources.names.end() - 1);
    sources.slots.erase(sources.slots.begin(), sources.slots.end() - 1);
  } else if (which == "nodes" || which == "unused") {
    sources.names.erase(sources.names.begin(),
                        sources.names.begin() + static_cast<std::ptrdiff_t>(inputs));
    sources.slots.erase(sources.slots.begin(),
                        sources.slots.begin() + static_cast<std::ptrdiff_t>(inputs));
  }
  Step step;
  step.unused = which == "unused";
  if (!CompileGraphNode(*output, context, sources, "out", step)) return nullptr;
  graph->steps.push_back(std::move(step));
  return graph;
}

// A node of a graph, or its output, which is one more: from, edge, join, op.
bool SpaceCompiler::CompileGraphNode(const Node& node, const Context& context,
                                     const Sources& sources, const std::string& number,
                                     Step& step) {
  const Node* from = node.Find("from");
  const bool all = from == nullptr ||
                   (from->IsScalar() && (from->scalar == "earlier" || from->scalar == "nodes" ||
                                         from->scalar == "unused" || from->scalar == "last"));
  HolePath from_path = context.path.Under(absl::StrCat("from_", number));
  if (all) {
    for (size_t i = 0; i < sources.names.size(); ++i)
      step.links.push_back({sources.slots[i], nullptr, "", sources.names[i]});
  } else if (from->IsScalar() && from->scalar == "previous") {
    step.links.push_back({sources.slots.back(), nullptr, "", sources.names.back()});
  } else if (from->IsMap() ? !CompileChosen(*from, sources, from_path, step)
                           : !CompileFrom(from, sources, from_path, step)) {
    return false;
  }
  step.join_segment = absl::StrCat("join_", number);
  step.join = CompileJoin(node.Find("join"), context, context.path.Under(step.join_segment));
  if (step.join == nullptr) return false;
  const Node* edge = node.Find("edge");
  for (size_t l = 0; l < step.links.size() && edge != nullptr; ++l) {
    Link& link = step.links[l];
    if (step.from_decision >= 0) {
      std::vector<bool> allowed;
      for (const std::vector<int>& chosen : step.chosen) {
        allowed.push_back(std::find(chosen.begin(), chosen.end(), static_cast<int>(l)) !=
                          chosen.end());
      }
      registry_.Push(step.from_decision, std::move(allowed));
    }
    Context inner = context;
    Scope& scope = NewScope(context.scope);
    BindConstant(scope, "from", Scalar::Integer(std::stoll(link.name)));
    if (number != "out") BindConstant(scope, "to", Scalar::Integer(std::stoll(number)));
    inner.scope = &scope;
    link.segment = absl::StrCat("edge_", link.name, "_", number);
    inner.path = context.path.Under(link.segment);
    link.edge = CompileBody(*edge, inner);
    if (step.from_decision >= 0) registry_.Pop();
    if (link.edge == nullptr) return false;
  }
  step.segment = absl::StrCat("op_", number);
  Context inner = context;
  inner.path = context.path.Under(step.segment);
  const Node* op = node.Find("op");
  step.body = op == nullptr ? SkipTemplate() : CompileBody(*op, inner);
  return step.body != nullptr;
}

}  // namespace cambrian
