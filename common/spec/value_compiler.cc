#include "common/spec/value_compiler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/spec/expression_parser.h"

namespace cambrian {
namespace {

constexpr size_t kMaxOptions = 1'000;

std::string Text(const Node& node) { return node.scalar; }

// Places of the recipe that are real-valued by nature: `[0, 1]` there would be the two integers.
bool IsRealPlace(const std::string& path) {
  static constexpr absl::string_view kReal[] = {
      "lr", "momentum", "decay", "label_smoothing", "beta1", "beta2", "rate", "ratio", "se"};
  const size_t dot = path.rfind('.');
  const std::string last = dot == std::string::npos ? path : path.substr(dot + 1);
  return std::find(std::begin(kReal), std::end(kReal), last) != std::end(kReal);
}

}  // namespace

bool IsHole(const Node& node) {
  return node.IsMap() && (node.Find("choose") != nullptr || node.Find("range") != nullptr);
}

Scalar LiteralScalar(const Node& node) {
  if (const auto integer = node.AsInteger()) return Scalar::Integer(*integer);
  if (const auto number = node.AsNumber()) return Scalar::Real(*number);
  if (const auto truth = node.AsBool()) return Scalar::Bool(*truth);
  return Scalar::Text(node.scalar);
}

Binding* Scope::Find(const std::string& name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer) {
    if (const auto it = scope->names.find(name); it != scope->names.end()) return &it->second;
  }
  return nullptr;
}

std::vector<std::string> Scope::AllNames() const {
  std::vector<std::string> all;
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer) {
    for (const auto& [name, binding] : scope->names) all.push_back(name);
  }
  return all;
}

void ErrorSink::Error(Mark mark, const std::string& message, const std::string& suggestion) {
  if (seen_.insert({{mark.line, mark.column}, message}).second) {
    diagnostics_.Error(mark, message, suggestion);
  }
}

ExpressionPtr ValueCompiler::Compile(const Node& node, const Scope& scope, const HolePath& path) {
  if (node.IsScalar()) {
    if (node.quoted || !IsExpression(node.scalar)) return ConstantExpression(LiteralScalar(node));
    return CompileText(node.scalar, node, scope);
  }
  if (node.IsMap() && node.Find("choose") != nullptr) return CompileChoose(node, scope, path);
  if (node.IsMap() && node.Find("range") != nullptr) return CompileRange(node, path);
  errors_->Error(
      node.mark,
      absl::StrCat("a value, {choose: …} or {range: …} is expected here, not ", node.Describe()));
  return nullptr;
}

ExpressionPtr ValueCompiler::CompileStructural(const Node& node, const Scope& scope,
                                               const HolePath& path, const char* where) {
  const bool outer = std::exchange(shaped_, false);
  ExpressionPtr value = Compile(node, scope, path);
  if (shaped_) {
    errors_->Error(
        node.mark, absl::StrCat("\"", where, "\" cannot depend on $in or on an argument of a cell"),
        "which decisions exist never depends on shapes, and a cell is the same wherever it stands");
    value = nullptr;
  }
  shaped_ |= outer;
  return value;
}

ExpressionPtr ValueCompiler::CompileCondition(const Node& node, const Scope& scope,
                                              const char* where) {
  if (!node.IsScalar()) {
    errors_->Error(node.mark,
                   absl::StrCat("\"", where, "\" is an expression, not ", node.Describe()));
    return nullptr;
  }
  const bool outer = std::exchange(shaped_, false);
  ExpressionPtr value = CompileText(node.scalar, node, scope);
  if (shaped_ && absl::string_view(where) == "when") {
    errors_->Error(node.mark, "\"when\" cannot depend on $in or on an argument of a cell");
    value = nullptr;
  }
  shaped_ |= outer;
  return value;
}

