#include "common/nas/lowering.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/words.h"

namespace cambrian {
namespace {

constexpr size_t kMaxOperations = 100'000;
constexpr int kUnset = -2;

using Values = absl::InlinedVector<Value, 4>;

// What runs along a chain: the value, and what the two-input cell before got as its newer input, if
// a cell was the last step.
struct Flow {
  Value value = kNothing;
  Value older = kUnset;
};

struct Liveness {
  int64_t edges = 0;
  int64_t nodes = 0;
};

// A link that a step of a graph reads, for counting.
struct UsedLink {
  size_t step;
  int slot;
};

class Lowering : public WordSink {
 public:
  Lowering(const std::vector<Decision>& decisions, absl::Span<const double> values,
           const Task& task, const std::string& file)
      : decisions_(decisions), values_(values), task_(task), file_(file) {}

  absl::StatusOr<Network> Lower(const Template& network) {
    Operation input;
    input.shape = task_.input;
    input.place = "input";
    operations_.push_back(std::move(input));
    ASSIGN_OR_RETURN(const Flow out, Run(network, {0}, kUnset, nullptr));
    if (out.value == kNothing) {
      return absl::FailedPreconditionError("nothing gets through from the input to the head");
    }
    return Finish(out.value);
  }

  absl::StatusOr<Value> Add(OperationKind kind, OperationArguments arguments,
                            absl::Span<const Value> inputs, absl::string_view suffix) override {
    if (operations_.size() >= kMaxOperations) {
      return absl::ResourceExhaustedError("a network of more than 100,000 operations");
    }
    absl::InlinedVector<Shape, 4> shapes;
    for (const Value input : inputs) shapes.push_back(operations_[input].shape);
    ASSIGN_OR_RETURN(Shape shape, OutputShape(kind, arguments, shapes));
    Operation operation;
    operation.kind = kind;
    operation.inputs.assign(inputs.begin(), inputs.end());
    operation.arguments = std::move(arguments);
    operation.shape = std::move(shape);
    operation.place = PlaceOf(kind, suffix);
    for (const int decision : stack_) operation.decisions.push_back(decisions_[decision].name);
    operations_.push_back(std::move(operation));
    return static_cast<Value>(operations_.size() - 1);
  }

  const Shape& ShapeOf(Value value) const override { return operations_[value].shape; }
  const Shape& input_shape() const override { return task_.input; }
  int64_t classes() const override { return task_.classes; }

 private:
  // Adds a segment to the place for as long as it lives; an empty one adds nothing.
  class Segment {
   public:
    Segment(std::string& path, absl::string_view segment) : path_(path), length_(path.size()) {
      if (segment.empty()) return;
      if (!path.empty()) path_ += '.';
      path_.append(segment.data(), segment.size());
    }
    ~Segment() { path_.resize(length_); }
    Segment(const Segment&) = delete;

   private:
    std::string& path_;
    const size_t length_;
  };

  // Notes that what is built meanwhile was shaped by these decisions.
  class Shaped {
   public:
    explicit Shaped(std::vector<int>& stack) : stack_(stack), length_(stack.size()) {}
    ~Shaped() { stack_.resize(length_); }
    Shaped(const Shaped&) = delete;
    void By(int decision) {
      if (decision >= 0 && std::find(stack_.begin(), stack_.end(), decision) == stack_.end()) {
        stack_.push_back(decision);
      }
    }
    void By(const ExpressionPtr& expression) {
      if (expression == nullptr) return;
      for (const int decision : expression->decisions) By(decision);
    }

   private:
    std::vector<int>& stack_;
    const size_t length_;
  };

  std::string PlaceOf(OperationKind kind, absl::string_view suffix) const {
    if (path_.empty()) {
      const absl::string_view name = suffix.empty() ? OperationName(kind) : suffix;
      return std::string(name.data(), name.size());
    }
    return suffix.empty() ? path_ : absl::StrCat(path_, ".", suffix);
  }

  absl::Status At(const TemplateMark& mark, const absl::Status& status) const {
    if (mark.line == 0 || located_) return status;
    located_ = true;
    return Annotate(status, absl::StrCat(file_, ":", mark.line, ":", mark.column));
  }

