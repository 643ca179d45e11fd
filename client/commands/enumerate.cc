#include "client/commands/enumerate.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace cambrian {
namespace {

class Enumerator {
 public:
  Enumerator(const SearchSpace& space, const std::function<void(const Architecture&)>& visit)
      : space_(space), visit_(visit) {
    architecture_.values.resize(space.decisions().size(), Architecture::kInactive);
  }

  // Every way to set the decisions from `decision` on. False past a million.
  bool Descend(size_t decision) {
    if (decision == space_.decisions().size()) return Visit();
    double& value = architecture_.values[decision];
    value = Architecture::kInactive;
    if (!space_.Exists(decision, architecture_)) return Descend(decision + 1);
    const Decision& d = space_.decisions()[decision];
    for (uint64_t i = 0; i < space_.Cardinality(decision); ++i) {
      value = d.kind == Decision::Kind::kCategorical ? static_cast<double>(i)
                                                     : d.low + static_cast<double>(i) * d.step;
      if (!Descend(decision + 1)) return false;
    }
    value = Architecture::kInactive;
    return true;
  }

 private:
  bool Visit() {
    if (!space_.Validate(architecture_).ok()) return true;  // a `require` that does not hold
    if (visited_++ == kMostEnumerated) return false;
    visit_(architecture_);
    return true;
  }

  const SearchSpace& space_;
  const std::function<void(const Architecture&)>& visit_;
  Architecture architecture_;
  int64_t visited_ = 0;
};

}  // namespace

absl::Status CheckEnumerable(const SearchSpace& space) {
  const SpaceSize size = space.Size();
  if (!size.infinite && size.log10 < std::log10(kMostEnumerated) + 1e-9) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the space has ", size.ToString(), " architectures; at most 1,000,000 are enumerated"));
}

absl::Status Enumerate(const SearchSpace& space,
                       const std::function<void(const Architecture&)>& visit) {
  if (Enumerator(space, visit).Descend(0)) return absl::OkStatus();
  return absl::ResourceExhaustedError("the space has more than 1,000,000 architectures");
}

std::vector<std::string> DecisionNames(const SearchSpace& space) {
  std::vector<std::string> names;
  for (const Decision& decision : space.decisions()) names.push_back(decision.name);
  return names;
}

std::vector<std::string> DecisionValues(const SearchSpace& space,
                                        const Architecture& architecture) {
  const nlohmann::ordered_json json = space.ToJson(architecture);
  std::vector<std::string> values;
  for (const Decision& decision : space.decisions()) {
    const auto value = json.find(decision.name);
    if (value == json.end()) {
      values.emplace_back();
    } else {
      values.push_back(value->is_string() ? value->get<std::string>() : value->dump());
    }
  }
  return values;
}

}  // namespace cambrian