ExpressionPtr ValueCompiler::CompileText(const std::string& text, const Node& node,
                                         const Scope& scope) {
  absl::StatusOr<ExpressionPtr> parsed =
      ParseExpression(text, [&](absl::string_view name) { return Lookup(name, scope); });
  if (parsed.ok()) return *parsed;
  const std::string message(parsed.status().message());
  const size_t hint = message.find("; did you mean");
  errors_->Error(node.mark, message.substr(0, hint),
                 hint == std::string::npos ? "" : message.substr(hint + 2));
  return nullptr;
}

absl::StatusOr<ExpressionPtr> ValueCompiler::Lookup(absl::string_view name, const Scope& scope) {
  if (name == "in") {
    shaped_ = true;
    return PlaceExpression(Expression::Kind::kIn);
  }
  if (name == "edges") return PlaceExpression(Expression::Kind::kEdges);
  if (name == "nodes") return PlaceExpression(Expression::Kind::kNodes);
  if (name == "previous" || absl::StartsWith(name, "previous.")) {
    return absl::UnimplementedError("\"$previous\" is reserved: it is not built yet");
  }
  Binding* const binding = scope.Find(std::string(name));
  if (binding == nullptr) {
    std::vector<std::string> known = scope.AllNames();
    for (std::string& word : known) word = absl::StrCat("$", word);
    const std::string suggestion = DidYouMean(absl::StrCat("$", name), known);
    return absl::NotFoundError(
        absl::StrCat("unknown name \"$", name, "\"", suggestion.empty() ? "" : "; ", suggestion));
  }
  if (binding->open)
    return absl::InvalidArgumentError(absl::StrCat("\"$", name, "\" is defined by itself"));
  if (binding->compiled == nullptr) {
    binding->open = true;
    const bool outer = std::exchange(shaped_, false);
    binding->compiled = Compile(*binding->node, *binding->scope, binding->path);
    binding->cell_argument |= std::exchange(shaped_, outer);
    binding->open = false;
    if (binding->compiled == nullptr)
      binding->compiled = ConstantExpression(Scalar::Integer(1));  // reported already
  } else {
    registry_.Touch(*binding->compiled);
  }
  if (binding->cell_argument || binding->compiled->uses_shapes) shaped_ = true;
  return binding->compiled;
}

int ValueCompiler::Declare(const Node& hole, const HolePath& path, Decision decision) {
  decision.name = path.name;
  decision.recipe = in_recipe_;
  const absl::StatusOr<int> number = registry_.Declare(&hole, path.design, std::move(decision));
  if (!number.ok()) {
    const bool twice = absl::IsAlreadyExists(number.status());
    errors_->Error(hole.mark, std::string(number.status().message()),
                   twice ? "give one a \"name\"" : "");
    return -1;
  }
  registry_.Touch(*number);
  return *number;
}

int ValueCompiler::DeclareCategorical(const Node& hole, const HolePath& path,
                                      std::vector<std::string> options, bool is_set) {
  Decision decision;
  decision.kind = Decision::Kind::kCategorical;
  decision.options = std::move(options);
  decision.is_set = is_set;
  return Declare(hole, path, std::move(decision));
}

std::string ValueCompiler::OptionLabel(const Node& option) {
  if (option.IsScalar()) {
    if (!option.quoted && IsExpression(option.scalar)) {
      errors_->Error(option.mark, "an option that is computed needs a label",
                     absl::StrCat("write {choose: {label: ", option.scalar, ", …}}"));
      return {};
    }
    return option.scalar;
  }
  if (option.IsMap() && option.entries.size() == 1) return option.entries[0].key;
  errors_->Error(option.mark, "an option in a list must be a value or one operation",
                 "give it a label: {choose: {label: …}}");
  return {};
}