  ExpressionContext Context(int64_t in = 0) const { return {values_, in, 0, 0}; }

  absl::StatusOr<Flow> Run(const Template& t, const Values& inputs, Value older,
                           const FitTarget* target) {
    absl::StatusOr<Flow> flow = absl::InternalError("unknown kind of template");
    switch (t.kind) {
      case Template::Kind::kWord:
        flow = RunWord(t, inputs[0], target);
        break;
      case Template::Kind::kChain:
        flow = RunChain(t, inputs, older, target);
        break;
      case Template::Kind::kResidual:
        flow = RunResidual(t, inputs[0]);
        break;
      case Template::Kind::kChoice: {
        const auto& [label, body] = t.options[static_cast<size_t>(values_[t.decision])];
        Shaped shaped(stack_);
        shaped.By(t.decision);
        Segment segment(path_, label);
        flow = Run(*body, inputs, older, target);
        break;
      }
    }
    if (!flow.ok()) return At(t.mark, flow.status());
    return flow;
  }

  absl::StatusOr<Flow> RunWord(const Template& t, Value input, const FitTarget* target) {
    if (input == kNothing) return Flow{};
    Shaped shaped(stack_);
    const Word& word = *t.word;
    std::vector<std::optional<Scalar>> arguments(word.arguments.size());
    const ExpressionContext context = Context(operations_[input].shape.channels);
    for (const auto& [index, expression] : t.arguments) {
      ASSIGN_OR_RETURN(Scalar value, Evaluate(*expression, context));
      RETURN_IF_ERROR(CheckArgument(word.arguments[index], value));
      arguments[index] = std::move(value);
      shaped.By(expression);
    }
    WordContext word_context(*this, word, std::move(arguments), target);
    ASSIGN_OR_RETURN(const Value value, word.lower(word_context, input));
    return Flow{value, kUnset};
  }

  // The body, and what came in beside it.
  absl::StatusOr<Flow> RunResidual(const Template& t, Value input) {
    FitTarget to_input;
    if (input != kNothing) {
      to_input = {operations_[input].shape.channels, operations_[input].shape.axes};
    }
    Value body = kNothing;
    {
      Segment segment(path_, "body");
      ASSIGN_OR_RETURN(const Flow flow, Run(*t.body, {input}, kUnset, &to_input));
      body = flow.value;
    }
    Value shortcut = input;
    if (t.shortcut != nullptr) {
      Segment segment(path_, "shortcut");
      FitTarget to_body;
      if (body != kNothing)
        to_body = {operations_[body].shape.channels, operations_[body].shape.axes};
      ASSIGN_OR_RETURN(const Flow flow, Run(*t.shortcut, {input}, kUnset, &to_body));
      shortcut = flow.value;
    }
    if (liveness_ != nullptr && shortcut != kNothing) ++liveness_->edges;
    const absl::string_view names[] = {"the body", "the shortcut"};
    ASSIGN_OR_RETURN(const Value joined, Join(t.join, {body, shortcut}, names, "join"));
    return Flow{joined, kUnset};
  }

  absl::StatusOr<Flow> RunChain(const Template& t, const Values& inputs, Value older,
                                const FitTarget* target) {
    Liveness counted;
    Liveness* const outer = liveness_;
    if (!t.requirements.empty()) liveness_ = &counted;
    Values slots = inputs;
    std::vector<UsedLink> used;
    Flow flow{inputs[0], older};
    for (size_t i = 0; i < t.steps.size(); ++i) {
      const bool last = i + 1 == t.steps.size();
      absl::StatusOr<Flow> next = RunStep(t, i, slots, flow, last ? target : nullptr, used);
      if (!next.ok()) return At(t.steps[i].mark, next.status());
      flow = *next;
      slots.push_back(flow.value);
    }
    if (t.graph && liveness_ != nullptr) Count(t, slots, used);
    liveness_ = outer;
    for (const LivenessRequirement& requirement : t.requirements) {
      const ExpressionContext context{values_, 0, counted.edges, counted.nodes};
      ASSIGN_OR_RETURN(const bool holds, EvaluateBool(*requirement.condition, context));
      if (!holds) {
        return At(requirement.mark, absl::FailedPreconditionError(
                                        absl::StrCat("require does not hold: ", requirement.text)));
      }
    }
    return flow;
  }

