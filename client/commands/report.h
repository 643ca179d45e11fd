// What a study came to, as people read it at the end of a run.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/commands/command.h"

namespace cambrian {

// Prints the front on stdout with a heading, and returns it.
absl::StatusOr<std::vector<v1::Trial>> PrintFront(StudyClient& client, const OpenStudy& study,
                                                  const CommonOptions& options);

// "Trial 19 retrained for 10 epochs on all data: test accuracy 0.912 (read once; validation
// 0.915)"; empty if the study that retrained the winner has no result.
absl::StatusOr<std::string> DescribeRetraining(StudyClient& client, const OpenStudy& study,
                                               const OpenStudy& retraining);

// Why a study that has ended has no use: "study "fashion-1" stopped after 10 failures in a row:
// …". OK for one that is COMPLETED.
absl::Status CheckEnd(StudyClient& client, const OpenStudy& study);

}  // namespace cambrian
