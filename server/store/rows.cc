#include "server/store/rows.h"

#include "common/evaluator/protocol.h"
#include "common/wire/convert.h"
#include "nlohmann/json.hpp"

namespace cambrian {
namespace {

struct StudyStateRow {
  v1::StudyState state;
  absl::string_view name;
};
constexpr StudyStateRow kStudyStates[] = {{v1::ACTIVE, "active"},
                                          {v1::PAUSED, "paused"},
                                          {v1::COMPLETED, "completed"},
                                          {v1::CANCELLED, "cancelled"},
                                          {v1::FAILED, "failed"}};

struct AttemptEndRow {
  v1::AttemptEnd end;
  absl::string_view name;
};
constexpr AttemptEndRow kAttemptEnds[] = {{v1::ATTEMPT_SUCCEEDED, "succeeded"},
                                          {v1::ATTEMPT_INFEASIBLE, "infeasible"},
                                          {v1::ATTEMPT_FAILED, "failed"},
                                          {v1::ATTEMPT_CRASHED, "crashed"},
                                          {v1::ATTEMPT_OUT_OF_MEMORY, "out_of_memory"},
                                          {v1::ATTEMPT_LOST, "lost"},
                                          {v1::ATTEMPT_PREEMPTED, "preempted"},
                                          {v1::ATTEMPT_CANCELLED, "cancelled"}};

}  // namespace

absl::string_view StudyStateColumn(v1::StudyState state) {
  for (const StudyStateRow& row : kStudyStates) {
    if (row.state == state) return row.name;
  }
  return "unknown";
}

v1::StudyState ParseStudyState(absl::string_view column) {
  for (const StudyStateRow& row : kStudyStates) {
    if (row.name == column) return row.state;
  }
  return v1::STUDY_STATE_UNSPECIFIED;
}

v1::TrialState ParseTrialState(absl::string_view column) {
  for (int state = v1::TrialState_MIN; state <= v1::TrialState_MAX; ++state) {
    if (TrialStateName(static_cast<v1::TrialState>(state)) == column) {
      return static_cast<v1::TrialState>(state);
    }
  }
  return v1::TRIAL_STATE_UNSPECIFIED;
}

absl::string_view AttemptEndColumn(v1::AttemptEnd end) {
  for (const AttemptEndRow& row : kAttemptEnds) {
    if (row.end == end) return row.name;
  }
  return "unknown";
}

v1::AttemptEnd ParseAttemptEnd(absl::string_view column) {
  for (const AttemptEndRow& row : kAttemptEnds) {
    if (row.name == column) return row.end;
  }
  return v1::ATTEMPT_END_UNSPECIFIED;
}

std::string MetricsColumn(const Metrics& metrics) {
  // Always an object for each metric, so that one path in SQL finds its value.
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [name, measurement] : metrics) {
    nlohmann::json& column = json[name];
    column["value"] = measurement.value;
    if (measurement.low) column["low"] = *measurement.low;
    if (measurement.high) column["high"] = *measurement.high;
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Metrics ParseMetrics(const std::string& column) {
  const auto json = nlohmann::json::parse(column, nullptr, /*allow_exceptions=*/false);
  return evaluator::MetricsFromJson(json).value_or(Metrics());
}

std::string ReferenceColumn(const std::vector<double>& reference) {
  return nlohmann::json(reference).dump();
}

std::string WordsColumn(const std::vector<std::string>& words) {
  // What is not UTF-8 must not throw.
  return nlohmann::json(words).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<double> ParseReference(const std::string& column) {
  const auto json = nlohmann::json::parse(column, nullptr, /*allow_exceptions=*/false);
  std::vector<double> reference;
  if (!json.is_array()) return reference;
  for (const auto& value : json) {
    if (value.is_number()) reference.push_back(value.get<double>());
  }
  return reference;
}

}  // namespace cambrian
