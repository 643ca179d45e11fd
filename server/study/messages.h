// Rows of the store as wire messages.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cambrian/v1/study.pb.h"
#include "cambrian/v1/trial.pb.h"
#include "server/store/records.h"

namespace cambrian {

v1::Study ToMessage(const StudyRecord& record);
v1::Trial ToMessage(const TrialRecord& record, absl::string_view study_name);
// The same without the study's name and what never changes (architecture, canonical key, origin).
void FillChanging(const TrialRecord& record, v1::Trial& trial);
// With the study's name and what the trial's row says; `trial` is null for an event of the study
// itself. An event that has no row is told by the trial as it is now: its proposal, once it has
// ended, as if it were still queued.
v1::Event ToMessage(const EventRecord& record, const TrialRecord* trial,
                    absl::string_view study_name);

// "fashion-1/17" → {"fashion-1", 17}. \error kInvalidArgument
struct AssignmentName {
  std::string study;
  int64_t trial = 0;
};
std::string FormatAssignment(absl::string_view study, int64_t trial);
absl::StatusOr<AssignmentName> ParseAssignment(absl::string_view text);

}  // namespace cambrian
