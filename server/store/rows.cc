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

std::string MetricsColumn(const Metrics& metrics) {
  // Always an object for each metric, so that one path in SQL finds its value.
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [name, measurement] : metrics) {
    nlohmann::json& column = json[name];
    column["value"] = measurement.value;
    if (measurement.low) column["low"] = *measurement.low;
    if (measurement.high) column["high"] = *measurement.high;
  }
  return json.dump();
}

Metrics ParseMetrics(const std::string& column) {
  const auto json = nlohmann::json::parse(column, nullptr, /*allow_exceptions=*/false);
  return evaluator::MetricsFromJson(json).value_or(Metrics());
}

std::string ReferenceColumn(const std::vector<double>& reference) {
  return nlohmann::json(reference).dump();
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
