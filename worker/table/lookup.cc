#include "worker/table/lookup.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "common/spec/study_table.h"

namespace cambrian {
namespace {

using evaluator::Error;

absl::StatusOr<std::string> TextAt(const nlohmann::json& json, const char* key) {
  if (json.is_object() && json.contains(key) && json[key].is_string()) {
    return json[key].get<std::string>();
  }
  return absl::InvalidArgumentError(absl::StrCat("the assignment's data do not say \"", key, "\""));
}

absl::StatusOr<std::unique_ptr<const StudySpec>> ReadStudy(const std::string& text) {
  Diagnostics diagnostics("study", text);
  std::unique_ptr<const StudySpec> study = ParseStudy(text, "", {}, diagnostics);
  RETURN_IF_ERROR(diagnostics.ToStatus());
  if (!study->estimator.table) return absl::InvalidArgumentError("the study asks for no table");
  return study;
}

}  // namespace

absl::Status Lookup::Open(const nlohmann::json& data) {
  ASSIGN_OR_RETURN(std::string text, TextAt(data, "study"));
  ASSIGN_OR_RETURN(std::string file,
                   TextAt(data.contains("table") ? data["table"] : nlohmann::json(), "file"));
  if (study_ != nullptr && text == text_ && file == file_) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::unique_ptr<const StudySpec> study, ReadStudy(text));
  ASSIGN_OR_RETURN(std::shared_ptr<const TableEstimator> estimator, OpenTable(*study, file));
  const std::string& wanted = study->data.sha256;
  if (!wanted.empty() && wanted != estimator->table().sha256()) {
    return absl::FailedPreconditionError(
        absl::StrCat(file, ": another table than the study's (sha256 ", estimator->table().sha256(),
                     ", expected ", wanted, ")"));
  }
  text_ = std::move(text);
  file_ = std::move(file);
  study_ = std::move(study);
  estimator_ = std::move(estimator);
  return absl::OkStatus();
}

evaluator::Message Lookup::Answer(const evaluator::Start& start) {
  const auto error = [&](Error::Kind kind, const absl::Status& status) {
    return Error{start.assignment, kind, std::string(status.message()), ""};
  };
  if (absl::Status status = Open(start.data); !status.ok()) {
    return error(Error::Kind::kData, status);
  }
  const absl::StatusOr<Architecture> architecture = study_->space->FromJson(start.architecture);
  if (!architecture.ok()) return error(Error::Kind::kFailed, architecture.status());
  absl::StatusOr<TableEstimator::Answer> answer = estimator_->Look(*architecture);
  if (!answer.ok()) return error(Error::Kind::kInfeasible, answer.status());
  evaluator::Result result;
  result.assignment = start.assignment;
  result.metrics = std::move(answer->metrics);
  if (study_->estimator.table->seconds) {
    result.metrics.try_emplace("train_seconds", Measurement{answer->seconds, {}, {}});
  }
  if (start.test) result.metrics["test_accuracy"].value = answer->judged;
  return result;
}

absl::StatusOr<std::string> Converse(absl::string_view line, Lookup& lookup) {
  ASSIGN_OR_RETURN(const evaluator::Message message, evaluator::Decode(line));
  if (const auto* welcome = std::get_if<evaluator::Welcome>(&message)) {
    if (welcome->protocol == kEvaluatorProtocol) return std::string();
    return absl::FailedPreconditionError(
        absl::StrCat("the agent (", welcome->version, ") speaks protocol ", welcome->protocol,
                     ", this evaluator (", kVersion, ") ", kEvaluatorProtocol));
  }
  if (const auto* start = std::get_if<evaluator::Start>(&message)) {
    return Encode(lookup.Answer(*start)) + "\n";
  }
  if (std::holds_alternative<evaluator::Pause>(message)) {
    return Encode(evaluator::Paused{}) + "\n";
  }
  if (std::holds_alternative<evaluator::Stop>(message) ||
      std::holds_alternative<evaluator::Resume>(message)) {
    return std::string();
  }
  return absl::InvalidArgumentError("an evaluator's message came from the agent");
}

}  // namespace cambrian
