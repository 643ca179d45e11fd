// Many simulated runs as means with their errors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "server/simulate/simulation.h"

namespace cambrian {

// Over the runs that have a value.
struct Estimate {
  double mean = 0;   // NaN: none has
  double error = 0;  // standard error of the mean; 0 of a single one
};
Estimate EstimateOf(const std::vector<double>& values);

// What stands after so many trials.
struct CurvePoint {
  int64_t trials = 0;
  Estimate judged;   // the judge's value of the trial that the search likes best
  Estimate guided;   // its first objective
  Estimate seconds;  // simulated, until then
};

struct Summary {
  std::vector<CurvePoint> curve;  // a point for each trial, from 1
  Estimate seconds;               // of the whole study
  Estimate utilization;           // share of the workers' time that was work
  Estimate lost_attempts;         // of a run
  int64_t without_row = 0;        // of all runs
};

// `maximize`: the first objective's direction; of equals the earlier trial counts. At least one
// run. The curve is as long as the longest run; one that ended before keeps its last point.
Summary Summarize(absl::Span<const SimulatedRun> runs, bool maximize, int workers);

}  // namespace cambrian
