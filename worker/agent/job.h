// From an assignment to what an evaluator is told, and from its outcome to a completion.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cambrian/v1/worker_service.pb.h"
#include "common/spec/study_spec.h"
#include "worker/agent/offer.h"
#include "worker/evaluator/evaluator_pool.h"

namespace cambrian {

// The name of an assignment's job: one for every attempt.
std::string JobName(const v1::Assignment& assignment);
// The token in it, or 0.
int64_t TokenOf(absl::string_view job_name);

// What the worker adds to an assignment. Plain data.
struct JobSettings {
  std::string folder;      // the job's own
  WorkerOffer offer = {};  // where the data lie
  absl::Duration checkpoint_interval = absl::ZeroDuration();
  std::string checkpoint = {};  // a file to go on from; empty: from the start
};

// Lowers the architecture, resolves its recipe and finds the data, which measuring does not need.
// \error kFailedPrecondition: this candidate cannot work; kInvalidArgument: the assignment does not
// suit the study; kNotFound, kPermissionDenied: this worker cannot do this study.
absl::StatusOr<EvaluatorPool::Job> MakeJob(const StudySpec& study, const v1::Assignment& assignment,
                                           const JobSettings& settings);

v1::Completion MakeCompletion(const v1::Assignment& assignment, const EvaluatorOutcome& outcome,
                              absl::Duration busy);

}  // namespace cambrian
