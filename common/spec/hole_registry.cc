#include "common/spec/hole_registry.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

constexpr uint64_t kMaxCombinations = 10'000;
constexpr int kAlways = -1;

bool Includes(const Conjunction& large, const Conjunction& small) {
  return std::includes(large.begin(), large.end(), small.begin(), small.end());
}

// The same text for equal expressions.
void AppendText(const Expression& e, std::string& text) {
  absl::StrAppend(&text, "(", static_cast<int>(e.kind), " ", e.operation, " ", e.decision, " ",
                  e.kind == Expression::Kind::kConstant ? e.constant.ToString() : "");
  for (const ExpressionPtr& operand : e.operands) AppendText(*operand, text);
  text += ')';
}

}  // namespace

HolePath HolePath::Under(absl::string_view segment) const {
  if (segment.empty()) return *this;
  return {name.empty() ? std::string(segment) : absl::StrCat(name, ".", segment), design};
}

HolePath HolePath::UsedAt(const Node* place) const { return {name, absl::HashOf(design, place)}; }

HoleRegistry::HoleRegistry(const std::vector<std::string>& order) {
  for (const std::string& name : order) numbers_.emplace(name, static_cast<int>(numbers_.size()));
  rules_.decisions.resize(order.size());
  rules_.existence.resize(order.size());
  holes_.resize(order.size());
}

absl::StatusOr<int> HoleRegistry::Declare(const Node* hole, uint64_t design, Decision decision) {
  const auto [it, added] =
      numbers_.try_emplace(decision.name, static_cast<int>(rules_.decisions.size()));
  if (added) {
    if (rules_.decisions.size() >= kMaxDecisions) {
      return absl::ResourceExhaustedError("a space of more than 10,000 decisions");
    }
    rules_.decisions.emplace_back();
    rules_.existence.emplace_back();
    holes_.emplace_back();
  }
  const int number = it->second;
  if (holes_[number].first == nullptr) {
    holes_[number] = {hole, design};
    rules_.decisions[number] = std::move(decision);
  } else if (holes_[number] != std::pair(hole, design)) {
    return absl::AlreadyExistsError(absl::StrCat("two decisions of one name, \"", it->first, "\""));
  }
  return number;
}

int HoleRegistry::Intern(Atom atom) {
  std::string key = absl::StrCat(atom.decision, ":");
  for (const bool allowed : atom.allowed) key += allowed ? '1' : '0';
  if (atom.expression != nullptr) AppendText(*atom.expression, key);
  const auto [it, added] = atom_numbers_.try_emplace(key, static_cast<int>(rules_.atoms.size()));
  if (added) rules_.atoms.push_back(std::move(atom));
  return it->second;
}

Conjunction HoleRegistry::Current() const {
  Conjunction current;
  for (const int atom : conditions_) {
    if (atom != kAlways) current.push_back(atom);
  }
  std::sort(current.begin(), current.end());
  current.erase(std::unique(current.begin(), current.end()), current.end());
  return current;
}

// Unites two alternatives that differ in one condition on one decision. Returns whether it did;
// then `alternatives` changed.
bool HoleRegistry::MergeExistence(std::vector<Conjunction>& alternatives,
                                  const Conjunction& added) {
  for (size_t i = 0; i < alternatives.size(); ++i) {
    Conjunction mine;
    Conjunction theirs;
    std::set_difference(added.begin(), added.end(), alternatives[i].begin(), alternatives[i].end(),
                        std::back_inserter(mine));
    std::set_difference(alternatives[i].begin(), alternatives[i].end(), added.begin(), added.end(),
                        std::back_inserter(theirs));
    if (mine.size() != 1 || theirs.size() != 1) continue;
    const Atom& a = rules_.atoms[mine[0]];
    const Atom& b = rules_.atoms[theirs[0]];
    if (a.decision < 0 || a.decision != b.decision) continue;
    Atom either = a;
    for (size_t v = 0; v < either.allowed.size(); ++v)
      either.allowed[v] = a.allowed[v] || b.allowed[v];
    Conjunction united;
    std::set_intersection(added.begin(), added.end(), alternatives[i].begin(),
                          alternatives[i].end(), std::back_inserter(united));
    // A value of the decision is all that is asked: then what its own existence asks is all.
    const bool all =
        std::all_of(either.allowed.begin(), either.allowed.end(), [](bool v) { return v; });
    const std::vector<Conjunction>& own = rules_.existence[either.decision];
    const bool implied = all && own.size() == 1 && Includes(united, own[0]);
    if (!implied) united.push_back(Intern(std::move(either)));
    std::sort(united.begin(), united.end());
    alternatives.erase(alternatives.begin() + static_cast<std::ptrdiff_t>(i));
    if (!MergeExistence(alternatives, united)) alternatives.push_back(united);
    return true;
  }
  return false;
}

