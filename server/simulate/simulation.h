// One study in simulated time: the real coordinator, store and strategy, and virtual workers that
// look their results up in a table.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/spec/study_spec.h"
#include "common/table/table_estimator.h"
#include "server/store/interface.h"

namespace cambrian {

struct SimulationOptions {
  int workers = 16;  // of one slot each
  // The chance of a worker to be lost within an hour, whatever it does, [0, 1).
  double loss_per_hour = 0;
  // Until another worker stands in a lost one's place.
  absl::Duration replacement = absl::Minutes(5);
  // Silence after which the coordinator takes a worker's work back.
  absl::Duration lease_term = absl::Seconds(30);
  uint64_t seed = 1;  // of the study, and of the losses
};

// A trial that has ended.
struct SimulatedTrial {
  bool has_result = false;  // succeeded, and every constraint holds
  double guided = 0;        // its first objective, as measured
  double judged = 0;        // the judge's value; without a judge the same
  absl::Duration ended;     // from the study's start
};

struct SimulatedRun {
  std::vector<SimulatedTrial> trials;  // in the order in which they ended
  absl::Duration length;
  absl::Duration busy;        // of all workers together, work that was lost included
  int64_t lost_attempts = 0;  // workers that were lost while they worked
  int64_t without_row = 0;    // architectures that the table lacks
};

// A fresh store that lasts as long as the run.
using NewStore = std::function<std::unique_ptr<TrialStore>(const Clock& clock)>;

// Runs the study, which has a table, to its end. Deterministic for its options. Thread-safe.
// \error kInvalidArgument if its strategy cannot be made; kFailedPrecondition if the study fails;
// kInternal if nothing is left that could happen
absl::StatusOr<SimulatedRun> Simulate(const StudySpec& study, const TableEstimator& estimator,
                                      const SimulationOptions& options, const NewStore& new_store);

}  // namespace cambrian
