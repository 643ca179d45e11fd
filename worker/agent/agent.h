// A worker's agent: takes assignments from a server, has them evaluated, delivers what comes out.
#pragma once

#include <deque>
#include <map>
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
#include "worker/agent/device_use.h"
#include "worker/agent/offer.h"
#include "worker/agent/outbox.h"
#include "worker/agent/server_client.h"
#include "worker/agent/state_files.h"
#include "worker/agent/study_cache.h"
#include "worker/agent/task_thread.h"
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
    WorkerOffer offer;
    DeviceWatch::Options watch = {};  // its devices are the pool's
    // How often evaluators write states that another worker could go on from; zero: never.
    absl::Duration checkpoint_interval = absl::ZeroDuration();
    absl::Duration report_interval = absl::Milliseconds(200);  // between reports of progress
    absl::Duration first_retry = absl::Milliseconds(100);
    absl::Duration last_retry = absl::Seconds(10);
    absl::Duration farewell = absl::Seconds(5);  // to hand leases back to a server that is away
    absl::Duration farewell_upload = absl::Seconds(20);  // to upload each state before that
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
  void Keep(const v1::Assignment& assignment, const Ended& ended, const std::string& checkpoint);
  // Moves the file that goes with an outcome to where it outlives the job's folder. Empty: none.
  std::string CheckpointOf(const v1::Assignment& assignment, const EvaluatorOutcome& outcome,
                           AssignmentTable::Ending ending);
  void UploadCheckpoints();
  // Uploads the states that go with hand-backs, which then can be sent.
  void UploadLeft();
  void OnDevices(const std::vector<v1::DeviceUse>& devices);
  // The state of a training is on the server.
  void OnUploaded(int64_t token, const std::string& sha256);
  // Sends everything that waits. Returns whether the server has taken it all.
  bool SendReport();
  void Leave();

  // Brings evaluators in line with the server's set. \error if a study could not be fetched: then
  // the set is not applied, and the next one will be.
  absl::Status TakeAnswer(const v1::Assignments& answer);
  // Where it goes on from a checkpoint, once that is here: this does not wait for it.
  void Begin(const v1::Assignment& assignment, const StudyCache::Study& study);
  void BeginFrom(const v1::Assignment& assignment, const StudyCache::Study& study);
  // This worker cannot do it.
  void GiveBack(const v1::Assignment& assignment, const absl::Status& why);
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

  // Only the thread that reports.
  std::unique_ptr<Outbox> outbox_;
  std::vector<std::pair<v1::HandBack, std::string>> left_;  // with the file to upload before

  // One answer is applied at a time.
  Mutex answer_mutex_;
  StudyCache studies_ ABSL_GUARDED_BY(answer_mutex_);

  Mutex mutex_ ABSL_ACQUIRED_AFTER(answer_mutex_);
  CondVar news_;
  AssignmentTable table_ ABSL_GUARDED_BY(mutex_);
  std::deque<Ended> ended_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::ProgressReport> progress_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, v1::Progress> latest_ ABSL_GUARDED_BY(mutex_);  // of what runs, by token
  std::vector<v1::HandBack> hand_backs_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::DeviceUse> devices_ ABSL_GUARDED_BY(mutex_);  // not reported yet
  std::optional<Manner> leaving_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);

  // Thread-safe; they end first, the downloads before the pool that they start jobs in.
  std::unique_ptr<StateFiles> states_;
  std::unique_ptr<EvaluatorPool> pool_;
  std::unique_ptr<TaskThread> downloads_;
  std::unique_ptr<DeviceWatch> watch_;
};

}  // namespace cambrian
