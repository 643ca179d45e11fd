// Which architectures `warm_start: {study: …}` means: looked up once, when the study is handed in,
// and written into its text. So what is stored is complete, whatever becomes of the other study.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "common/spec/study_spec.h"
#include "server/study/queries.h"
#include "server/study/scope.h"
#include "server/study/study_reader.h"

namespace cambrian {

// `study` itself if it leaves nothing to look up; else with the best trials so far of the study
// that it names. Those are the ones that succeeded, are feasible, and are architectures of this
// space, in the order of merit as the strategies know it, by the objectives and constraints of
// `study`; by those of the other study where no trial of it has all of these metrics. What is the
// same work in `study` counts once, and what cannot work there is left out.
//
// Thread-safe; reads the store and may block. \error kNotFound, kInvalidArgument for the name;
// kFailedPrecondition if there is no such trial, with the reason. All begin with
// "warm_start.study: ".
absl::StatusOr<std::shared_ptr<const StudySpec>> LookUpWarmStart(
    const Scope& scope, std::shared_ptr<const StudySpec> study, const Queries& queries,
    const StudyReader& reader);

}  // namespace cambrian
