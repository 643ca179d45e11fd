// Chains: steps, and where each gets its input.
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/spec/space_compiler.h"
#include "common/spec/space_nodes.h"

namespace cambrian {

// The segment of each step's place: its name, numbered where it stands more than once in the list.
std::vector<std::string> SpaceCompiler::Segments(const std::vector<StepNode>& steps) {
  std::map<std::string, int> total;
  std::vector<std::string> segments;
  for (const StepNode& step : steps) {
    segments.push_back(Valid(DefaultName(step, {})));
    ++total[segments.back()];
  }
  std::map<std::string, int> next;
  for (std::string& segment : segments) {
    if (total[segment] > 1) segment = absl::StrCat(segment, "_", next[segment]++);
  }
  return segments;
}

TemplatePtr SpaceCompiler::CompileSteps(const std::vector<const Node*>& nodes,
                                        const Context& context, const Names& inputs,
                                        const Node& whole) {
  std::vector<StepNode> steps;
  for (const Node* node : nodes) steps.push_back(TakeApart(*node));
  auto chain = std::make_shared<Template>();
  chain->inputs = static_cast<int>(inputs.size());
  chain->mark = MarkOf(whole);
  Sources sources;
  for (size_t i = 0; i < inputs.size(); ++i) {
    sources.names.push_back(inputs[i]);
    sources.slots.push_back(static_cast<int>(i));
  }
  const bool only = nodes.size() == 1;
  const std::vector<std::string> segments = Segments(steps);
  bool ok = true;
  for (size_t i = 0; i < steps.size(); ++i) {
    const StepNode& step = steps[i];
    Context inner = context;
    const std::string name = DefaultName(step, context);
    if (!only || !step.name.empty()) inner.path = context.path.Under(name);
    if (!only && step.name.empty() && HoldsHole(*step.node) &&
        (step.key == "choose" || name == "repeat")) {
      ok = Fail(step.node->mark,
                absl::StrCat("a \"", step.key, "\" in a list needs a name if it holds a decision"),
                absl::StrCat("{name: …, ", step.key, ": …}")) != nullptr;
      continue;
    }
    if (!step.name.empty() && Contains(sources.names, step.name)) {
      ok =
          Fail(step.node->mark, absl::StrCat("two steps of one list are named \"", step.name, "\""),
               "give one another name") != nullptr;
      continue;
    }
    Step compiled;
    compiled.mark = MarkOf(*step.node);
    if (!only || !step.name.empty()) compiled.segment = segments[i];
    ok &= CompileStep(step, inner, i == 0 || only ? inputs : Names{"input"}, sources,
                      step.node == &whole, compiled);
    chain->steps.push_back(std::move(compiled));
    sources.names.push_back(name);
    sources.slots.push_back(static_cast<int>(inputs.size() + i));
  }
  if (!ok) return nullptr;
  // A body that is one plain step is that step.
  if (only && chain->steps[0].links.empty() && chain->steps[0].when == nullptr &&
      chain->steps[0].segment.empty()) {
    return chain->steps[0].body;
  }
  const int first = chain->steps.empty() ? 1 : chain->steps[0].body->inputs;
  if (inputs.size() > 1 && !chain->steps.empty() && chain->steps[0].links.empty() &&
      first != chain->inputs) {
    return Fail(
        steps[0].node->mark,
        absl::StrCat("there are ", inputs.size(), " inputs, and the first step takes ", first),
        absl::StrCat("say which: from: [", absl::StrJoin(inputs, ", "), "]"));
  }
  return chain;
}

bool SpaceCompiler::CompileStep(const StepNode& step, const Context& context, const Names& inputs,
                                const Sources& sources, bool whole, Step& out) {
  bool pushed = false;
  if (step.when != nullptr) {
    out.when = values_.CompileCondition(*step.when, *context.scope, "when");
    if (out.when == nullptr) return false;
    if (out.when->decisions.empty()) {
      if (!EvaluateBool(*out.when, {}).value_or(false)) {
        out.body = SkipTemplate();
        return step.from == nullptr || CompileFrom(step.from, sources, context.path, out);
      }
      out.when = nullptr;
    } else {
      registry_.Push(out.when);
      pushed = true;
    }
  }
  bool ok = true;
  if (step.from != nullptr || step.edge != nullptr || step.join != nullptr) {
    ok = CompileFrom(step.from, sources, context.path, out);
    out.join_segment = out.segment.empty() ? "join" : absl::StrCat(out.segment, ".join");
    out.join = CompileJoin(step.join, context, context.path.Under("join"));
    ok &= out.join != nullptr;
    if (ok && step.edge != nullptr)
      ok = CompileEdges(*step.edge, context, context.path, out.segment, out);
  }
  const Names body_inputs = out.links.empty() ? inputs : Names{"input"};
  if (whole) {
    out.body = CompileContent(*step.node, context, body_inputs);
  } else if (step.node->IsList() || IsDefinition(*step.node)) {
    out.body = CompileDefinition(*step.node, context, body_inputs, true);
  } else {
    out.body = CompileOperation(step, context, body_inputs);
    bool cell = false;
    out.fresh = FindDefinition(step.key, context, cell) != nullptr;
  }
  if (pushed) registry_.Pop();
  return ok && out.body != nullptr;
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

bool SpaceCompiler::CompileFrom(const Node* from, const Sources& sources, const HolePath& path,
                                Step& step) {
  const auto add = [&](const Node* at, const std::string& name) {
    if (name == "previous" && !Contains(sources.names, name)) {
      step.links.push_back({Link::kPrevious, nullptr, "", name});
      return true;
    }
    const auto count = std::count(sources.names.begin(), sources.names.end(), name);
    if (count != 1) {
      std::vector<std::string> known = sources.names;
      known.push_back("previous");
      Fail(at->mark,
           count == 0
               ? absl::StrCat("there is no earlier step or input \"", name, "\" in this list")
               : absl::StrCat("several earlier steps are \"", name, "\""),
           count == 0 ? DidYouMean(name, known) : "give the one a \"name\"");
      return false;
    }
    const auto at_name =
        std::find(sources.names.begin(), sources.names.end(), name) - sources.names.begin();
    step.links.push_back({sources.slots[at_name], nullptr, "", name});
    return true;
  };
  if (from == nullptr) return add(nullptr, "previous");
  if (from->IsScalar() && from->scalar == "earlier") {
    for (size_t i = 0; i < sources.names.size(); ++i)
      step.links.push_back({sources.slots[i], nullptr, "", sources.names[i]});
    return true;
  }
  if (from->IsScalar()) return add(from, from->scalar);
  if (from->IsList()) {
    bool ok = !from->items.empty();
    if (!ok) Fail(from->mark, "\"from\" needs at least one source");
    for (const Node& item : from->items) {
      if (item.IsScalar()) {
        ok &= add(&item, item.scalar);
      } else {
        ok = Fail(item.mark, "a source in a list is a name",
                  "a choice stands for the whole: from: {choose: […], count: …}") != nullptr;
      }
    }
    return ok;
  }
  return CompileChosen(*from, sources, path.Under("from"), step);
}

// `from: {choose: [a, b] | earlier, count: …}`
bool SpaceCompiler::CompileChosen(const Node& hole, const Sources& sources, const HolePath& path,
                                  Step& step) {
  const Node* choose = hole.IsMap() ? hole.Find("choose") : nullptr;
  if (choose == nullptr) {
    Fail(hole.mark,
         absl::StrCat("\"from\" is a name, a list of names or a choice, not ", hole.Describe()));
    return false;
  }
  if (!KnownKeys(hole, {"choose", "count", "repeats"}, "\"from\"")) return false;
  if (choose->IsMap() || !CompileFrom(choose, sources, path, step)) {
    if (choose->IsMap())
      Fail(choose->mark, "the options of \"from\" are names of sources, or \"earlier\"");
    return false;
  }
  size_t least = 1;
  size_t most = 1;
  if (!values_.Count(hole, step.links.size(), least, most)) return false;
  step.chosen = ValueCompiler::Subsets(step.links.size(), least, most);
  std::vector<std::string> labels;
  for (const std::vector<int>& subset : step.chosen) {
    labels.push_back(absl::StrJoin(
        subset, "+", [&](std::string* out, int i) { out->append(step.links[i].name); }));
  }
  if (labels.size() > 1'000) {
    Fail(hole.mark, "a choice of more than 1,000 sets of sources");
    return false;
  }
  step.from_decision =
      values_.DeclareCategorical(hole, path, std::move(labels), hole.Find("count") != nullptr);
  return step.from_decision >= 0;
}

bool SpaceCompiler::CompileEdges(const Node& edge, const Context& context, const HolePath& path,
                                 const std::string& segment, Step& step) {
  for (size_t l = 0; l < step.links.size(); ++l) {
    Link& link = step.links[l];
    const std::string name = absl::StrCat("edge_", link.name);
    if (step.from_decision >= 0) {
      std::vector<bool> allowed;
      for (const std::vector<int>& chosen : step.chosen) {
        allowed.push_back(std::find(chosen.begin(), chosen.end(), static_cast<int>(l)) !=
                          chosen.end());
      }
      registry_.Push(step.from_decision, std::move(allowed));
    }
    Context inner = context;
    inner.path = path.Under(name);
    link.segment = segment.empty() ? Valid(name) : absl::StrCat(segment, ".", Valid(name));
    link.edge = CompileBody(edge, inner);
    if (step.from_decision >= 0) registry_.Pop();
    if (link.edge == nullptr) return false;
  }
  return true;
}

}  // namespace cambrian
