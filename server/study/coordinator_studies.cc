// The coordinator's part that begins, changes, ends and deletes studies.
#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "server/log/log.h"
#include "server/study/coordinator.h"
#include "server/study/examine.h"
#include "server/study/messages.h"
#include "spdlog/spdlog.h"

namespace cambrian {
namespace {

// "fashion-3" if "fashion-1" and "fashion-2" exist, whosever they are.
template <typename Names>
std::string NextName(absl::string_view base, const Names& names) {
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

StudyRecord NewRecord(const StudySpec& spec) {
  StudyRecord record;
  record.text = spec.text;
  record.objective = spec.objectives[0];
  record.trial_budget = spec.budget.trials;
  if (spec.strategy.name == "listed") {
    record.trial_budget = std::min<int64_t>(
        record.trial_budget, static_cast<int64_t>(spec.strategy.architectures.size()));
  }
  record.time_budget = spec.budget.time;
  record.circumstances = CircumstancesKey(spec);
  return record;
}

}  // namespace

absl::StatusOr<v1::Study> Coordinator::CreateFor(const Scope& scope,
                                                 std::shared_ptr<const StudySpec> spec,
                                                 const std::string& request_id,
                                                 const std::string& continue_from) {
  auto before = requests_.find({scope.tenant, request_id});
  if (!request_id.empty() && before != requests_.end()) {
    const auto entry = studies_.find(names_.at(before->second).id);
    if (entry != studies_.end()) return ToMessage(entry->second->study->record());
    ASSIGN_OR_RETURN(const StudyRecord record, Settled().Study(before->second));
    return ToMessage(record);
  }
  if (continue_from.empty()) return Create(scope.tenant, std::move(spec), request_id, "", nullptr);
  ASSIGN_OR_RETURN(const StudyRecord ancestor, FindAncestor(scope, *spec, continue_from));
  return Create(scope.tenant, std::move(spec), request_id, "", &ancestor);
}

absl::StatusOr<v1::Study> Coordinator::Create(const std::string& tenant,
                                              std::shared_ptr<const StudySpec> spec,
                                              const std::string& request_id,
                                              absl::string_view parent,
                                              const StudyRecord* continues) {
  StudyRecord record = NewRecord(*spec);
  record.id = last_study_ + 1;
  record.tenant = tenant;
  record.name = NextName(spec->name, names_);
  record.request_id = request_id;
  record.created = wall_;
  record.parent = std::string(parent);
  if (continues != nullptr) record.continues = continues->name;
  ASSIGN_OR_RETURN(std::unique_ptr<Study> study,
                   Study::Make(std::move(record), std::move(spec), options_.studies));
  study->Announce(wall_);
  if (continues != nullptr) RETURN_IF_ERROR(Inherit(*study, *continues));
  const v1::Study message = ToMessage(study->record());
  last_study_ = study->record().id;
  Know(study->record());
  auto entry = std::make_unique<Entry>();
  entry->study = std::move(study);
  Touch(*entry);
  studies_[last_study_] = std::move(entry);
  const LogFields about(message.name());
  spdlog::info("study {} begins", message.name());
  return message;
}

absl::StatusOr<Coordinator::Known> Coordinator::Find(const Scope& scope,
                                                     const std::string& name) const {
  auto known = names_.find(name);
  if (known == names_.end() || deleted_names_.contains(name) || !scope.Sees(known->second.tenant)) {
    return absl::NotFoundError(absl::StrCat("no study \"", name, "\""));
  }
  return known->second;
}

void Coordinator::Know(const StudyRecord& study) {
  names_[study.name] = {study.id, study.tenant};
  if (!study.request_id.empty()) requests_[{study.tenant, study.request_id}] = study.name;
  shared_.Add(study);
}

void Coordinator::ForgetDeleted() {
  for (const std::string& name : std::exchange(deleted_names_, {})) names_.erase(name);
}

// A study in memory, where it can be changed.
absl::StatusOr<Coordinator::Entry*> Coordinator::FindOrLoad(const Scope& scope,
                                                            const std::string& name) {
  ASSIGN_OR_RETURN(const Known known, Find(scope, name));
  if (!studies_.contains(known.id)) {
    ASSIGN_OR_RETURN(const StudyRecord record, Settled().Study(name));
    RETURN_IF_ERROR(LoadStudy(record));
  }
  Entry* const entry = studies_.at(known.id).get();
  Touch(*entry);
  return entry;
}

absl::StatusOr<v1::Study> Coordinator::Change(const Scope& scope, const std::string& name,
                                              const std::function<absl::Status(Study&)>& change) {
  ASSIGN_OR_RETURN(Entry * entry, FindOrLoad(scope, name));
  if (absl::Status status = change(*entry->study); !status.ok()) {
    return Annotate(status, absl::StrCat("study \"", name, "\""));
  }
  ReleaseCancelled(*entry);
  TouchHolders(*entry->study);
  return ToMessage(entry->study->record());
}

absl::StatusOr<v1::DeleteStudyResponse> Coordinator::Delete(const Scope& scope,
                                                            const std::string& name) {
  ASSIGN_OR_RETURN(const Known known, Find(scope, name));
  ASSIGN_OR_RETURN(const StudyRecord record, Settled().Study(name));
  if (studies_.contains(known.id) || record.state == v1::ACTIVE || record.state == v1::PAUSED) {
    return absl::FailedPreconditionError(
        absl::StrCat("study \"", name, "\" has not ended; cancel it first"));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> checkpoints, Settled().Checkpoints(record.id));
  group_->unused.insert(group_->unused.end(), checkpoints.begin(), checkpoints.end());
  group_->batch.deleted.push_back(record.id);
  deleted_names_.insert(name);
  requests_.erase({record.tenant, record.request_id});
  shared_.Remove(record);
  return v1::DeleteStudyResponse();
}

// The study concerns this group: what changed in it is committed.
void Coordinator::Touch(Entry& entry) {
  if (std::exchange(entry.touched, true)) return;
  touched_studies_.push_back(&entry);
  entry.study->Advance(now_);
}

// What the loop notes of a study follows it.
void Coordinator::Refresh(Entry& entry) {
  const StudyRecord& record = entry.study->record();
  if (entry.study->MayHaveWork(Offer{.trains = true, .measures = true})) {
    scheduler_.Set(record.id, record.running);
  } else {
    scheduler_.Rest(record.id);
  }
  absl::Duration due = absl::InfiniteDuration();
  if (const auto left = entry.study->TimeLeft()) {
    if (*left > absl::ZeroDuration()) due = now_ + *left;
  }
  if (due == entry.due) return;
  study_dues_.erase({entry.due, record.id});
  entry.due = due;
  if (due != absl::InfiniteDuration()) study_dues_.insert({due, record.id});
}

// Studies whose time is over, and those that had more to decide.
void Coordinator::AdvanceStudies() {
  for (int64_t id : std::exchange(unfinished_, {})) {
    if (studies_.contains(id)) Touch(*studies_.at(id));
  }
  while (!study_dues_.empty() && study_dues_.begin()->first <= now_) {
    Entry& entry = *studies_.at(study_dues_.begin()->second);
    study_dues_.erase(study_dues_.begin());
    entry.due = absl::InfiniteDuration();
    Touch(entry);
  }
}

// Ends what has nothing left to do, and begins the retraining of its winner.
void Coordinator::SettleStudies() {
  for (size_t i = 0; i < touched_studies_.size(); ++i) {  // a retraining joins them
    Study& study = *touched_studies_[i]->study;
    if (!study.IsOpen()) continue;
    study.Settle(wall_);
    if (study.record().state != v1::COMPLETED) continue;
    const LogFields about(study.record().name);
    spdlog::info("study {} is complete after {} trials", study.record().name,
                 study.record().trials);
    if (study.spec().finish) StartRetraining(study);
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
  ASSIGN_OR_RETURN(const v1::Study successor, Create(study.record().tenant, std::move(spec), "",
                                                     study.record().name, nullptr));
  return successor.name();
}

// What has ended leaves memory, the rest is ready for the next group.
void Coordinator::ForgetEnded() {
  for (Entry* entry : touched_studies_) {
    entry->touched = false;
    const int64_t id = entry->study->record().id;
    if (entry->study->IsOpen()) {
      Refresh(*entry);
      continue;
    }
    scheduler_.Remove(id);
    study_dues_.erase({entry->due, id});
    workers_->ForgetStudy(id);
    shared_.Rest(entry->study->record());
    studies_.erase(id);
  }
  touched_studies_.clear();
}

}  // namespace cambrian