void HoleRegistry::Touch(int decision) {
  std::vector<Conjunction>& alternatives = rules_.existence[decision];
  if (alternatives.empty()) met_.push_back(decision);
  const Conjunction current = Current();
  for (const Conjunction& alternative : alternatives) {
    if (Includes(current, alternative)) return;
  }
  std::erase_if(alternatives,
                [&](const Conjunction& alternative) { return Includes(alternative, current); });
  if (!MergeExistence(alternatives, current)) alternatives.push_back(current);
}

void HoleRegistry::Touch(const Expression& expression) {
  if (expression.decisions.empty()) return;
  if (expression.decision >= 0) Touch(expression.decision);
  for (size_t i = 0; i < expression.operands.size(); ++i) {
    const Expression& operand = *expression.operands[i];
    if (operand.decisions.empty()) continue;
    const bool selected = expression.kind == Expression::Kind::kSelect;
    if (selected) Push(expression.decision, static_cast<int>(i));
    Touch(operand);
    if (selected) Pop();
  }
}

void HoleRegistry::Push(int decision, std::vector<bool> allowed) {
  conditions_.push_back(Intern({decision, std::move(allowed), nullptr}));
}

void HoleRegistry::Push(int decision, int option) {
  std::vector<bool> allowed(ValueCount(rules_.decisions[decision]), false);
  allowed[option] = true;
  Push(decision, std::move(allowed));
}

void HoleRegistry::Push(const ExpressionPtr& expression) {
  if (expression->decisions.empty()) {
    conditions_.push_back(kAlways);
    return;
  }
  const int decision = expression->decisions[0];
  const absl::StatusOr<std::vector<Scalar>> truths = AllValues(*expression);
  if (expression->decisions.size() > 1 || !truths.ok()) {
    conditions_.push_back(Intern({-1, {}, expression}));
    return;
  }
  std::vector<bool> allowed;
  for (const Scalar& truth : *truths) allowed.push_back(truth.number != 0);
  Push(decision, std::move(allowed));
}

void HoleRegistry::Require(ExpressionPtr condition, const std::string& text, TemplateMark mark) {
  Requirement requirement{std::move(condition), Current(), text, mark, -1};
  for (const Requirement& other : rules_.requirements) {
    if (other.text == text && other.where == requirement.where &&
        other.condition->decisions == requirement.condition->decisions) {
      return;
    }
  }
  rules_.requirements.push_back(std::move(requirement));
}

absl::StatusOr<std::vector<Scalar>> HoleRegistry::AllValues(const Expression& expression) const {
  uint64_t combinations = 1;
  for (const int d : expression.decisions) {
    const uint64_t count = ValueCount(rules_.decisions[d]);
    if (count == 0) return absl::InvalidArgumentError("it depends on a real-valued decision");
    if (count > kMaxCombinations || (combinations *= count) > kMaxCombinations) {
      return absl::InvalidArgumentError(
          "it depends on decisions with more than 10,000 combinations");
    }
  }
  std::vector<double> values(rules_.decisions.size(), 0);
  std::vector<Scalar> all;
  for (uint64_t c = 0; c < combinations; ++c) {
    uint64_t rest = c;
    for (const int d : expression.decisions) {
      const uint64_t count = ValueCount(rules_.decisions[d]);
      values[d] = ValueAt(rules_.decisions[d], rest % count);
      rest /= count;
    }
    ASSIGN_OR_RETURN(Scalar value, Evaluate(expression, {values}));
    all.push_back(std::move(value));
  }
  return all;
}

std::vector<std::string> HoleRegistry::Order() const {
  enum class Mark { kNew, kOpen, kDone };
  std::vector<Mark> marks(rules_.decisions.size(), Mark::kNew);
  std::vector<std::string> order;
  bool circle = false;
  const auto visit = [&](const auto& self, int d) -> void {
    if (marks[d] == Mark::kDone) return;
    if (marks[d] == Mark::kOpen) {
      circle = true;
      return;
    }
    marks[d] = Mark::kOpen;
    for (const Conjunction& alternative : rules_.existence[d]) {
      for (const int a : alternative) {
        const Atom& atom = rules_.atoms[a];
        if (atom.decision >= 0) self(self, atom.decision);
        if (atom.expression == nullptr) continue;
        for (const int other : atom.expression->decisions) self(self, other);
      }
    }
    marks[d] = Mark::kDone;
    order.push_back(rules_.decisions[d].name);
  };
  for (const int d : met_) visit(visit, d);
  return circle ? std::vector<std::string>() : order;
}

SpaceRules HoleRegistry::Take() && {
  for (Requirement& requirement : rules_.requirements) {
    for (const int d : requirement.condition->decisions)
      requirement.last = std::max(requirement.last, d);
    for (const int a : requirement.where) {
      const Atom& atom = rules_.atoms[a];
      requirement.last = std::max(requirement.last, atom.decision);
      if (atom.expression != nullptr) {
        requirement.last = std::max(requirement.last, atom.expression->decisions.back());
      }
    }
  }
  return std::move(rules_);
}

}  // namespace cambrian