std::vector<std::pair<std::string, const Node*>> ValueCompiler::Options(const Node& choose) {
  std::vector<std::pair<std::string, const Node*>> options;
  if (choose.IsMap()) {
    for (const Node::Entry& entry : choose.entries) options.emplace_back(entry.key, &entry.value);
  } else if (choose.IsList()) {
    for (const Node& item : choose.items) {
      std::string label = OptionLabel(item);
      if (label.empty()) return {};
      const bool twice = std::any_of(options.begin(), options.end(),
                                     [&](const auto& o) { return o.first == label; });
      if (twice) {
        errors_->Error(item.mark, absl::StrCat("two options are named \"", label, "\""),
                       "label them: {choose: {label: …}}");
        return {};
      }
      options.emplace_back(std::move(label), &item);
    }
  } else {
    errors_->Error(choose.mark, absl::StrCat("\"choose\" needs a list or a map of options, not ",
                                             choose.Describe()));
    return {};
  }
  if (options.empty()) errors_->Error(choose.mark, "\"choose\" needs at least one option");
  if (options.size() > kMaxOptions) {
    errors_->Error(choose.mark, "a choice of more than 1,000 options");
    options.clear();
  }
  return options;
}

bool ValueCompiler::Count(const Node& hole, size_t available, size_t& least, size_t& most) {
  least = most = 1;
  if (const Node* repeats = hole.Find("repeats")) {
    errors_->Error(repeats->mark,
                   "\"repeats\" is reserved: choosing one source twice is not built yet");
    return false;
  }
  const Node* count = hole.Find("count");
  if (count == nullptr) return true;
  const Node* low = count;
  const Node* high = count;
  if (count->IsList() && count->items.size() == 2) {
    low = &count->items[0];
    high = &count->items[1];
  }
  const auto a = low->AsInteger();
  const auto b = high->AsInteger();
  if (!a || !b || *a < 0 || *b < *a || *b < 1) {
    errors_->Error(count->mark, "\"count\" is a number of options, or [least, most]",
                   "count: 2, or count: [1, 3]");
    return false;
  }
  if (static_cast<size_t>(*a) > available) {
    errors_->Error(count->mark,
                   absl::StrCat("\"count\" asks for ", *a, " of ", available, " options"));
    return false;
  }
  least = static_cast<size_t>(*a);
  most = std::min(static_cast<size_t>(*b), available);
  return true;
}

std::vector<std::vector<int>> ValueCompiler::Subsets(size_t n, size_t least, size_t most) {
  std::vector<std::vector<int>> subsets;
  for (size_t size = least; size <= most; ++size) {
    std::vector<int> members(size);
    for (size_t i = 0; i < size; ++i) members[i] = static_cast<int>(i);
    for (;;) {
      subsets.push_back(members);
      if (subsets.size() > kMaxOptions) return subsets;
      // The next one in lexicographic order.
      size_t i = size;
      while (i > 0 && members[i - 1] == static_cast<int>(n - size + i - 1)) --i;
      if (i == 0) break;
      ++members[i - 1];
      for (size_t j = i; j < size; ++j) members[j] = members[j - 1] + 1;
    }
  }
  return subsets;
}

ExpressionPtr ValueCompiler::CompileChoose(const Node& node, const Scope& scope,
                                           const HolePath& path) {
  for (const Node::Entry& entry : node.entries) {
    if (entry.key != "choose") {
      errors_->Error(
          entry.key_mark, absl::StrCat("\"", entry.key, "\" has no meaning beside \"choose\" here"),
          entry.key == "count" ? "\"count\" stands only in \"from\" and in the recipe" : "");
      return nullptr;
    }
  }
  const auto options = Options(*node.Find("choose"));
  if (options.empty()) return nullptr;
  Decision decision;
  for (const auto& [label, option] : options) {
    decision.options.push_back(label);
    const auto number = option->IsScalar() ? option->AsNumber() : std::nullopt;
    if (number && node.Find("choose")->IsList()) decision.numbers.push_back(*number);
  }
  decision.ordered = decision.numbers.size() == options.size();
  if (!decision.ordered) decision.numbers.clear();
  const int number = Declare(node, path, std::move(decision));
  if (number < 0) return nullptr;
  std::vector<ExpressionPtr> values;
  for (size_t i = 0; i < options.size(); ++i) {
    registry_.Push(number, static_cast<int>(i));
    ExpressionPtr value =
        CompileStructural(*options[i].second, scope, path.Under(options[i].first), "choose");
    registry_.Pop();
    if (value == nullptr) return nullptr;
    values.push_back(std::move(value));
  }
  return SelectExpression(number, std::move(values));
}

