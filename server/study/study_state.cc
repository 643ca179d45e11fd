#include "server/study/study_state.h"

#include <algorithm>
#include <utility>

#include "common/wire/convert.h"
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

StudyState::StudyState(StudyRecord record, std::shared_ptr<const StudySpec> spec,
                       std::vector<TrialRecord> trials)
    : record_(std::move(record)), spec_(std::move(spec)), trials_(std::move(trials)) {
  dirty_ = record_.event == 0;
  std::vector<const TrialRecord*> ended;
  for (const TrialRecord& trial : trials_) {
    Index(trial);
    if (!trial.IsOpen()) ended.push_back(&trial);
  }
  std::sort(ended.begin(), ended.end(), [](const TrialRecord* a, const TrialRecord* b) {
    return a->ended_event < b->ended_event;
  });
  for (const TrialRecord* trial : ended) Judge(*trial);
  // Judging again what the store has judged changes no row.
  dirty_trials_.clear();
  dropped_checkpoints_.clear();
}

void StudyState::Apply(StudyEvent event) {
  ++record_.event;
  dirty_ = true;
  if (event.kind == EventKind::kState) {
    ApplyToStudy(event);
  } else {
    ApplyToTrial(std::move(event));
  }
}

void StudyState::ApplyToStudy(const StudyEvent& event) {
  record_.state = event.state;
  record_.reason = event.reason;
  record_.trial_budget = event.trial_budget;
  record_.ended = event.state == v1::ACTIVE ? std::nullopt : std::optional(event.time);
  Record(record_.event, event);
}

void StudyState::ApplyToTrial(StudyEvent event) {
  TrialRecord& trial = event.trial;
  trial.study = record_.id;
  if (event.kind == EventKind::kProposed) {
    trial.number = ++record_.trials;
    trial.created = event.time;
    trial.proposed_event = record_.event;
    trials_.emplace_back();
  } else {
    const TrialRecord& before = trials_[trial.number - 1];
    Count(before, -1);
    Unindex(before);
    record_.device_seconds += trial.seconds - before.seconds;
  }
  if (event.kind == EventKind::kEnded) {
    trial.ended = event.time;
    trial.ended_event = record_.event;
  }
  TrialRecord& after = trials_[trial.number - 1];
  after = trial;
  Count(after, 1);
  Index(after);
  dirty_trials_.insert(after.number);
  if (event.kind == EventKind::kEnded) Judge(after);
  event.trial = after;
  Record(record_.event, event);
}

