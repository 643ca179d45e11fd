// Studies, trials and workers as JSON for programs: snake_case, null for what is not known, times
// in UTC (ISO 8601). Fields are only ever added; docs/cli.md lists them.
#pragma once

#include <string>

#include "cambrian/v1/study.pb.h"
#include "cambrian/v1/study_service.pb.h"
#include "cambrian/v1/trial.pb.h"
#include "nlohmann/json.hpp"

namespace cambrian {

nlohmann::ordered_json StudyToJson(const v1::Study& study);
nlohmann::ordered_json TrialToJson(const v1::Trial& trial);
nlohmann::ordered_json WorkerToJson(const v1::WorkerStatus& worker);

// "active", "completed", …
std::string StudyStateName(v1::StudyState state);

// "succeeded", "out_of_memory", "lost", "preempted", …
std::string AttemptEndName(v1::AttemptEnd end);

// One line; bytes that are no UTF-8 are replaced.
std::string JsonLine(const nlohmann::ordered_json& json);

}  // namespace cambrian
