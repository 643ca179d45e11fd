// A worker's agent: takes assignments from a server, has them evaluated, delivers what comes out.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cambrian/v1/worker_service.pb.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "worker/agent/assignment_table.h"
#include "worker/agent/backoff.h"
#include "worker/agent/outbox.h"
#include "worker/agent/server_client.h"
#include "worker/agent/study_cache.h"
#include "worker/evaluator/evaluator_pool.h"

namespace cambrian {

// Two threads talk to the server: one keeps a Poll hanging, which brings assignments and renews
// leases; the other reports. Both are answered with the complete set of assignments. A server that
// is away is waited for; meanwhile evaluators work on and results stay in the outbox on disk.
class Agent : public EvaluatorPool::Listener {
 public:
  struct Options {
    std::string name;    // the same after a restart in the same folder
    std::string folder;  // this worker's alone
    EvaluatorPool::Options pool;
    absl::Duration report_interval = absl::Milliseconds(200);  // between reports of progress
    absl::Duration first_retry = absl::Milliseconds(100);
    absl::Duration last_retry = absl::Seconds(10);
    absl::Duration farewell = absl::Seconds(5);  // to hand leases back to a server that is away
  };

  // Both must outlive the agent.
  Agent(Options options, ServerClient& server, const Clock& clock);
  ~Agent() override;

  // Works until Shutdown(), then OK.
  // \error kFailedPrecondition: server and worker do not understand each other; kInternal: the
  // folder cannot be used.
  absl::Status Run();

  enum class Manner {
    kOrderly,  // what runs is stopped and its lease handed back
    kAtOnce    // evaluators are killed, nobody is told
  };
  // Ends Run(). Thread-safe; returns at once; a second call may be in more of a hurry.
  void Shutdown(Manner manner);

 private:
  struct Ended {
    EvaluatorOutcome outcome;
    absl::Duration busy;
  };

  void OnProgress(const evaluator::Progress& progress) override;
  void OnEnd(const EvaluatorOutcome& outcome, absl::Duration busy) override;

  void PollLoop();
  void ReportLoop();
  // Waits until there is something to report and it is time, or the agent ends.
  void AwaitNews(absl::Duration not_before);
  // Moves what has ended into the outbox or the hand-backs.
  void CollectEnded();
  void Keep(const v1::Assignment& assignment, const Ended& ended);
  void UploadCheckpoints();
  // Sends everything that waits. Returns whether the server has taken it all.
  bool SendReport();
  void Leave();

  // Brings evaluators in line with the server's set. \error if a study could not be fetched: then
  // the set is not applied, and the next one will be.
  absl::Status TakeAnswer(const v1::Assignments& answer);
  void Begin(const v1::Assignment& assignment, const StudyCache::Study& study);
  std::string FolderOf(int64_t token) const;
  // Waits; cut short when the agent ends.
  void Pause(absl::Duration wait);
  void Fail(absl::Status status);
  bool Ending() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return leaving_.has_value() || !failure_.ok();
  }

  const Options options_;
  const v1::WorkerIdentity identity_;
  ServerClient& server_;
  const Clock& clock_;

  std::unique_ptr<Outbox> outbox_;  // only the thread that reports

  // One answer is applied at a time.
  Mutex answer_mutex_;
  StudyCache studies_ ABSL_GUARDED_BY(answer_mutex_);

  Mutex mutex_ ABSL_ACQUIRED_AFTER(answer_mutex_);
  CondVar news_;
  AssignmentTable table_ ABSL_GUARDED_BY(mutex_);
  std::deque<Ended> ended_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::ProgressReport> progress_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::HandBack> hand_backs_ ABSL_GUARDED_BY(mutex_);
  std::optional<Manner> leaving_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);

  std::unique_ptr<EvaluatorPool> pool_;  // thread-safe; last, so that it ends first
};

}  // namespace cambrian
