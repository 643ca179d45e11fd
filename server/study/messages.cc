#include "server/study/messages.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/wire/convert.h"

namespace cambrian {

namespace {

void FillConstant(const TrialRecord& record, absl::string_view study_name, v1::Trial& trial) {
  trial.set_study(std::string(study_name));
  trial.set_architecture(record.architecture);
  trial.set_canonical_key(record.canonical_key);
  trial.set_origin(record.origin);
}

}  // namespace

v1::Study ToMessage(const StudyRecord& record) {
  v1::Study study;
  study.set_name(record.name);
  study.set_text(record.text);
  study.set_state(record.state);
  study.set_reason(record.reason);
  *study.mutable_created() = ToProto(record.created);
  if (record.ended) *study.mutable_ended() = ToProto(*record.ended);
  *study.mutable_elapsed() = ToProto(record.elapsed);
  study.set_tenant(record.tenant);
  study.set_parent(record.parent);
  study.set_continues(record.continues);
  study.set_successor(record.successor);
  study.set_trials(record.trials);
  study.set_queued(record.queued);
  study.set_running(record.running);
  study.set_succeeded(record.succeeded);
  study.set_infeasible(record.infeasible);
  study.set_failed(record.failed);
  study.set_cancelled(record.cancelled);
  study.set_known(record.known);
  study.set_trial_budget(record.trial_budget);
  if (record.time_budget != absl::InfiniteDuration()) {
    *study.mutable_time_budget() = ToProto(record.time_budget);
  }
  study.set_device_seconds(record.device_seconds);
  study.set_event(record.event);
  study.set_hypervolume(record.hypervolume);
  return study;
}

void FillChanging(const TrialRecord& record, v1::Trial& trial) {
  trial.set_number(record.number);
  trial.set_state(record.state);
  trial.set_reason(record.reason);
  ToProto(record.metrics, trial.mutable_metrics());
  *trial.mutable_created() = ToProto(record.created);
  if (record.started) *trial.mutable_started() = ToProto(*record.started);
  if (record.ended) *trial.mutable_ended() = ToProto(*record.ended);
  trial.set_attempts(record.attempts);
  trial.set_worker(record.worker);
  trial.set_same_as(record.same_as);
  if (record.progress.step() > 0) *trial.mutable_progress() = record.progress;
  trial.set_checkpoint(record.checkpoint);
  trial.set_on_front(record.on_front);
  trial.set_measuring(record.trained && record.IsOpen());
}

v1::Trial ToMessage(const TrialRecord& record, absl::string_view study_name) {
  v1::Trial trial;
  FillChanging(record, trial);
  FillConstant(record, study_name, trial);
  return trial;
}

v1::Event ToMessage(const EventRecord& record, const TrialRecord* trial,
                    absl::string_view study_name) {
  v1::Event event = record.event;
  event.set_number(record.number);
  if (trial == nullptr) return event;
  v1::Trial& message = *event.mutable_trial();
  if (record.kind == EventKind::kProposed) {
    *event.mutable_time() = ToProto(trial->created);
    if (trial->IsOpen()) {
      FillChanging(*trial, message);
    } else {
      message.set_number(trial->number);
      message.set_state(v1::TRIAL_QUEUED);
      *message.mutable_created() = event.time();
    }
  } else if (record.kind == EventKind::kEnded) {
    *event.mutable_time() = ToProto(trial->ended.value_or(trial->created));
    FillChanging(*trial, message);
    event.set_on_front(trial->on_front);
  }
  FillConstant(*trial, study_name, message);
  return event;
}

std::string FormatAssignment(absl::string_view study, int64_t trial) {
  return absl::StrCat(study, "/", trial);
}

absl::StatusOr<AssignmentName> ParseAssignment(absl::string_view text) {
  const size_t slash = text.rfind('/');
  AssignmentName name;
  if (slash == absl::string_view::npos || !absl::SimpleAtoi(text.substr(slash + 1), &name.trial) ||
      name.trial < 1) {
    return absl::InvalidArgumentError("an assignment is named STUDY/TRIAL");
  }
  name.study = std::string(text.substr(0, slash));
  return name;
}

}  // namespace cambrian
