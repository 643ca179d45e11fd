#include "common/nas/decision_values.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/nearest.h"

namespace cambrian {
namespace {

std::vector<std::string> Members(absl::string_view set) {
  std::vector<std::string> members = absl::StrSplit(set, '+');
  std::sort(members.begin(), members.end());
  return members;
}

std::string AsText(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// The end of `path` with as many segments as `name` has.
std::string TailLike(const std::string& path, absl::string_view name) {
  const std::vector<std::string> segments = absl::StrSplit(path, '.');
  const auto count = static_cast<size_t>(std::count(name.begin(), name.end(), '.')) + 1;
  if (count >= segments.size()) return path;
  return absl::StrJoin(segments.end() - static_cast<std::ptrdiff_t>(count), segments.end(), ".");
}

absl::StatusOr<double> CategoricalValue(const Decision& decision, const nlohmann::json& value) {
  const std::string text = AsText(value);
  for (size_t i = 0; i < decision.options.size(); ++i) {
    const bool same_number =
        decision.ordered && value.is_number() && decision.numbers[i] == value.get<double>();
    const bool same_set = decision.is_set && Members(decision.options[i]) == Members(text);
    if (decision.options[i] == text || same_number || same_set) return static_cast<double>(i);
  }
  const std::string suggestion = DidYouMean(text, decision.options);
  return absl::InvalidArgumentError(absl::StrCat(
      "decision \"", decision.name, "\" cannot be \"", text, "\"; ",
      suggestion.empty() ? absl::StrCat("it is one of ", absl::StrJoin(decision.options, ", "))
                         : suggestion));
}

}  // namespace

std::vector<size_t> DecisionsCalled(const std::vector<Decision>& decisions,
                                    absl::string_view name) {
  std::vector<size_t> found;
  const std::string tail = absl::StrCat(".", name);
  for (size_t d = 0; d < decisions.size(); ++d) {
    if (decisions[d].name == name) return {d};
    if (absl::EndsWith(decisions[d].name, tail)) found.push_back(d);
  }
  return found;
}

absl::StatusOr<size_t> FindDecision(const std::vector<Decision>& decisions,
                                    const std::string& name) {
  const std::vector<size_t> found = DecisionsCalled(decisions, name);
  if (found.size() == 1) return found[0];
  if (found.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" may be \"",
                                                   decisions[found[0]].name, "\" or \"",
                                                   decisions[found[1]].name, "\""));
  }
  std::vector<std::string> known;
  for (const Decision& decision : decisions) {
    known.push_back(decision.name);
    known.push_back(TailLike(decision.name, name));
  }
  const std::string suggestion = DidYouMean(name, known);
  return absl::InvalidArgumentError(absl::StrCat("there is no decision \"", name, "\"",
                                                 suggestion.empty() ? "" : "; ", suggestion));
}

absl::StatusOr<double> ReadValue(const Decision& decision, const nlohmann::json& value) {
  if (decision.kind == Decision::Kind::kCategorical) return CategoricalValue(decision, value);
  if (value.is_number()) return value.get<double>();
  return absl::InvalidArgumentError(
      absl::StrCat("decision \"", decision.name, "\" is a number, not ", value.dump()));
}

}  // namespace cambrian
