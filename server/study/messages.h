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
// The study's name is set in the trial of an event.
v1::Event ToMessage(EventRecord record, absl::string_view study_name);

// "fashion-1/17" → {"fashion-1", 17}. \error kInvalidArgument
struct AssignmentName {
  std::string study;
  int64_t trial = 0;
};
std::string FormatAssignment(absl::string_view study, int64_t trial);
absl::StatusOr<AssignmentName> ParseAssignment(absl::string_view text);

}  // namespace cambrian
