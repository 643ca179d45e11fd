#include "server/strategy/told_trial.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

absl::Status Broken() { return absl::InvalidArgumentError("a trial of the snapshot is broken"); }

absl::StatusOr<ToldTrial> CompactTold(const SearchSpace& space, const nlohmann::json& json) {
  ToldTrial told;
  ASSIGN_OR_RETURN(told.trial, CountAt(json, "trial"));
  ASSIGN_OR_RETURN(const nlohmann::json* const values, ListAt(json, "values"));
  ASSIGN_OR_RETURN(const nlohmann::json* const architecture, ListAt(json, "architecture"));
  ASSIGN_OR_RETURN(told.architecture, CompactArchitecture(space, *architecture));
  for (const nlohmann::json& value : *values) {
    if (!value.is_number()) return Broken();
    told.outcome.values.push_back(value.get<double>());
  }
  told.outcome.feasible = json.contains("feasible") && json["feasible"] == true;
  return told;
}

}  // namespace

nlohmann::json CompactJson(const Architecture& architecture) {
  nlohmann::json json = nlohmann::json::array();
  for (size_t d = 0; d < architecture.values.size(); ++d) {
    json.push_back(architecture.Has(d) ? nlohmann::json(architecture.values[d]) : nullptr);
  }
  return json;
}

nlohmann::json CompactJson(const std::vector<ToldTrial>& trials) {
  nlohmann::json json = nlohmann::json::array();
  for (const ToldTrial& told : trials) {
    json.push_back({{"trial", told.trial},
                    {"architecture", CompactJson(told.architecture)},
                    {"values", told.outcome.values},
                    {"feasible", told.outcome.feasible}});
  }
  return json;
}

nlohmann::json CompactJson(const PendingTrials& pending) {
  nlohmann::json json = nlohmann::json::array();
  for (const auto& [trial, architecture] : pending) {
    json.push_back({{"trial", trial}, {"architecture", CompactJson(architecture)}});
  }
  return json;
}

absl::StatusOr<Architecture> CompactArchitecture(const SearchSpace& space,
                                                 const nlohmann::json& json) {
  if (!json.is_array()) return Broken();
  Architecture architecture;
  for (const nlohmann::json& value : json) {
    if (!value.is_number() && !value.is_null()) return Broken();
    architecture.values.push_back(value.is_null() ? Architecture::kInactive : value.get<double>());
  }
  RETURN_IF_ERROR(space.Validate(architecture));
  return architecture;
}

absl::StatusOr<std::vector<ToldTrial>> CompactToldList(const SearchSpace& space,
                                                       const nlohmann::json& json) {
  if (!json.is_array()) return Broken();
  std::vector<ToldTrial> trials;
  for (const nlohmann::json& item : json) {
    ASSIGN_OR_RETURN(ToldTrial told, CompactTold(space, item));
    trials.push_back(std::move(told));
  }
  return trials;
}

absl::StatusOr<PendingTrials> CompactPending(const SearchSpace& space, const nlohmann::json& json) {
  if (!json.is_array()) return Broken();
  PendingTrials pending;
  for (const nlohmann::json& item : json) {
    ASSIGN_OR_RETURN(const int64_t trial, CountAt(item, "trial"));
    ASSIGN_OR_RETURN(const nlohmann::json* const architecture, ListAt(item, "architecture"));
    ASSIGN_OR_RETURN(pending[trial], CompactArchitecture(space, *architecture));
  }
  return pending;
}

absl::StatusOr<int64_t> CountAt(const nlohmann::json& json, const char* key) {
  if (!json.is_object() || !json.contains(key) || !json[key].is_number_integer() ||
      json[key].get<int64_t>() < 0) {
    return absl::InvalidArgumentError(absl::StrCat("the snapshot has no count \"", key, "\""));
  }
  return json[key].get<int64_t>();
}

absl::StatusOr<const nlohmann::json*> ListAt(const nlohmann::json& json, const char* key) {
  if (!json.is_object() || !json.contains(key) || !json[key].is_array()) {
    return absl::InvalidArgumentError(absl::StrCat("the snapshot has no list \"", key, "\""));
  }
  return &json[key];
}

}  // namespace cambrian
