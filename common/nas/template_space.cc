#include "common/nas/template_space.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "common/nas/lowering.h"

namespace cambrian {
namespace {

constexpr int kTries = 1'000;            // whole draws, where requirements leave dead ends
constexpr uint64_t kMaxListed = 10'000;  // values of one decision that are tried one by one
constexpr int kSizeSamples = 20'000;
constexpr int kNoneFixed = -1;  // for Fill
constexpr int kAllFixed = -2;
constexpr double kNoWeight = -1e9;       // the logarithm of nothing
constexpr double kNeighbourShare = 0.8;  // of the changes of a number

double Draw(const Decision& d, Random& random) {
  if (d.kind == Decision::Kind::kCategorical) {
    return static_cast<double>(random.Below(d.options.size()));
  }
  const double u = random.Uniform();
  const double x = d.log_scale ? d.low * std::pow(d.high / d.low, u) : d.low + (d.high - d.low) * u;
  if (d.kind == Decision::Kind::kReal) return std::clamp(x, d.low, d.high);
  if (!d.log_scale) return ValueAt(d, random.Below(ValueCount(d)));
  return ValueAt(d, std::min(IndexOf(d, x), ValueCount(d) - 1));
}

// Sets that differ from `options[of]` by one member added, dropped or exchanged.
std::vector<std::vector<int>> NearSets(const Decision& d) {
  std::vector<std::vector<std::string>> sets;
  for (const std::string& option : d.options) {
    std::vector<std::string> members = absl::StrSplit(option, '+');
    std::sort(members.begin(), members.end());
    sets.push_back(std::move(members));
  }
  std::vector<std::vector<int>> near(sets.size());
  for (size_t a = 0; a < sets.size(); ++a) {
    for (size_t b = 0; b < sets.size(); ++b) {
      std::vector<std::string> difference;
      std::set_symmetric_difference(sets[a].begin(), sets[a].end(), sets[b].begin(), sets[b].end(),
                                    std::back_inserter(difference));
      const size_t allowed = sets[a].size() == sets[b].size() ? 2 : 1;
      if (!difference.empty() && difference.size() <= allowed)
        near[a].push_back(static_cast<int>(b));
    }
  }
  return near;
}

nlohmann::json ToJson(const Scalar& value) {
  if (value.kind == Scalar::Kind::kText) return value.text;
  if (value.kind == Scalar::Kind::kBool) return value.number != 0;
  if (value.integer) return static_cast<int64_t>(value.number);
  return value.number;
}

absl::StatusOr<nlohmann::json> Resolve(const ValueTemplate& t, absl::Span<const double> values) {
  switch (t.kind) {
    case ValueTemplate::Kind::kExpression: {
      ASSIGN_OR_RETURN(const Scalar value, Evaluate(*t.expression, {values}));
      return ToJson(value);
    }
    case ValueTemplate::Kind::kMap: {
      nlohmann::json map = nlohmann::json::object();
      for (const auto& [name, value] : t.entries) {
        ASSIGN_OR_RETURN(nlohmann::json resolved, Resolve(*value, values));
        if (!resolved.is_null()) map[name] = std::move(resolved);
      }
      return map;
    }
    case ValueTemplate::Kind::kList: {
      nlohmann::json list = nlohmann::json::array();
      for (const auto& entry : t.entries) {
        ASSIGN_OR_RETURN(nlohmann::json resolved, Resolve(*entry.second, values));
        if (!resolved.is_null()) list.push_back(std::move(resolved));
      }
      return list;
    }
    case ValueTemplate::Kind::kChoice: {
      const auto& [label, option] = t.entries[static_cast<size_t>(values[t.decision])];
      ASSIGN_OR_RETURN(nlohmann::json resolved, Resolve(*option, values));
      // A labelled option that is a map is a kind with arguments: `sgd: {lr: 0.1}`; `none: {}` is
      // the absence of all.
      if (!resolved.is_object() || label.empty()) return resolved;
      if (label == "none" && resolved.empty()) return nullptr;
      return nlohmann::json{{label, std::move(resolved)}};
    }
    case ValueTemplate::Kind::kSubset: {
      nlohmann::json list = nlohmann::json::array();
      for (const int entry : t.chosen[static_cast<size_t>(values[t.decision])]) {
        ASSIGN_OR_RETURN(nlohmann::json resolved, Resolve(*t.entries[entry].second, values));
        list.push_back(std::move(resolved));
      }
      return list;
    }
  }
  return absl::InternalError("unknown kind of value");
}

}  // namespace

TemplateSpace::TemplateSpace(Parts parts)
    : file_(std::move(parts.file)),
      rules_(std::move(parts.rules)),
      network_(std::move(parts.network)),
      recipe_(std::move(parts.recipe)),
      required_(rules_.decisions.size()),
      near_sets_(rules_.decisions.size()) {
  for (size_t r = 0; r < rules_.requirements.size(); ++r) {
    if (const int last = rules_.requirements[r].last; last >= 0)
      required_[last].push_back(static_cast<int>(r));
  }
  std::map<std::string, int> group_numbers;
  for (size_t d = 0; d < rules_.decisions.size(); ++d) {
    const Decision& decision = rules_.decisions[d];
    if (decision.is_set) near_sets_[d] = NearSets(decision);
    const Conjunction& first = rules_.existence[d][0];
    int controller = -1;
    if (!first.empty()) {
      const Atom& atom = rules_.atoms[first.back()];
      controller = atom.decision >= 0 ? atom.decision : atom.expression->decisions[0];
    }
    controller_.push_back(controller);
    const std::string cell = decision.name.substr(0, decision.name.find('.'));
    group_.push_back(
        group_numbers.try_emplace(cell, static_cast<int>(group_numbers.size())).first->second);
  }
  groups_ = static_cast<int>(group_numbers.size());
  size_ = ComputeSize();
}

bool TemplateSpace::RequirementsHold(size_t decision, absl::Span<const double> values) const {
  for (const int r : required_[decision]) {
    const Requirement& requirement = rules_.requirements[r];
    if (!rules_.Holds(requirement.where, values)) continue;
    if (!EvaluateBool(*requirement.condition, {values}).value_or(false)) return false;
  }
  return true;
}

bool TemplateSpace::DrawAllowed(size_t decision, std::vector<double>& values,
                                Random& random) const {
  const Decision& d = rules_.decisions[decision];
  const uint64_t count = ValueCount(d);
  if (count == 0 || count > kMaxListed) {
    for (int i = 0; i < kTries; ++i) {
      values[decision] = Draw(d, random);
      if (RequirementsHold(decision, values)) return true;
    }
    return false;
  }
  std::vector<double> allowed;
  for (uint64_t i = 0; i < count; ++i) {
    values[decision] = ValueAt(d, i);
    if (RequirementsHold(decision, values)) allowed.push_back(values[decision]);
  }
  if (allowed.empty()) return false;
  values[decision] = allowed[random.Below(allowed.size())];
  return true;
}

template <typename Propose>
bool TemplateSpace::Fill(std::vector<double>& values, int fixed, Random& random,
                         const Propose& propose) const {
  const size_t n = rules_.decisions.size();
  values.assign(n, Architecture::kInactive);
  for (size_t d = 0; d < n; ++d) {
    if (!rules_.Exists(d, values)) continue;
    values[d] = propose(d);
    if (required_[d].empty() || RequirementsHold(d, values)) continue;
    if (fixed == kAllFixed || static_cast<int>(d) == fixed || !DrawAllowed(d, values, random))
      return false;
  }
  return true;
}

Architecture TemplateSpace::Sample(Random& random) const {
  Architecture architecture;
  for (int i = 0; i < kTries; ++i) {
    if (Fill(architecture.values, kNoneFixed, random,
             [&](size_t d) { return Draw(rules_.decisions[d], random); }))
      break;
  }
  return architecture;
}

double TemplateSpace::Moved(size_t decision, double value, Random& random) const {
  const Decision& d = rules_.decisions[decision];
  if (d.kind == Decision::Kind::kReal) {
    const auto scaled = [&](double x) {
      return d.log_scale ? std::log(x / d.low) / std::log(d.high / d.low)
                         : (x - d.low) / (d.high - d.low);
    };
    double u = scaled(value) + 0.1 * random.Normal();
    u = std::abs(u);
    if (u > 1) u = std::max(0.0, 2 - u);
    const double x =
        d.log_scale ? d.low * std::pow(d.high / d.low, u) : d.low + (d.high - d.low) * u;
    return std::clamp(x, d.low, d.high);
  }
  const uint64_t count = ValueCount(d);
  const uint64_t at = IndexOf(d, value);
  if (d.is_set && !near_sets_[decision][at].empty()) {
    const std::vector<int>& near = near_sets_[decision][at];
    return near[random.Below(near.size())];
  }
  const bool number = d.kind == Decision::Kind::kInteger || d.ordered;
  if (number && random.Chance(kNeighbourShare)) {
    const bool up = at == 0 || (at + 1 < count && random.Chance(0.5));
    return ValueAt(d, up ? at + 1 : at - 1);
  }
  const uint64_t other = random.Below(count - 1);
  return ValueAt(d, other < at ? other : other + 1);
}

std::vector<double> TemplateSpace::Changed(const Architecture& parent, size_t decision,
                                           double value, Random& random) const {
  std::vector<double> values;
  const bool holds = Fill(values, static_cast<int>(decision), random, [&](size_t d) {
    if (d == decision) return value;
    return parent.Has(d) ? parent.values[d] : Draw(rules_.decisions[d], random);
  });
  if (!holds) values.clear();
  return values;
}

Architecture TemplateSpace::Mutate(const Architecture& parent, Random& random) const {
  std::vector<size_t> movable;
  for (size_t d = 0; d < rules_.decisions.size(); ++d) {
    if (parent.Has(d) && ValueCount(rules_.decisions[d]) != 1) movable.push_back(d);
  }
  if (movable.empty()) return parent;
  for (int i = 0; i < kTries; ++i) {
    const size_t d = movable[random.Below(movable.size())];
    const double value = Moved(d, parent.values[d], random);
    if (value == parent.values[d]) continue;
    Architecture child{Changed(parent, d, value, random)};
    if (!child.values.empty()) return child;
  }
  return parent;
}

Architecture TemplateSpace::Crossover(const Architecture& a, const Architecture& b,
                                      Random& random) const {
  const bool whole_cells = groups_ > 1 && random.Chance(0.5);
  std::vector<bool> cell_from_b(groups_);
  for (int g = 0; g < groups_; ++g) cell_from_b[g] = random.Chance(0.5);
  std::vector<bool> from_b(rules_.decisions.size());
  Architecture child;
  const bool holds = Fill(child.values, kNoneFixed, random, [&](size_t d) {
    from_b[d] = whole_cells           ? cell_from_b[group_[d]]
                : controller_[d] >= 0 ? from_b[controller_[d]]
                                      : random.Chance(0.5);
    const Architecture& first = from_b[d] ? b : a;
    const Architecture& second = from_b[d] ? a : b;
    if (first.Has(d)) return first.values[d];
    return second.Has(d) ? second.values[d] : Draw(rules_.decisions[d], random);
  });
  return holds ? child : a;
}

std::vector<Architecture> TemplateSpace::Neighbours(const Architecture& architecture,
                                                    Random& random) const {
  std::vector<Architecture> neighbours;
  const auto add = [&](size_t d, double value) {
    Architecture neighbour{Changed(architecture, d, value, random)};
    if (!neighbour.values.empty() && !(neighbour == architecture))
      neighbours.push_back(std::move(neighbour));
  };
  for (size_t d = 0; d < rules_.decisions.size(); ++d) {
    if (!architecture.Has(d)) continue;
    const Decision& decision = rules_.decisions[d];
    const double value = architecture.values[d];
    if (decision.kind == Decision::Kind::kCategorical) {
      for (uint64_t i = 0; i < decision.options.size(); ++i) {
        if (static_cast<double>(i) != value) add(d, static_cast<double>(i));
      }
    } else if (decision.kind == Decision::Kind::kInteger) {
      if (value - decision.step >= decision.low) add(d, value - decision.step);
      if (value + decision.step <= decision.high) add(d, value + decision.step);
    } else {
      const double ratio = std::pow(decision.high / decision.low, 0.1);
      const double width = (decision.high - decision.low) / 10;
      add(d, std::max(decision.low, decision.log_scale ? value / ratio : value - width));
      add(d, std::min(decision.high, decision.log_scale ? value * ratio : value + width));
    }
  }
  return neighbours;
}

absl::Status TemplateSpace::Validate(const Architecture& architecture) const {
  if (architecture.values.size() != rules_.decisions.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("an architecture of ", architecture.values.size(), " values for a space of ",
                     rules_.decisions.size(), " decisions"));
  }
  for (size_t d = 0; d < rules_.decisions.size(); ++d) {
    const Decision& decision = rules_.decisions[d];
    const bool exists = rules_.Exists(d, architecture.values);
    if (exists != architecture.Has(d)) {
      return absl::InvalidArgumentError(
          absl::StrCat("decision \"", decision.name, "\" ",
                       exists ? "is missing" : "does not exist where the others are as they are"));
    }
    if (!exists) continue;
    const double value = architecture.values[d];
    const double low = decision.kind == Decision::Kind::kCategorical ? 0 : decision.low;
    const double high = decision.kind == Decision::Kind::kCategorical
                            ? static_cast<double>(decision.options.size()) - 1
                            : decision.high;
    const bool discrete = decision.kind != Decision::Kind::kReal;
    if (!(value >= low && value <= high) ||
        (discrete && std::abs(ValueAt(decision, IndexOf(decision, value)) - value) > 1e-9)) {
      return absl::InvalidArgumentError(
          absl::StrCat("decision \"", decision.name, "\" cannot be ", value));
    }
    for (const int r : required_[d]) {
      const Requirement& requirement = rules_.requirements[r];
      if (!rules_.Holds(requirement.where, architecture.values)) continue;
      if (!EvaluateBool(*requirement.condition, {architecture.values}).value_or(false)) {
        return absl::InvalidArgumentError(
            absl::StrCat(file_, ":", requirement.mark.line, ":", requirement.mark.column,
                         ": require does not hold: ", requirement.text));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Network> TemplateSpace::Lower(const Architecture& architecture,
                                             const Task& task) const {
  return LowerTemplate(*network_, rules_.decisions, architecture.values, task, file_);
}

absl::StatusOr<nlohmann::json> TemplateSpace::ResolveRecipe(
    const Architecture& architecture) const {
  return Resolve(*recipe_, architecture.values);
}

SpaceSize TemplateSpace::ComputeSize() const {
  std::vector<double> log_weights;
  if (SizeNeedsSamples(rules_)) {
    Random random(1);
    std::vector<double> values;
    for (int i = 0; i < kSizeSamples; ++i) {
      double log_weight = 0;
      const bool holds = Fill(values, kAllFixed, random, [&](size_t d) {
        log_weight += std::log(static_cast<double>(ValueCount(rules_.decisions[d])));
        return Draw(rules_.decisions[d], random);
      });
      log_weights.push_back(holds ? log_weight : kNoWeight);
    }
  }
  return SizeOf(rules_, log_weights);
}

}  // namespace cambrian
