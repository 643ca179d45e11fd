// The one decision loop: everything that happens to studies, trials and leases happens here.
//
// Requests are handed over from any thread and wait. `RunOnce` takes all that wait, decides in
// memory, commits what the group changed in one transaction, and only then answers. If a commit
// fails, memory is dropped and rebuilt from the store, and the group is answered UNAVAILABLE.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cambrian/v1/study_service.pb.h"
#include "cambrian/v1/worker_service.pb.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/spec/study_spec.h"
#include "server/store/interface.h"
#include "server/study/lease_manager.h"
#include "server/study/study.h"
#include "server/study/study_reader.h"
#include "server/study/worker_table.h"

namespace cambrian {

// What the coordinator tells the world after a commit. Called on the decision loop: must not block.
struct CoordinatorListener {
  std::function<void(int64_t study)> on_events = [](int64_t) {};
  // Checkpoints that no trial has any longer.
  std::function<void(std::vector<std::string>)> on_unused = [](std::vector<std::string>) {};
};

class Coordinator {
 public:
  struct Options {
    LeaseManager::Options leases;
    Study::Options studies;
    absl::Duration hang = absl::Seconds(15);  // how long a Poll without news waits
  };

  // `store` and `clock` outlive it.
  Coordinator(Options options, TrialStore& store, const Clock& clock, StudyReader reader,
              CoordinatorListener listener);

  // Thread-safe: these hand over and return. Names of studies are complete.
  void Poll(v1::PollRequest request, Answer<v1::Assignments> answer, std::function<bool()> gone);
  void Report(v1::ReportRequest request, Answer<v1::Assignments> answer);
  // The same request_id again gives the same study.
  void CreateStudy(std::shared_ptr<const StudySpec> spec, std::string request_id,
                   Answer<v1::Study> answer);
  void CancelStudy(std::string name, Answer<v1::Study> answer);
  void ExtendStudy(std::string name, int64_t trials, Answer<v1::Study> answer);
  void DeleteStudy(std::string name, Answer<v1::DeleteStudyResponse> answer);
  void ListWorkers(Answer<v1::ListWorkersResponse> answer);
  // Answers the Polls that hang, and all later ones at once: the server is going down.
  void Drain();

  // The decision loop's thread only. Returns when to run again at the latest, in monotonic time.
  absl::Duration RunOnce();
  // Blocks until something waits, or until monotonic time `until`.
  void WaitForWork(absl::Duration until);
  // Makes WaitForWork return.
  void Wake();

 private:
  // A request that waits. `handle` decides; its answer goes into `replies_`.
  struct Request {
    std::function<void()> handle;
    std::function<void(const absl::Status&)> fail;
  };
  // An answer that waits for the commit.
  struct Reply {
    std::function<void()> send;
    std::function<void(const absl::Status&)> fail;
  };

  // What waits for work, commits and the worker's answer (coordinator.cc).
  void HandOver(Request request);
  template <typename T>
  void ReplyWith(Answer<T> answer, absl::StatusOr<T> value);
  void Decide();
  absl::Status Commit();
  void AnswerGroup();
  void FailGroup(const absl::Status& status);
  absl::Status Rebuild();
  absl::Status LoadStudy(const StudyRecord& record);
  absl::Duration NextRun() const;

  // Workers (coordinator_workers.cc).
  void HandlePoll(const v1::PollRequest& request, Answer<v1::Assignments> answer,
                  std::function<bool()> gone);
  void HandleReport(const v1::ReportRequest& request, Answer<v1::Assignments> answer);
  void HandleProgress(const v1::ProgressReport& progress);
  void HandleCompletion(const v1::Completion& completion);
  void HandleHandBack(const v1::HandBack& hand_back);
  void ExpireLeases();
  void Lose(const Lease& lease);
  void GrantWork();
  bool GrantOne(Worker& worker, std::set<int64_t>& without_work);
  void ReleaseCancelled(Study& study);
  void AnswerPolls();
  v1::Assignments AssignmentsOf(const Worker& worker, const std::vector<int64_t>& settled) const;
  void ListWorkersInto(v1::ListWorkersResponse& response) const;
  // The active study and the trial's number, or null.
  Study* FindAssignment(absl::string_view assignment, int64_t& trial);

  // Studies (coordinator_studies.cc).
  absl::StatusOr<v1::Study> Create(std::shared_ptr<const StudySpec> spec,
                                   const std::string& request_id, absl::string_view parent);
  absl::StatusOr<v1::Study> Cancel(const std::string& name);
  absl::StatusOr<v1::Study> Extend(const std::string& name, int64_t trials);
  absl::StatusOr<v1::DeleteStudyResponse> Delete(const std::string& name);
  absl::StatusOr<Study*> FindOrLoad(const std::string& name);
  void SettleStudies();
  void StartRetraining(Study& study);
  absl::StatusOr<std::string> CreateRetraining(const Study& study);

  const Options options_;
  TrialStore& store_;
  const Clock& clock_;
  const StudyReader reader_;
  const CoordinatorListener listener_;

  Mutex mutex_;
  CondVar work_;
  std::deque<Request> inbox_ ABSL_GUARDED_BY(mutex_);
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;

  // All below belongs to the decision loop.
  bool loaded_ = false;
  bool draining_ = false;
  bool again_ = false;  // there is more to decide right away
  absl::Duration retry_at_;
  absl::Time wall_;
  absl::Duration now_;
  int64_t epoch_ = 0;
  int64_t commits_ = 0;
  int64_t grants_ = 0;
  int64_t last_study_ = 0;
  std::map<int64_t, std::unique_ptr<Study>> studies_;  // active ones; ended ones till the commit
  std::map<std::string, int64_t> names_;               // of all studies
  std::map<std::string, std::string> requests_;        // request_id → name
  std::map<int64_t, int64_t> last_grant_;              // by study
  std::unique_ptr<LeaseManager> leases_;
  std::unique_ptr<WorkerTable> workers_;

  // The group that is being decided.
  Batch batch_;
  std::vector<Reply> replies_;
  std::set<std::string> reporting_;  // workers that are answered in this group
  std::vector<std::string> unused_;  // checkpoints that may be unused once it is committed
  absl::Status failure_;             // the store failed while deciding
};

}  // namespace cambrian