void StudyState::Count(const TrialRecord& trial, int64_t by) {
  switch (trial.state) {
    case v1::TRIAL_QUEUED:
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

void StudyState::Index(const TrialRecord& trial) {
  if (trial.IsOpen()) {
    open_.insert(trial.number);
    open_by_key_[trial.evaluation_key].insert(trial.number);
  } else if (HasResult(trial)) {
    result_by_key_.try_emplace(trial.evaluation_key, trial.number);
  }
}

void StudyState::Unindex(const TrialRecord& trial) {
  if (!trial.IsOpen()) return;
  open_.erase(trial.number);
  auto it = open_by_key_.find(trial.evaluation_key);
  it->second.erase(trial.number);
  if (it->second.empty()) open_by_key_.erase(it);
}

void StudyState::Judge(const TrialRecord& trial) {
  if (trial.state == v1::TRIAL_FAILED) {
    failures_.push_back(trial.reason);
    return;
  }
  if (trial.state != v1::TRIAL_SUCCEEDED) return;
  failures_.clear();
  if (IsFeasible(*spec_, trial.metrics)) UpdateFront(trial);
  if (!trials_[trial.number - 1].on_front) DropCheckpoint(trial.number);
}

void StudyState::UpdateFront(const TrialRecord& trial) {
  const std::vector<double> values = ObjectiveValues(*spec_, trial.metrics);
  std::vector<int64_t> before;
  for (const Front::Point& point : front_.points()) before.push_back(point.id);
  trials_[trial.number - 1].on_front = front_.Insert({trial.number, values});
  for (int64_t id : before) {
    const bool stays = std::any_of(front_.points().begin(), front_.points().end(),
                                   [id](const Front::Point& point) { return point.id == id; });
    if (stays) continue;
    trials_[id - 1].on_front = false;
    dirty_trials_.insert(id);
    DropCheckpoint(id);
  }
  if (++feasible_ <= kReferenceTrials) {
    if (worst_.empty()) worst_ = values;
    for (size_t i = 0; i < values.size(); ++i) worst_[i] = std::min(worst_[i], values[i]);
    if (feasible_ == kReferenceTrials && spec_->objectives.size() > 1) record_.reference = worst_;
  }
  if (!record_.reference.empty()) {
    record_.hypervolume = ScaledHypervolume(spec_->objectives, front_, record_.reference);
  }
}

// A search keeps the networks of its front; a retraining keeps all.
void StudyState::DropCheckpoint(int64_t number) {
  std::string& checkpoint = trials_[number - 1].checkpoint;
  if (spec_->test || checkpoint.empty()) return;
  dropped_checkpoints_.push_back(std::move(checkpoint));
  checkpoint.clear();
}

void StudyState::Record(int64_t number, const StudyEvent& event) {
  EventRecord record;
  record.study = record_.id;
  record.number = number;
  record.kind = event.kind;
  record.trial = event.trial.number;
  record.event.set_number(number);
  *record.event.mutable_time() = ToProto(event.time);
  if (event.kind == EventKind::kState) {
    record.event.set_state(event.state);
  } else {
    v1::Trial& trial = *record.event.mutable_trial();
    trial = ToMessage(event.trial, "");
    trial.clear_architecture();
    trial.clear_canonical_key();
    trial.clear_origin();
    record.event.set_on_front(event.trial.on_front);
  }
  events_.push_back(std::move(record));
}

void StudyState::SetSuccessor(absl::string_view name) {
  record_.successor = std::string(name);
  dirty_ = true;
}

std::vector<int64_t> StudyState::OpenWith(absl::string_view evaluation_key) const {
  auto it = open_by_key_.find(evaluation_key);
  if (it == open_by_key_.end()) return {};
  return {it->second.begin(), it->second.end()};
}

bool StudyState::IsRunnable(int64_t number) const {
  if (trial(number).state != v1::TRIAL_QUEUED) return false;
  const std::vector<int64_t> same = OpenWith(trial(number).evaluation_key);
  return same.front() == number && std::none_of(same.begin(), same.end(), [&](int64_t other) {
           return trial(other).state == v1::TRIAL_RUNNING;
         });
}

std::optional<int64_t> StudyState::FirstRunnable() const {
  if (record_.queued == 0) return std::nullopt;
  for (int64_t number : open_) {
    if (IsRunnable(number)) return number;
  }
  return std::nullopt;
}

std::optional<int64_t> StudyState::ResultOf(absl::string_view evaluation_key) const {
  auto it = result_by_key_.find(evaluation_key);
  if (it == result_by_key_.end()) return std::nullopt;
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

void StudyState::TakeChanges(Batch& batch, std::vector<std::string>& dropped_checkpoints) {
  if (dirty_) {
    batch.studies.push_back(record_);
    record_.text.clear();  // is written once
  }
  for (int64_t number : dirty_trials_) batch.trials.push_back(trials_[number - 1]);
  for (EventRecord& event : events_) batch.events.push_back(std::move(event));
  for (std::string& checkpoint : dropped_checkpoints_) {
    dropped_checkpoints.push_back(std::move(checkpoint));
  }
  dirty_ = false;
  dirty_trials_.clear();
  events_.clear();
  dropped_checkpoints_.clear();
}

}  // namespace cambrian