  // Counts the links and nodes of a graph from which its last step is reached.
  void Count(const Template& t, const Values& slots, const std::vector<UsedLink>& used) {
    std::vector<bool> reached(slots.size(), false);
    reached.back() = slots.back() != kNothing;
    for (auto link = used.rbegin(); link != used.rend(); ++link) {  // later steps first
      const size_t slot = t.inputs + link->step;
      if (!reached[slot]) continue;
      reached[link->slot] = true;
      if (!t.steps[link->step].prepare) ++liveness_->edges;
    }
    for (size_t i = 0; i < t.steps.size(); ++i) {
      if (t.steps[i].node && reached[t.inputs + i]) ++liveness_->nodes;
    }
  }

  absl::StatusOr<Flow> RunStep(const Template& chain, size_t index, const Values& slots,
                               const Flow& flow, const FitTarget* target,
                               std::vector<UsedLink>& used) {
    const Step& step = chain.steps[index];
    Shaped shaped(stack_);
    if (step.when != nullptr) {
      shaped.By(step.when);
      ASSIGN_OR_RETURN(const bool there, EvaluateBool(*step.when, Context()));
      if (!there) return Absent(step, slots, flow);
    }
    if (step.links.empty()) return RunFlowing(chain, index, slots, flow, target);

    shaped.By(step.from_decision);
    shaped.By(step.join);
    Values sources;
    std::vector<absl::string_view> names;
    FitTarget meet;
    ASSIGN_OR_RETURN(const absl::string_view join, JoinName(step.join));
    for (const int l : ChosenLinks(chain, step, slots, used)) {
      const Link& link = step.links[l];
      Value value = link.slot == Link::kPrevious ? flow.value : slots[link.slot];
      if (value != kNothing && !meet.axes) {
        meet.axes = operations_[value].shape.axes;
        if (join != "concat") meet.channels = operations_[value].shape.channels;
      }
      if (link.edge != nullptr) {
        Segment segment(path_, link.segment);
        ASSIGN_OR_RETURN(const Flow edge, Run(*link.edge, {value}, kUnset, &meet));
        value = edge.value;
      }
      sources.push_back(value);
      names.push_back(link.name);
      if (value != kNothing && link.slot >= 0) used.push_back({index, link.slot});
    }
    FitTarget prepared;
    if (step.prepare && slots[chain.inputs - 1] != kNothing) {
      prepared.axes = operations_[slots[chain.inputs - 1]].shape.axes;
      target = &prepared;
    }
    if (step.body->inputs > 1 && static_cast<int>(sources.size()) == step.body->inputs) {
      return RunBody(step, sources, kUnset, target);
    }
    ASSIGN_OR_RETURN(const Value joined, Join(step.join, sources, names, step.join_segment));
    return RunBody(step, Values(step.body->inputs, joined), kUnset, target);
  }

  // A step that is absent is as if not written: who names it gets its first source.
  Flow Absent(const Step& step, const Values& slots, const Flow& flow) const {
    if (step.links.empty() || step.links[0].slot == Link::kPrevious) return flow;
    return {slots[step.links[0].slot], kUnset};
  }

  absl::StatusOr<Flow> RunFlowing(const Template& chain, size_t index, const Values& slots,
                                  const Flow& flow, const FitTarget* target) {
    const Step& step = chain.steps[index];
    if (step.body->inputs == 1) return RunBody(step, {flow.value}, flow.older, target);
    if (index == 0 && chain.inputs == step.body->inputs)
      return RunBody(step, slots, kUnset, target);
    // s0, s1 = s1, cell(s0, s1)
    const Value older = flow.older == kUnset ? flow.value : flow.older;
    ASSIGN_OR_RETURN(Flow out, RunBody(step, {older, flow.value}, kUnset, target));
    out.older = flow.value;
    return out;
  }

  absl::StatusOr<Flow> RunBody(const Step& step, const Values& inputs, Value older,
                               const FitTarget* target) {
    Segment segment(path_, step.segment);
    if (!step.fresh) return Run(*step.body, inputs, older, target);
    Liveness* const outer = liveness_;
    liveness_ = nullptr;
    ASSIGN_OR_RETURN(Flow flow, Run(*step.body, inputs, kUnset, target));
    liveness_ = outer;
    flow.older = kUnset;
    return flow;
  }

