#include "worker/agent/job.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "common/base/status.h"
#include "common/wire/convert.h"

namespace cambrian {
namespace {

constexpr size_t kMaxReasonBytes = 4 << 10;

v1::OutcomeKind OutcomeOf(const std::optional<evaluator::Error::Kind>& error) {
  if (!error) return v1::OUTCOME_SUCCEEDED;
  switch (*error) {
    case evaluator::Error::Kind::kInfeasible:
      return v1::OUTCOME_INFEASIBLE;
    case evaluator::Error::Kind::kData:
      return v1::OUTCOME_BAD_DATA;
    case evaluator::Error::Kind::kMemory:
      return v1::OUTCOME_OUT_OF_MEMORY;
    case evaluator::Error::Kind::kStopped:
      return v1::OUTCOME_STOPPED;
    case evaluator::Error::Kind::kFailed:
      return v1::OUTCOME_FAILED;
    case evaluator::Error::Kind::kCrashed:
      return v1::OUTCOME_CRASHED;
  }
  return v1::OUTCOME_FAILED;
}

// At most what a server takes, not cut inside of a character.
std::string Shortened(const std::string& text) {
  if (text.size() <= kMaxReasonBytes) return text;
  size_t end = kMaxReasonBytes;
  while (end > 0 && (text[end] & 0xC0) == 0x80) --end;
  return text.substr(0, end) + " …";
}

}  // namespace

std::string JobName(const v1::Assignment& assignment) {
  return absl::StrCat(assignment.assignment(), "#", assignment.token());
}

int64_t TokenOf(absl::string_view job_name) {
  int64_t token = 0;
  const size_t at = job_name.rfind('#');
  if (at == absl::string_view::npos || !absl::SimpleAtoi(job_name.substr(at + 1), &token)) return 0;
  return token;
}

absl::StatusOr<EvaluatorPool::Job> MakeJob(const StudySpec& study, const v1::Assignment& assignment,
                                           const JobSettings& settings) {
  const nlohmann::json decisions =
      nlohmann::json::parse(assignment.architecture(), nullptr, /*allow_exceptions=*/false);
  if (decisions.is_discarded()) return absl::InvalidArgumentError("the architecture is no JSON");
  ASSIGN_OR_RETURN(const Architecture architecture, study.space->FromJson(decisions));
  ASSIGN_OR_RETURN(const Recipe recipe, study.RecipeFor(architecture));
  if (!study.data.task) return absl::InvalidArgumentError("the study does not describe its data");
  EvaluatorPool::Job job;
  if (!study.estimator.table) {
    const absl::StatusOr<Network> network = study.space->Lower(architecture, *study.data.task);
    if (!network.ok()) return absl::FailedPreconditionError(network.status().message());
    job.start.network = ToJson(*network);
  }
  job.evaluator = study.estimator.evaluator;
  job.start.assignment = JobName(assignment);
  job.start.architecture = study.space->ToJson(architecture);
  job.start.recipe = ToJson(recipe);
  job.start.train = assignment.work() != v1::WORK_MEASURE;
  DataSpec data = study.data;
  if (job.start.train) {
    ASSIGN_OR_RETURN(data.path, FindData(data, settings.offer));
    data.root.clear();  // its path says all
  }
  job.start.data = data.ToJson();
  // A table is read by the study's space, and by what the study makes of its columns.
  if (study.estimator.table) job.start.data["study"] = study.text;
  job.start.share = study.estimator.share;
  job.start.seed = assignment.seed();
  job.start.split_seed = study.seed;
  job.start.test = study.test && job.start.train;
  job.start.checkpoint = settings.checkpoint;
  job.start.checkpoint_seconds = absl::ToDoubleSeconds(settings.checkpoint_interval);
  if (study.latency && assignment.work() != v1::WORK_TRAIN) {
    job.device = study.latency->device;
    job.start.latency = evaluator::MeasureLatency{.batch = study.latency->batch,
                                                  .threads = study.latency->threads,
                                                  .runs = study.latency->runs};
  }
  job.start.folder = settings.folder;
  return job;
}

v1::Completion MakeCompletion(const v1::Assignment& assignment, const EvaluatorOutcome& outcome,
                              absl::Duration busy) {
  v1::Completion completion;
  completion.set_assignment(assignment.assignment());
  completion.set_token(assignment.token());
  completion.set_outcome(OutcomeOf(outcome.error));
  completion.set_reason(Shortened(outcome.reason));
  ToProto(outcome.metrics, completion.mutable_metrics());
  completion.set_seconds(absl::ToDoubleSeconds(busy));
  completion.set_log(outcome.log);
  return completion;
}

}  // namespace cambrian
