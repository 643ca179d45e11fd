// Studies as rows.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "cambrian/v1/study.pb.h"
#include "client/format/table.h"

namespace cambrian {

// Trials that have ended, whatever became of them.
int64_t FinishedTrials(const v1::Study& study);

// For people; times as short as `now` allows.
Table StudyTable(absl::Span<const v1::Study> studies, absl::Time now, absl::TimeZone zone);
// For programs.
std::string StudiesCsv(absl::Span<const v1::Study> studies);

}  // namespace cambrian
