#include "common/nas/search_space.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "common/nas/decision_values.h"
#include "common/nas/space_rules.h"

namespace cambrian {
namespace {

std::string WithSeparators(absl::uint128 count) {
  std::string digits;
  int written = 0;
  do {
    if (written > 0 && written % 3 == 0) digits += ',';
    digits += static_cast<char>('0' + static_cast<int>(count % 10));
    count /= 10;
    ++written;
  } while (count > 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string Superscript(long number) {
  static constexpr const char* kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out;
  for (const char c : absl::StrCat(number)) out += kDigits[c - '0'];
  return out;
}

}  // namespace

std::string SpaceSize::ToString() const {
  if (infinite) return "unbounded (real-valued)";
  if (exact) return WithSeparators(count);
  return absl::StrCat("≈ 10", Superscript(std::lround(std::max(0.0, log10))));
}

uint64_t SearchSpace::Cardinality(size_t decision) const {
  return ValueCount(decisions()[decision]);
}

nlohmann::ordered_json SearchSpace::ToJson(const Architecture& architecture) const {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (size_t d = 0; d < decisions().size(); ++d) {
    if (!architecture.Has(d)) continue;
    const Decision& decision = decisions()[d];
    const double value = architecture.values[d];
    switch (decision.kind) {
      case Decision::Kind::kCategorical: {
        const auto option = static_cast<size_t>(value);
        if (!decision.ordered) {
          json[decision.name] = decision.options[option];
        } else {
          // As written: 3 stays an integer, 0.25 a real.
          json[decision.name] =
              nlohmann::ordered_json::parse(decision.options[option], nullptr, false);
          if (json[decision.name].is_discarded()) json[decision.name] = decision.numbers[option];
        }
        break;
      }
      case Decision::Kind::kInteger:
        json[decision.name] = static_cast<int64_t>(value);
        break;
      case Decision::Kind::kReal:
        json[decision.name] = value;
        break;
    }
  }
  return json;
}

absl::StatusOr<Architecture> SearchSpace::FromJson(const nlohmann::json& json) const {
  if (!json.is_object()) return absl::InvalidArgumentError("an architecture is a map of decisions");
  Architecture architecture;
  architecture.values.assign(decisions().size(), Architecture::kInactive);
  for (const auto& [name, value] : json.items()) {
    ASSIGN_OR_RETURN(const size_t d, FindDecision(decisions(), name));
    const Decision& decision = decisions()[d];
    if (architecture.Has(d)) {
      return absl::InvalidArgumentError(
          absl::StrCat("decision \"", decision.name, "\" is given twice"));
    }
    ASSIGN_OR_RETURN(architecture.values[d], ReadValue(decision, value));
  }
  RETURN_IF_ERROR(Validate(architecture));
  return architecture;
}

}  // namespace cambrian
