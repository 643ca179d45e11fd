// Decisions and what is decided: the values that strategies propose, mutate and cross.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace cambrian {

// One hole of a search space. Plain data, made once when the space is read.
struct Decision {
  enum class Kind { kCategorical, kInteger, kReal };

  std::string name;  // a path: "cell.edge_0_1", "recipe.optimizer.sgd.lr"; unique in its space
  Kind kind = Kind::kCategorical;

  // Categorical: what a person reads and files hold, in the file's order ("conv3x3", "0+2", "24"),
  // at least one. As JSON a value is its number where `numbers` has them, its label otherwise.
  std::vector<std::string> options;
  bool ordered = false;         // all options are numbers: neighbours are meaningful
  std::vector<double> numbers;  // the options' numbers if `ordered`, else empty
  bool is_set = false;          // options are sets of sources, written "0+2"

  // Integer and real: inclusive bounds; integers step by `step` from `low`.
  double low = 0;
  double high = 0;
  double step = 1;
  bool log_scale = false;

  bool recipe = false;  // a decision of the recipe, not of the network
};

// One value for every active decision of a space, in the space's order of decisions.
// Categorical: the option's index. Integer, real: the value. Inactive: NaN. Only its space can make
// sense of it.
struct Architecture {
  static constexpr double kInactive = std::numeric_limits<double>::quiet_NaN();

  std::vector<double> values;

  bool Has(size_t decision) const { return !std::isnan(values[decision]); }
};

// Equal values, inactive equal to inactive.
bool operator==(const Architecture& a, const Architecture& b);

}  // namespace cambrian