ExpressionPtr ValueCompiler::CompileRange(const Node& node, const HolePath& path) {
  const Node& range = *node.Find("range");
  for (const Node::Entry& entry : node.entries) {
    if (entry.key == "range" || entry.key == "step" || entry.key == "scale") continue;
    errors_->Error(entry.key_mark,
                   absl::StrCat("\"", entry.key, "\" has no meaning beside \"range\""),
                   DidYouMean(entry.key, {"step", "scale"}));
    return nullptr;
  }
  if (!range.IsList() || range.items.size() != 2 || !range.items[0].AsNumber() ||
      !range.items[1].AsNumber()) {
    errors_->Error(range.mark, "\"range\" is [lowest, highest], two numbers",
                   "range: [1, 8], or range: [0.0, 1.0]");
    return nullptr;
  }
  Decision d;
  d.low = *range.items[0].AsNumber();
  d.high = *range.items[1].AsNumber();
  const bool integer = range.items[0].AsInteger() && range.items[1].AsInteger();
  d.kind = integer ? Decision::Kind::kInteger : Decision::Kind::kReal;
  if (integer && IsRealPlace(path.name)) {
    errors_->Error(range.mark,
                   absl::StrCat("{range: [", Text(range.items[0]), ", ", Text(range.items[1]),
                                "]} is a range of integers, and a real number is wanted"),
                   absl::StrCat("write [", Scalar::Real(d.low).ToString(), ", ",
                                Scalar::Real(d.high).ToString(), "]"));
    return nullptr;
  }
  if (!(d.low < d.high) || d.high - d.low > 1e15) {
    errors_->Error(range.mark, "the first end of \"range\" must be below the second");
    return nullptr;
  }
  if (const Node* scale = node.Find("scale")) {
    d.log_scale = scale->IsScalar() && scale->scalar == "log";
    if (!d.log_scale && !(scale->IsScalar() && scale->scalar == "linear")) {
      errors_->Error(scale->mark, "\"scale\" is log or linear");
      return nullptr;
    }
    if (d.log_scale && d.low <= 0) {
      errors_->Error(range.mark, "a range on a log scale must start above 0");
      return nullptr;
    }
  }
  const Node* step = node.Find("step");
  if (step != nullptr) {
    const auto size = step->AsNumber();
    if (!size || *size <= 0 || *size > d.high - d.low || (integer && !step->AsInteger())) {
      errors_->Error(step->mark, "\"step\" must be a number above 0 that fits into the range",
                     integer ? "an integer, as the range is of integers" : "");
      return nullptr;
    }
    d.step = *size;
  }
  if (integer) d.high = ValueAt(d, ValueCount(d) - 1);
  if (integer || step == nullptr) {
    const int number = Declare(node, path, std::move(d));
    return number < 0 ? nullptr : NumberExpression(number, integer);
  }
  // Reals by steps are a list of numbers.
  std::vector<ExpressionPtr> values;
  for (double x = d.low; x <= d.high + d.step * 1e-9 && values.size() <= kMaxOptions;
       x = d.low + d.step * static_cast<double>(values.size())) {
    values.push_back(ConstantExpression(Scalar::Real(x)));
    d.numbers.push_back(x);
    d.options.push_back(Scalar::Real(x).ToString());
  }
  if (values.size() > kMaxOptions) {
    errors_->Error(step->mark, "a range of more than 1,000 steps");
    return nullptr;
  }
  d.kind = Decision::Kind::kCategorical;
  d.ordered = true;
  const int number = Declare(node, path, std::move(d));
  return number < 0 ? nullptr : SelectExpression(number, std::move(values));
}

}  // namespace cambrian
