// What searches of NAS-Bench-201 on CIFAR-10 must reach.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"

namespace cambrian {

enum class Figure {
  kSequential,    // mean judged accuracy in percent after N evaluations, one at a time
  kAsynchronous,  // the same with 16 workers
  kSteps,         // median evaluations to the best row
  kHypervolume,   // share of the true front's after N evaluations
};

// At least this; of kSteps: at most. Nothing if no goal is set.
std::optional<double> GoalOf(absl::string_view strategy, Figure figure, int evaluations);

}  // namespace cambrian
