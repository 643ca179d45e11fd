// From the server's answers to jobs for evaluators: the part of the agent that begins work.
#include <filesystem>
#include <map>
#include <system_error>

#include "common/base/status.h"
#include "common/base/version.h"
#include "spdlog/spdlog.h"
#include "worker/agent/agent.h"
#include "worker/agent/job.h"

namespace cambrian {
namespace {

namespace fs = std::filesystem;

}  // namespace

absl::Status Agent::TakeAnswer(const v1::Assignments& answer) {
  if (answer.protocol() != kWireProtocol) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the server (version ", answer.version(), ") speaks wire protocol ", answer.protocol(),
        ", this worker (version ", kVersion, ") speaks ", kWireProtocol, ": the ",
        answer.protocol() < kWireProtocol ? "server" : "worker", " is too old"));
  }
  MutexLock one_at_a_time(&answer_mutex_);
  std::map<std::string, StudyCache::Study> studies;
  for (const v1::Assignment& assignment : answer.assignments()) {
    if (assignment.stop()) continue;
    const auto study = studies_.Get(assignment.study());
    if (!study.ok()) return Annotate(study.status(), absl::StrCat("study ", assignment.study()));
    studies.insert_or_assign(assignment.study(), *study);
  }
  AssignmentTable::Changes changes;
  {
    MutexLock lock(&mutex_);
    if (Ending()) return absl::OkStatus();
    changes = table_.Apply(answer);
  }
  for (const v1::Assignment& assignment : changes.stop) pool_->Stop(JobName(assignment));
  for (const v1::Assignment& assignment : changes.start) {
    Begin(assignment, studies.at(assignment.study()));
  }
  return absl::OkStatus();
}

void Agent::Begin(const v1::Assignment& assignment, const StudyCache::Study& study) {
  if (assignment.checkpoint().empty() || assignment.work() == v1::WORK_MEASURE) {
    return BeginFrom(assignment, study);
  }
  downloads_->Run([this, assignment, study] { BeginFrom(assignment, study); });
}

void Agent::BeginFrom(const v1::Assignment& assignment, const StudyCache::Study& study) {
  const std::string folder = FolderOf(assignment.token());
  std::error_code error;
  fs::remove_all(folder, error);
  fs::create_directory(folder, error);
  JobSettings settings{folder, options_.offer, options_.checkpoint_interval};
  if (!assignment.checkpoint().empty() && assignment.work() != v1::WORK_MEASURE) {
    const std::string path = folder + "/resume";
    const absl::Status fetched = states_->Fetch(assignment.checkpoint(), path);
    if (fetched.ok()) settings.checkpoint = path;
    if (!fetched.ok()) {
      spdlog::warn("{}: begins anew: {}", assignment.assignment(), fetched.ToString());
    }
  }
  absl::StatusOr<EvaluatorPool::Job> job =
      error        ? absl::InternalError(absl::StrCat(folder, ": ", error.message()))
      : study.ok() ? MakeJob(**study, assignment, settings)
                   : study.status();
  if (absl::IsNotFound(job.status()) || absl::IsPermissionDenied(job.status())) {
    return GiveBack(assignment, job.status());
  }
  EvaluatorOutcome outcome;
  outcome.assignment = JobName(assignment);
  if (job.ok()) {
    MutexLock lock(&mutex_);
    // The pool knows nothing to stop before it has the job: under the lock, one comes after the
    // other.
    if (table_.Wanted(assignment.token())) return pool_->Start(*std::move(job));
    outcome.error = evaluator::Error::Kind::kStopped;
    outcome.reason = "stopped";
  } else {
    outcome.error = absl::IsFailedPrecondition(job.status()) ? evaluator::Error::Kind::kInfeasible
                                                             : evaluator::Error::Kind::kFailed;
    outcome.reason = std::string(job.status().message());
  }
  OnEnd(outcome, absl::ZeroDuration());
}

void Agent::GiveBack(const v1::Assignment& assignment, const absl::Status& why) {
  spdlog::warn("{}: handed back: {}", assignment.assignment(), std::string(why.message()));
  std::error_code ignored;
  fs::remove_all(FolderOf(assignment.token()), ignored);
  MutexLock lock(&mutex_);
  if (!table_.GiveBack(assignment.token())) {
    // It is being stopped, or the worker leaves: its end is what that makes of it.
    EvaluatorOutcome outcome;
    outcome.assignment = JobName(assignment);
    outcome.error = evaluator::Error::Kind::kStopped;
    outcome.reason = std::string(why.message());
    ended_.push_back({outcome, absl::ZeroDuration()});
  } else {
    v1::HandBack& hand_back = hand_backs_.emplace_back();
    hand_back.set_assignment(assignment.assignment());
    hand_back.set_token(assignment.token());
    hand_back.set_reason(std::string(why.message()));
    hand_back.set_unable(true);
  }
  news_.SignalAll();
}

std::string Agent::FolderOf(int64_t token) const {
  return absl::StrCat(options_.folder, "/trials/", token);
}

}  // namespace cambrian