  Values ChosenLinks(const Template& chain, const Step& step, const Values& slots,
                     const std::vector<UsedLink>& used) const {
    Values all;
    if (step.from_decision >= 0) {
      const std::vector<int>& chosen =
          step.chosen[static_cast<size_t>(values_[step.from_decision])];
      all.assign(chosen.begin(), chosen.end());
      return all;
    }
    for (size_t l = 0; l < step.links.size(); ++l) {
      const auto reads = [&](const UsedLink& link) { return link.slot == step.links[l].slot; };
      if (step.unused && std::any_of(used.begin(), used.end(), reads)) continue;
      all.push_back(static_cast<int>(l));
    }
    return all;
  }

  absl::StatusOr<absl::string_view> JoinName(const ExpressionPtr& join) {
    const Expression* e = join.get();
    while (e->kind == Expression::Kind::kSelect) {
      e = e->operands[static_cast<size_t>(values_[e->decision])].get();
    }
    return absl::string_view(e->constant.text);
  }

  absl::StatusOr<Value> Join(const ExpressionPtr& how, const Values& sources,
                             absl::Span<const absl::string_view> names,
                             absl::string_view segment_name) {
    ASSIGN_OR_RETURN(const absl::string_view join, JoinName(how));
    if (join == "none") return sources.empty() ? kNothing : sources[0];
    Values alive;
    for (const Value source : sources) {
      if (source != kNothing) alive.push_back(source);
    }
    if (alive.empty()) return kNothing;
    if (alive.size() == 1) return alive[0];
    ASSIGN_OR_RETURN(const OperationKind kind, ParseOperationKind(join));
    Shaped shaped(stack_);
    shaped.By(how);
    Segment segment(path_, segment_name);
    absl::StatusOr<Value> joined = Add(kind, {}, alive, "");
    if (joined.ok()) return joined;
    std::string what = absl::StrCat(join, " of");
    absl::string_view separator = " ";
    for (size_t i = 0; i < sources.size(); ++i) {
      if (sources[i] == kNothing) continue;
      absl::StrAppend(&what, separator, operations_[sources[i]].shape.ToString(), " (", names[i],
                      ")");
      separator = " and ";
    }
    absl::StrAppend(&what, "; write \"edge: fit\" to project",
                    join == "concat" ? "" : ", or \"join: concat\"");
    return absl::InvalidArgumentError(what);
  }

  // Drops what does not reach `output` and numbers the rest.
  absl::StatusOr<Network> Finish(Value output) {
    if (operations_[output].shape != Shape{task_.classes, {}}) {
      return absl::InvalidArgumentError(absl::StrCat(file_, ": the network must end in \"head\"; ",
                                                     operations_[output].shape.ToString(),
                                                     " leaves it"));
    }
    std::vector<int> number(operations_.size(), -1);
    number[0] = number[output] = 0;
    for (Value v = output; v > 0; --v) {
      if (number[v] < 0) continue;
      for (const int input : operations_[v].inputs) number[input] = 0;
    }
    Network network;
    for (Value v = 0; v <= output; ++v) {
      if (number[v] < 0) continue;
      number[v] = static_cast<int>(network.operations.size());
      Operation& operation = operations_[v];
      for (int& input : operation.inputs) input = number[input];
      network.operations.push_back(std::move(operation));
    }
    return network;
  }

  const std::vector<Decision>& decisions_;
  const absl::Span<const double> values_;
  const Task& task_;
  const std::string& file_;
  std::vector<Operation> operations_;
  std::string path_;
  std::vector<int> stack_;        // the decisions that shape what is being built
  Liveness* liveness_ = nullptr;  // of the definition that asks for it
  mutable bool located_ = false;  // the innermost place is named already
};

}  // namespace

absl::StatusOr<Network> LowerTemplate(const Template& network,
                                      const std::vector<Decision>& decisions,
                                      absl::Span<const double> values, const Task& task,
                                      const std::string& file) {
  return Lowering(decisions, values, task, file).Lower(network);
}

}  // namespace cambrian
