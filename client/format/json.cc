#include "client/format/json.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/format/time.h"
#include "common/wire/convert.h"

namespace cambrian {
namespace {

using nlohmann::ordered_json;

ordered_json TimeOrNull(bool known, const google::protobuf::Timestamp& time) {
  return known ? ordered_json(FormatUtc(FromProto(time))) : ordered_json(nullptr);
}

ordered_json TextOrNull(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

// JSON has no NaN and no infinity.
ordered_json NumberOrNull(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr);
}

ordered_json MetricsJson(const google::protobuf::RepeatedPtrField<v1::Measurement>& metrics) {
  ordered_json out = ordered_json::object();
  for (const v1::Measurement& m : metrics) {
    out[m.metric()] = {{"value", NumberOrNull(m.value())},
                       {"low", m.has_low() ? NumberOrNull(m.low()) : ordered_json(nullptr)},
                       {"high", m.has_high() ? NumberOrNull(m.high()) : ordered_json(nullptr)}};
  }
  return out;
}

ordered_json ProgressJson(const v1::Progress& progress) {
  return {{"step", progress.step()},
          {"steps", progress.steps()},
          {"metrics", MetricsJson(progress.metrics())}};
}

ordered_json ArchitectureJson(const std::string& text) {
  ordered_json json = ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : ordered_json(nullptr);
}

ordered_json AttemptJson(const v1::Attempt& attempt) {
  return {{"token", attempt.token()},
          {"worker", TextOrNull(attempt.worker())},
          {"measures", attempt.measures()},
          {"started", TimeOrNull(attempt.has_started(), attempt.started())},
          {"ended", TimeOrNull(attempt.has_ended(), attempt.ended())},
          {"end", AttemptEndName(attempt.end())},
          {"reason", TextOrNull(attempt.reason())},
          {"seconds", NumberOrNull(attempt.seconds())}};
}

ordered_json ListJson(const google::protobuf::RepeatedPtrField<std::string>& values) {
  ordered_json list = ordered_json::array();
  for (const std::string& value : values) list.push_back(value);
  return list;
}

}  // namespace

std::string AttemptEndName(v1::AttemptEnd end) {
  absl::string_view name = v1::AttemptEnd_Name(end);
  if (!absl::ConsumePrefix(&name, "ATTEMPT_") || absl::StartsWith(name, "END_")) return "unknown";
  return absl::AsciiStrToLower(name);
}

std::string StudyStateName(v1::StudyState state) {
  return absl::AsciiStrToLower(v1::StudyState_Name(state));
}

ordered_json StudyToJson(const v1::Study& study) {
  return {
      {"name", study.name()},
      {"state", StudyStateName(study.state())},
      {"reason", TextOrNull(study.reason())},
      {"created", TimeOrNull(study.has_created(), study.created())},
      {"ended", TimeOrNull(study.has_ended(), study.ended())},
      {"elapsed_seconds", absl::ToDoubleSeconds(FromProto(study.elapsed()))},
      {"device_seconds", NumberOrNull(study.device_seconds())},
      {"parent", TextOrNull(study.parent())},
      {"successor", TextOrNull(study.successor())},
      {"trial_budget", study.trial_budget()},
      {"time_budget_seconds",
       study.has_time_budget() ? ordered_json(absl::ToDoubleSeconds(FromProto(study.time_budget())))
                               : ordered_json(nullptr)},
      {"trials", study.trials()},
      {"queued", study.queued()},
      {"running", study.running()},
      {"succeeded", study.succeeded()},
      {"infeasible", study.infeasible()},
      {"failed", study.failed()},
      {"cancelled", study.cancelled()},
      {"known", study.known()},
      {"hypervolume", NumberOrNull(study.hypervolume())},
      {"tenant", TextOrNull(study.tenant())},
      {"continues", TextOrNull(study.continues())},
  };
}

ordered_json TrialToJson(const v1::Trial& trial) {
  ordered_json curve = ordered_json::array();
  for (const v1::Progress& progress : trial.curve()) curve.push_back(ProgressJson(progress));
  ordered_json history = ordered_json::array();
  for (const v1::Attempt& attempt : trial.history()) history.push_back(AttemptJson(attempt));
  return {
      {"study", trial.study()},
      {"trial", trial.number()},
      {"state", std::string(TrialStateName(trial.state()))},
      {"reason", TextOrNull(trial.reason())},
      {"on_front", trial.on_front()},
      {"metrics", MetricsJson(trial.metrics())},
      {"architecture", ArchitectureJson(trial.architecture())},
      {"canonical_key", TextOrNull(trial.canonical_key())},
      {"origin", TextOrNull(trial.origin())},
      {"same_as", trial.same_as() > 0 ? ordered_json(trial.same_as()) : ordered_json(nullptr)},
      {"created", TimeOrNull(trial.has_created(), trial.created())},
      {"started", TimeOrNull(trial.has_started(), trial.started())},
      {"ended", TimeOrNull(trial.has_ended(), trial.ended())},
      {"attempts", trial.attempts()},
      {"worker", TextOrNull(trial.worker())},
      {"progress", trial.has_progress() ? ProgressJson(trial.progress()) : ordered_json(nullptr)},
      {"curve", trial.curve().empty() ? ordered_json(nullptr) : std::move(curve)},
      {"checkpoint_sha256", TextOrNull(trial.checkpoint())},
      {"measuring", trial.measuring()},
      {"history", trial.history().empty() ? ordered_json(nullptr) : std::move(history)},
  };
}

ordered_json WorkerToJson(const v1::WorkerStatus& worker) {
  return {
      {"name", worker.name()},
      {"host", worker.host()},
      {"version", worker.version()},
      {"slots", worker.slots()},
      {"usable_slots", worker.usable_slots()},
      {"evaluators", ListJson(worker.evaluators())},
      {"devices", ListJson(worker.devices())},
      {"tags", ListJson(worker.tags())},
      {"targets", ListJson(worker.targets())},
      {"running", ListJson(worker.running())},
      {"last_contact", TimeOrNull(worker.has_last_contact(), worker.last_contact())},
  };
}

std::string JsonLine(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace cambrian
