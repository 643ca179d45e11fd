// Records for the suites of stores.
#pragma once

#include <cstdint>
#include <string>

#include "server/store/records.h"

namespace cambrian {

inline StudyRecord MakeStudy(int64_t id) {
  StudyRecord study;
  study.id = id;
  study.name = "study-" + std::to_string(id);
  study.request_id = "request-" + std::to_string(id);
  study.text = "text of " + std::to_string(id);
  study.created = absl::FromUnixMicros(1'700'000'000'123'456);
  study.trial_budget = 10;
  study.objective = {"loss", false};
  study.event = 1;
  return study;
}

inline TrialRecord MakeTrial(int64_t study, int64_t number) {
  TrialRecord trial;
  trial.study = study;
  trial.number = number;
  trial.architecture = R"({"a": "skip"})";
  trial.canonical_key = "c" + std::to_string(number);
  trial.evaluation_key = "e" + std::to_string(number);
  trial.origin = "random";
  trial.created = absl::FromUnixMicros(1'700'000'001'000'000);
  trial.proposed_event = number + 1;
  return trial;
}

inline EventRecord MakeEvent(int64_t study, int64_t number, int64_t trial) {
  EventRecord event;
  event.study = study;
  event.number = number;
  event.trial = trial;
  event.kind = trial == 0 ? EventKind::kState : EventKind::kProgress;
  event.event.set_number(number);
  if (trial == 0) {
    event.event.set_state(v1::ACTIVE);
  } else {
    event.event.mutable_trial()->set_number(trial);
  }
  return event;
}

inline AttemptRecord MakeAttempt(int64_t study, int64_t trial, int64_t token,
                                 const std::string& log) {
  AttemptRecord attempt;
  attempt.study = study;
  attempt.trial = trial;
  attempt.token = token;
  attempt.worker = "w";
  attempt.measures = token % 2 == 0;
  attempt.started = absl::FromUnixMicros(1'700'000'002'000'000);
  attempt.ended = absl::FromUnixMicros(1'700'000'003'000'001);
  attempt.end = v1::ATTEMPT_LOST;
  attempt.reason = "no word";
  attempt.seconds = 1.5;
  attempt.log = log;
  return attempt;
}

}  // namespace cambrian
