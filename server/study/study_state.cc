#include "server/study/study_state.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/wire/convert.h"
#include "nlohmann/json.hpp"
#include "server/study/merit.h"
#include "server/study/messages.h"

namespace cambrian {
namespace {

// So many feasible trials set the reference of the hypervolume.
constexpr int64_t kReferenceTrials = 5;

bool HasResult(const TrialRecord& trial) {
  return trial.state == v1::TRIAL_SUCCEEDED || trial.state == v1::TRIAL_INFEASIBLE;
}

}  // namespace

StudyState::StudyState(StudyRecord record, std::shared_ptr<const StudySpec> spec)
    : record_(std::move(record)), spec_(std::move(spec)), dirty_(record_.event == 0) {}

absl::Status StudyState::Restore(absl::string_view snapshot, int64_t event,
                                 std::vector<TrialRecord> trials,
                                 const std::vector<ResultKey>& results) {
  if (!snapshot.empty()) {
    absl::Status status;
    ReadSnapshot(std::string(snapshot), status);
    RETURN_IF_ERROR(status);
  }
  for (const ResultKey& result : results) {
    results_.insert_or_assign(WorkOf(result.evaluation_key), result.trial);
  }
  std::vector<TrialRecord*> ended;  // since the snapshot
  for (TrialRecord& row : trials) {
    results_.try_emplace(WorkOf(row.evaluation_key), 0);
    auto entry = std::make_unique<Entry>(Entry{std::move(row)});
    TrialRecord& trial = entry->record;
    if (trial.IsOpen()) Open(trial);
    if (trial.ended_event > event) ended.push_back(&trial);
    if (trial.on_front) front_.Insert({trial.number, ObjectiveValues(*spec_, trial.metrics)});
    trials_[trial.number] = std::move(entry);
  }
  std::sort(ended.begin(), ended.end(), [](const TrialRecord* a, const TrialRecord* b) {
    return a->ended_event < b->ended_event;
  });
  for (TrialRecord* trial : ended) {
    if (trial->state == v1::TRIAL_FAILED && !trial->known) failures_.push_back(trial->reason);
    if (trial->state != v1::TRIAL_SUCCEEDED) continue;
    failures_.clear();
    if (IsFeasible(*spec_, trial->metrics)) {
      UpdateReference(ObjectiveValues(*spec_, trial->metrics));
    }
  }
  absl::erase_if(trials_, [](const auto& item) {
    return !item.second->record.IsOpen() && !item.second->record.on_front;
  });
  dirty_ = false;
  return absl::OkStatus();
}

std::string StudyState::Snapshot() const {
  // Rows say who has a result. Of the other ended trials nothing but their work is needed.
  std::vector<std::string> without_result;
  for (const auto& [work, trial] : results_) {
    if (trial == 0 && !open_by_work_.contains(work)) without_result.push_back(work.ToString());
  }
  std::sort(without_result.begin(), without_result.end());
  const nlohmann::json json = {{"feasible", feasible_},
                               {"worst", worst_},
                               {"failures", failures_},
                               {"without_result", without_result}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void StudyState::ReadSnapshot(const std::string& snapshot, absl::Status& status) {
  status = absl::InvalidArgumentError("the snapshot of the study's state is broken");
  const auto json = nlohmann::json::parse(snapshot, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.value("feasible", nlohmann::json()).is_number_integer()) return;
  for (const char* list : {"worst", "failures", "without_result"}) {
    if (!json.contains(list) || !json[list].is_array()) return;
  }
  for (const auto& value : json["worst"]) {
    if (!value.is_number()) return;
    worst_.push_back(value.get<double>());
  }
  for (const auto& value : json["failures"]) {
    if (!value.is_string()) return;
    failures_.push_back(value.get<std::string>());
  }
  for (const auto& value : json["without_result"]) {
    if (!value.is_string()) return;
    results_.try_emplace(WorkOf(value.get<std::string>()), 0);
  }
  feasible_ = json["feasible"].get<int64_t>();
  status = absl::OkStatus();
}

int64_t StudyState::Propose(TrialRecord trial, absl::Time now) {
  ++record_.event;
  dirty_ = true;
  auto entry = std::make_unique<Entry>(Entry{std::move(trial)});
  TrialRecord& record = entry->record;
  record.study = record_.id;
  record.number = ++record_.trials;
  record.created = now;
  record.proposed_event = record_.event;
  results_.try_emplace(WorkOf(record.evaluation_key), 0);
  Count(record, 1);
  Open(record);
  MarkDirty(*entry);
  AddEvent(EventKind::kProposed, record.number, now);
  const int64_t number = record.number;
  trials_[number] = std::move(entry);
  return number;
}

void StudyState::Change(int64_t number, EventKind kind, absl::Time now,
                        absl::FunctionRef<void(TrialRecord&)> edit) {
  // A proposal that is started at once is one event.
  const bool goes_on = kind == EventKind::kStarted && !events_.empty() &&
                       events_.back().kind == EventKind::kProposed &&
                       events_.back().trial == number;
  if (!goes_on) ++record_.event;
  dirty_ = true;
  Entry& entry = At(number);
  TrialRecord& trial = entry.record;
  Count(trial, -1);
  record_.device_seconds -= trial.seconds;
  edit(trial);
  record_.device_seconds += trial.seconds;
  Count(trial, 1);
  MarkDirty(entry);
  if (kind == EventKind::kEnded) {
    trial.ended = now;
    trial.ended_event = record_.event;
    Drop(std::exchange(trial.resume_from, ""));
    Close(trial);
    NoteResult(trial);
    Judge(trial);
  } else {
    UpdateReady(trial);
  }
  if (goes_on) return;
  v1::Event& event = AddEvent(kind, number, now);
  if (!HasRow(kind)) return;
  FillChanging(trial, *event.mutable_trial());
  event.set_on_front(trial.on_front);
}

void StudyState::ChangeStudy(v1::StudyState state, absl::string_view reason, int64_t trial_budget,
                             absl::Time now) {
  ++record_.event;
  dirty_ = true;
  record_.state = state;
  record_.reason = std::string(reason);
  record_.trial_budget = trial_budget;
  const bool open = state == v1::ACTIVE || state == v1::PAUSED;
  record_.ended = open ? std::nullopt : std::optional(now);
  AddEvent(EventKind::kState, 0, now).set_state(state);
}

void StudyState::Drop(std::string artifact) {
  if (!artifact.empty()) dropped_.push_back(std::move(artifact));
}

void StudyState::Count(const TrialRecord& trial, int64_t by) {
  switch (trial.state) {
    case v1::TRIAL_QUEUED:
    case v1::TRIAL_WAITING:
      record_.queued += by;
      break;
    case v1::TRIAL_RUNNING:
      record_.running += by;
      break;
    case v1::TRIAL_SUCCEEDED:
      record_.succeeded += by;
      if (trial.known) record_.known += by;
      break;
    case v1::TRIAL_INFEASIBLE:
      record_.infeasible += by;
      break;
    case v1::TRIAL_FAILED:
      record_.failed += by;
      break;
    default:
      record_.cancelled += by;
  }
}

StudyState::Work StudyState::WorkOf(absl::string_view evaluation_key) {
  if (const auto key = CanonicalKey::FromString(evaluation_key); key.ok()) return *key;
  // Not of this program's making: any 128 bits that differ where keys do.
  Work work;
  for (const char c : evaluation_key) {
    work.high = (work.high ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    work.low = (work.low + static_cast<unsigned char>(c) + 1) * 0x9e3779b97f4a7c15;
  }
  return work;
}

std::optional<int64_t> StudyState::First(const std::set<int64_t>& numbers) {
  if (numbers.empty()) return std::nullopt;
  return *numbers.begin();
}

void StudyState::Open(const TrialRecord& trial) {
  open_.insert(trial.number);
  open_by_work_[WorkOf(trial.evaluation_key)].push_back(trial.number);
  // Found by number from here on, but it may not be in trials_ yet.
  const auto& same = open_by_work_[WorkOf(trial.evaluation_key)];
  if (same.size() == 1 && trial.state == v1::TRIAL_QUEUED) to_train_.insert(trial.number);
  if (trial.state == v1::TRIAL_WAITING) to_measure_.insert(trial.number);
}

void StudyState::Close(const TrialRecord& trial) {
  open_.erase(trial.number);
  to_train_.erase(trial.number);
  to_measure_.erase(trial.number);
  auto it = open_by_work_.find(WorkOf(trial.evaluation_key));
  it->second.erase(std::find(it->second.begin(), it->second.end(), trial.number));
  if (it->second.empty()) {
    open_by_work_.erase(it);
  } else {
    UpdateReady(trial);
  }
}

// Of one work only one trial is under way: the first that is open.
void StudyState::UpdateReady(const TrialRecord& trial) {
  const auto set = [](std::set<int64_t>& numbers, int64_t number, bool in) {
    if (in) {
      numbers.insert(number);
    } else {
      numbers.erase(number);
    }
  };
  const auto& same = open_by_work_.at(WorkOf(trial.evaluation_key));
  for (size_t i = 0; i < same.size(); ++i) {
    const v1::TrialState state = At(same[i]).record.state;
    set(to_train_, same[i], i == 0 && state == v1::TRIAL_QUEUED);
    set(to_measure_, same[i], state == v1::TRIAL_WAITING);
  }
}

void StudyState::NoteResult(const TrialRecord& trial) {
  if (!HasResult(trial)) return;
  int64_t& first = results_[WorkOf(trial.evaluation_key)];
  if (first == 0) first = trial.number;
}

void StudyState::Judge(TrialRecord& trial) {
  if (trial.state == v1::TRIAL_FAILED && !trial.known) failures_.push_back(trial.reason);
  if (trial.state != v1::TRIAL_SUCCEEDED) {
    Drop(std::exchange(trial.checkpoint, ""));
    return;
  }
  failures_.clear();
  if (IsFeasible(*spec_, trial.metrics)) UpdateFront(trial);
  if (!trial.on_front) DropCheckpoint(trial);
}

void StudyState::UpdateFront(TrialRecord& trial) {
  std::vector<double> values = ObjectiveValues(*spec_, trial.metrics);
  UpdateReference(values);
  std::vector<int64_t> before;
  for (const Front::Point& point : front_.points()) before.push_back(point.id);
  trial.on_front = front_.Insert({trial.number, std::move(values)});
  if (!trial.on_front && feasible_ > kReferenceTrials) return;
  std::set<int64_t> after;
  for (const Front::Point& point : front_.points()) after.insert(point.id);
  for (int64_t id : before) {
    if (after.contains(id)) continue;
    Entry& entry = At(id);
    entry.record.on_front = false;
    MarkDirty(entry);
    DropCheckpoint(entry.record);
  }
  if (!record_.reference.empty()) {
    record_.hypervolume = ScaledHypervolume(spec_->objectives, front_, record_.reference);
  }
}

void StudyState::UpdateReference(const std::vector<double>& values) {
  if (feasible_ > kReferenceTrials) return;
  if (++feasible_ > kReferenceTrials) return;
  if (worst_.empty()) worst_ = values;
  for (size_t i = 0; i < values.size(); ++i) worst_[i] = std::min(worst_[i], values[i]);
  if (feasible_ == kReferenceTrials && spec_->objectives.size() > 1) record_.reference = worst_;
}

// A search keeps the networks of its front; a retraining keeps all.
void StudyState::DropCheckpoint(TrialRecord& trial) {
  if (!spec_->test) Drop(std::exchange(trial.checkpoint, ""));
}

void StudyState::MarkDirty(Entry& entry) {
  if (entry.dirty) return;
  entry.dirty = true;
  dirty_trials_.push_back(entry.record.number);
}

v1::Event& StudyState::AddEvent(EventKind kind, int64_t trial, absl::Time now) {
  EventRecord& record = events_.emplace_back();
  record.study = record_.id;
  record.number = record_.event;
  record.kind = kind;
  record.trial = trial;
  if (HasRow(kind)) {
    record.event.set_number(record_.event);
    *record.event.mutable_time() = ToProto(now);
  }
  return record.event;
}

void StudyState::SetSuccessor(absl::string_view name) {
  record_.successor = std::string(name);
  dirty_ = true;
}

void StudyState::SetContinues(absl::string_view name) {
  record_.continues = std::string(name);
  dirty_ = true;
}

const TrialRecord* StudyState::Find(int64_t number) const {
  const auto it = trials_.find(number);
  return it == trials_.end() ? nullptr : &it->second->record;
}

std::vector<int64_t> StudyState::OpenWith(absl::string_view evaluation_key) const {
  const auto it = open_by_work_.find(WorkOf(evaluation_key));
  if (it == open_by_work_.end()) return {};
  return {it->second.begin(), it->second.end()};
}

bool StudyState::IsKnown(absl::string_view evaluation_key) const {
  return results_.contains(WorkOf(evaluation_key));
}

std::optional<int64_t> StudyState::ResultOf(absl::string_view evaluation_key) const {
  const auto it = results_.find(WorkOf(evaluation_key));
  if (it == results_.end() || it->second == 0) return std::nullopt;
  return it->second;
}

std::string StudyState::CommonestFailure() const {
  std::map<std::string, int> counts;
  for (const std::string& reason : failures_) ++counts[reason];
  const auto it = std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
    return a.second < b.second;
  });
  return it == counts.end() ? "" : it->first;
}

void StudyState::TakeChanges(Batch& batch, std::vector<std::string>& dropped) {
  if (dirty_) {
    batch.studies.push_back(record_);
    record_.text.clear();  // is written once
  }
  std::sort(dirty_trials_.begin(), dirty_trials_.end());
  for (int64_t number : dirty_trials_) {
    const auto it = trials_.find(number);
    TrialRecord& trial = it->second->record;
    it->second->dirty = false;
    if (trial.IsOpen() || trial.on_front) {
      batch.trials.push_back(trial);
    } else {
      batch.trials.push_back(std::move(trial));
      trials_.erase(it);
    }
  }
  const auto move = [](auto& from, auto& to) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    from.clear();
  };
  move(events_, batch.events);
  move(attempts_, batch.attempts);
  move(dropped_, dropped);
  dirty_ = false;
  dirty_trials_.clear();
}

}  // namespace cambrian
