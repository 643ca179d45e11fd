// Whether a study is what its strategy makes of its results.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/study_spec.h"
#include "server/store/records.h"

namespace cambrian {

struct ReplayReport {
  int64_t proposals = 0;   // that the strategy was asked for
  int64_t reproduced = 0;  // until the first that differs
  int64_t inherited = 0;   // trials of another study, which nobody proposed
  std::string difference;  // the first, in words; empty if there is none
};

// Walks the study's sequence with a fresh strategy: asks it before each proposal, with that
// proposal's randomness, and compares; then adds what was recorded, and tells it each end. `trials`
// are all of the study as of its event `event` or later: what came after it does not count, so that
// a study that goes on may be read in parts. `continues` is the study that it inherited trials
// from, or empty. Pure. \error kInvalidArgument if the strategy cannot be made, or a row cannot be
// read
absl::StatusOr<ReplayReport> VerifyReplay(const std::shared_ptr<const StudySpec>& spec,
                                          absl::string_view continues, int64_t event,
                                          const std::vector<TrialRecord>& trials);

}  // namespace cambrian
