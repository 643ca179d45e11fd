// What explanations rest on: the trials of a study that have results.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/nas/architecture.h"

namespace cambrian {

struct EvaluatedTrial {
  int64_t number = 0;
  Architecture architecture;
  std::vector<double> values;  // by target, as measured, finite
  bool on_front = false;
};

// What is explained: an objective or the weighted sum that a study climbs.
struct Target {
  std::string name;
  bool maximize = true;
};

}  // namespace cambrian
