// The coordinator's part that begins, ends and deletes studies.
#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "server/study/coordinator.h"
#include "server/study/messages.h"
#include "spdlog/spdlog.h"

namespace cambrian {
namespace {

// "fashion-3" if "fashion-1" and "fashion-2" exist.
std::string NextName(absl::string_view base, const std::map<std::string, int64_t>& names) {
  int64_t last = 0;
  const std::string prefix = absl::StrCat(base, "-");
  for (auto it = names.lower_bound(prefix); it != names.end(); ++it) {
    absl::string_view rest = it->first;
    if (!absl::ConsumePrefix(&rest, prefix)) break;
    int64_t number = 0;
    if (absl::SimpleAtoi(rest, &number)) last = std::max(last, number);
  }
  return absl::StrCat(prefix, last + 1);
}

}  // namespace

absl::StatusOr<v1::Study> Coordinator::Create(std::shared_ptr<const StudySpec> spec,
                                              const std::string& request_id,
                                              absl::string_view parent) {
  if (auto it = requests_.find(request_id); !request_id.empty() && it != requests_.end()) {
    const auto study = studies_.find(names_.at(it->second));
    if (study != studies_.end()) return ToMessage(study->second->record());
    ASSIGN_OR_RETURN(const StudyRecord record, store_.Study(it->second));
    return ToMessage(record);
  }
  StudyRecord record;
  record.id = last_study_ + 1;
  record.name = NextName(spec->name, names_);
  record.request_id = request_id;
  record.text = spec->text;
  record.created = wall_;
  record.parent = std::string(parent);
  record.objective = spec->objectives[0];
  record.trial_budget = spec->budget.trials;
  if (spec->strategy.name == "listed") {
    record.trial_budget = std::min<int64_t>(
        record.trial_budget, static_cast<int64_t>(spec->strategy.architectures.size()));
  }
  record.time_budget = spec->budget.time;
  ASSIGN_OR_RETURN(std::unique_ptr<Study> study,
                   Study::Make(std::move(record), std::move(spec), {}, options_.studies));
  study->Announce(wall_);
  const v1::Study message = ToMessage(study->record());
  last_study_ = study->record().id;
  names_[message.name()] = last_study_;
  if (!request_id.empty()) requests_[request_id] = message.name();
  studies_[last_study_] = std::move(study);
  spdlog::info("study {} begins", message.name());
  return message;
}

// A study in memory, where it can be changed.
absl::StatusOr<Study*> Coordinator::FindOrLoad(const std::string& name) {
  auto id = names_.find(name);
  if (id == names_.end()) return absl::NotFoundError(absl::StrCat("no study \"", name, "\""));
  if (!studies_.contains(id->second)) {
    ASSIGN_OR_RETURN(const StudyRecord record, store_.Study(name));
    RETURN_IF_ERROR(LoadStudy(record));
  }
  return studies_.at(id->second).get();
}

absl::StatusOr<v1::Study> Coordinator::Cancel(const std::string& name) {
  ASSIGN_OR_RETURN(Study * study, FindOrLoad(name));
  if (!study->IsActive()) {
    return absl::FailedPreconditionError(absl::StrCat("study \"", name, "\" has ended"));
  }
  study->End(v1::CANCELLED, "cancelled", wall_);
  ReleaseCancelled(*study);
  return ToMessage(study->record());
}

absl::StatusOr<v1::Study> Coordinator::Extend(const std::string& name, int64_t trials) {
  ASSIGN_OR_RETURN(Study * study, FindOrLoad(name));
  if (absl::Status status = study->Extend(trials, wall_); !status.ok()) {
    return Annotate(status, absl::StrCat("study \"", name, "\""));
  }
  return ToMessage(study->record());
}

absl::StatusOr<v1::DeleteStudyResponse> Coordinator::Delete(const std::string& name) {
  auto id = names_.find(name);
  if (id == names_.end()) return absl::NotFoundError(absl::StrCat("no study \"", name, "\""));
  ASSIGN_OR_RETURN(const StudyRecord record, store_.Study(name));
  if (studies_.contains(id->second) || record.state == v1::ACTIVE) {
    return absl::FailedPreconditionError(
        absl::StrCat("study \"", name, "\" has not ended; cancel it first"));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> checkpoints, store_.Checkpoints(record.id));
  unused_.insert(unused_.end(), checkpoints.begin(), checkpoints.end());
  batch_.deleted.push_back(record.id);
  names_.erase(id);
  requests_.erase(record.request_id);
  return v1::DeleteStudyResponse();
}

// Ends what has nothing left to do, and begins the retraining of its winner.
void Coordinator::SettleStudies() {
  std::vector<Study*> completed;
  for (auto& [id, study] : studies_) {
    if (!study->IsActive()) continue;
    study->Settle(wall_);
    if (study->record().state == v1::COMPLETED) completed.push_back(study.get());
  }
  for (Study* study : completed) {
    spdlog::info("study {} is complete after {} trials", study->record().name,
                 study->record().trials);
    if (study->spec().finish) StartRetraining(*study);
  }
}

void Coordinator::StartRetraining(Study& study) {
  const absl::StatusOr<std::string> successor = CreateRetraining(study);
  if (!successor.ok()) {
    spdlog::error("the winner of {} is not retrained: {}", study.record().name,
                  successor.status().ToString());
  } else if (!successor->empty()) {
    study.SetSuccessor(*successor);
  }
}

// The name of the new study, or empty if there is no winner.
absl::StatusOr<std::string> Coordinator::CreateRetraining(const Study& study) {
  const std::optional<int64_t> best = study.Best();
  if (!best) return std::string();
  const auto json = nlohmann::json::parse(study.state().trial(*best).architecture, nullptr, false);
  ASSIGN_OR_RETURN(const Architecture winner, study.spec().space->FromJson(json));
  ASSIGN_OR_RETURN(std::shared_ptr<const StudySpec> spec,
                   reader_.parse(reader_.finish(study.spec(), winner)));
  ASSIGN_OR_RETURN(const v1::Study successor, Create(std::move(spec), "", study.record().name));
  return successor.name();
}

}  // namespace cambrian
