// From an assignment to what an evaluator is told, and from its outcome to a completion.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cambrian/v1/worker_service.pb.h"
#include "common/spec/study_spec.h"
#include "worker/evaluator/evaluator_pool.h"

namespace cambrian {

// The name of an assignment's job: one for every attempt.
std::string JobName(const v1::Assignment& assignment);
// The token in it, or 0.
int64_t TokenOf(absl::string_view job_name);

// Lowers the architecture and resolves its recipe. `folder` is the job's own.
// \error kFailedPrecondition: this candidate cannot work; kInvalidArgument: the assignment does not
// suit the study.
absl::StatusOr<EvaluatorPool::Job> MakeJob(const StudySpec& study, const v1::Assignment& assignment,
                                           const std::string& folder);

v1::Completion MakeCompletion(const v1::Assignment& assignment, const EvaluatorOutcome& outcome,
                              absl::Duration busy);

}  // namespace cambrian
