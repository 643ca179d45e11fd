#include "common/nas/objective.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cambrian {

bool IsAnalytic(absl::string_view metric) { return metric == "parameters" || metric == "macs"; }

std::string Constraint::ToString() const {
  std::string number = absl::StrFormat("%.15g", value);  // what a person wrote, mostly
  if (std::strtod(number.c_str(), nullptr) != value) number = absl::StrFormat("%.17g", value);
  return absl::StrCat(metric, bound == Bound::kAtMost ? " <= " : " >= ", number);
}

}  // namespace cambrian
