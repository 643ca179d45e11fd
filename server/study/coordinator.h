// The one decision loop: everything that happens to studies, trials and leases happens here.
//
// Requests are handed over from any thread and wait. `RunOnce` takes all that wait and decides in
// memory; what it changed is a group: one transaction, and only then the answers. Groups that are
// decided while another one is committed become one. If a commit fails, memory is dropped and
// rebuilt from the store, and all that waits is answered UNAVAILABLE.
//
// One coordinator is active on a store. Others stand by: they answer UNAVAILABLE and try each
// second to take over. The active one renews its epoch; if it cannot, it drops all and stands by.
//
// A group costs what it touches: the workers that speak or whose leases change, the studies that
// these concern, and as many waiting workers as there is work. Nothing walks over all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cambrian/v1/study_service.pb.h"
#include "cambrian/v1/worker_service.pb.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/spec/study_spec.h"
#include "server/store/interface.h"
#include "server/study/committer.h"
#include "server/study/lease_manager.h"
#include "server/study/observer.h"
#include "server/study/scheduler.h"
#include "server/study/scope.h"
#include "server/study/shared_results.h"
#include "server/study/study.h"
#include "server/study/study_reader.h"
#include "server/study/worker_table.h"

namespace cambrian {

class Coordinator {
 public:
  struct Options {
    LeaseManager::Options leases;
    Study::Options studies;
    absl::Duration hang = absl::Seconds(15);        // how long a Poll without news waits
    std::string holder = "server";                  // what the store knows this server by
    absl::Duration epoch_term = absl::Seconds(10);  // renewed every third of it
    // While the store is busy requests gather, as some of what a group costs is the same for one
    // and many: until it is free, they end so many trials, or the last were taken so long ago.
    int64_t gather_trials = 64;
    absl::Duration gather;
  };

  // `store`, `clock` and `observer`, which may be null, outlive it.
  Coordinator(Options options, TrialStore& store, const Clock& clock, StudyReader reader,
              CoordinatorListener listener, CoordinatorObserver* observer = nullptr);

  // Thread-safe: these hand over and return. Names of studies are complete, and unique over all
  // tenants; a study that `scope` does not see is not found.
  //
  // A worker of a tenant serves that tenant's studies only. Its name belongs to the scope that
  // introduced it. \error kPermissionDenied for another one
  void Poll(Scope scope, v1::PollRequest request, Answer<v1::Assignments> answer,
            std::function<bool()> gone);
  void Report(Scope scope, v1::ReportRequest request, Answer<v1::Assignments> answer);
  // The study belongs to the scope's tenant. The same request_id of a tenant again gives the same
  // study. With `continue_from` it begins with the ended trials of that study. \error
  // kFailedPrecondition if that one has not ended, or differs in space, objectives or data.
  void CreateStudy(Scope scope, std::shared_ptr<const StudySpec> spec, std::string request_id,
                   std::string continue_from, Answer<v1::Study> answer);
  void CancelStudy(Scope scope, std::string name, Answer<v1::Study> answer);
  void PauseStudy(Scope scope, std::string name, Answer<v1::Study> answer);
  void ResumeStudy(Scope scope, std::string name, Answer<v1::Study> answer);
  void ExtendStudy(Scope scope, std::string name, int64_t trials, Answer<v1::Study> answer);
  void DeleteStudy(Scope scope, std::string name, Answer<v1::DeleteStudyResponse> answer);
  // The scope's workers and those that serve everybody; of what they run, the scope's studies only.
  void ListWorkers(Scope scope, Answer<v1::ListWorkersResponse> answer);
  // Answers while standing by, too.
  void Inspect(Answer<CoordinatorStatus> answer);
  // Answers the Polls that hang, and all later ones at once: the server is going down.
  void Drain();

  // From now on groups are committed on a thread of their own; before, within `RunOnce`.
  void StartCommitter() { committer_.Start(); }

  // The decision loop's thread only. Returns when to run again at the latest, in monotonic time.
  absl::Duration RunOnce();
  // Blocks until something waits and has gathered, or until monotonic time `until`.
  void WaitForWork(absl::Duration until);
  // Makes WaitForWork return.
  void Wake();
  // Commits what is decided and ends this server's term, so that another may take over at once.
  // Call it last, on the decision loop's thread.
  void Retire();

 private:
  // A request that waits: decided if the status is OK, else answered with it.
  using Request = absl::AnyInvocable<void(const absl::Status&)>;
  // A worker's call that is answered with its assignments when the group is closed.
  struct WorkerAnswer {
    const Worker* worker = nullptr;
    std::vector<int64_t> settled;
    Answer<v1::Assignments> answer;
  };

  // An open study and what the loop notes of it.
  struct Entry {
    std::unique_ptr<Study> study;
    bool touched = false;                           // in this group
    absl::Duration due = absl::InfiniteDuration();  // when its time budget is used up
  };
  // Every study, open or not.
  struct Known {
    int64_t id = 0;
    std::string tenant;
  };

  // Requests and answers (coordinator_requests.cc).
  void HandOver(Request request, int64_t ends_trials = 0);
  template <typename T, typename Decision>
  void HandOverFor(Answer<T> answer, Decision decide);
  template <typename T>
  void ReplyWith(Answer<T> answer, absl::StatusOr<T> value);
  CoordinatorStatus Status() const;

  // The loop (coordinator.cc).
  void Decide(std::vector<Request> requests);
  void AnswerPolls();
  void FinishGroup();
  void CloseGroup();
  void FailGroup(const absl::Status& status);
  // The store, with all groups but this one committed: for reads.
  TrialStore& Settled();
  absl::Duration NextRun() const;
  std::vector<Request> TakeRequests();

  // The epoch, and what is read when it starts (coordinator_epoch.cc).
  void KeepEpoch();
  absl::Status Rebuild();
  absl::Status LoadStudy(const StudyRecord& record);

  // Workers (coordinator_workers.cc).
  void HandlePoll(const Scope& scope, v1::PollRequest request, Answer<v1::Assignments> answer,
                  std::function<bool()> gone);
  void HandleReport(const Scope& scope, v1::ReportRequest request, Answer<v1::Assignments> answer);
  Worker& Hear(const Scope& scope, v1::WorkerIdentity& identity, int32_t free_slots,
               google::protobuf::RepeatedPtrField<v1::Held>& held);
  void HandleProgress(const Scope& scope, const v1::ProgressReport& progress);
  void HandleCompletion(const Scope& scope, const v1::Completion& completion);
  void HandleHandBack(const Scope& scope, Worker& worker, const v1::HandBack& hand_back);
  v1::Assignments AssignmentsOf(const Worker& worker, const std::vector<int64_t>& settled) const;
  void ListWorkersInto(const Scope& scope, v1::ListWorkersResponse& response) const;
  // The open study, touched, and the trial's number, or null.
  Entry* FindAssignment(const Scope& scope, absl::string_view assignment, int64_t& trial);

  // Leases (coordinator_leases.cc).
  void ExpireLeases();
  void Lose(const Lease& lease);
  void Release(const AssignmentId& assignment, int64_t token);
  void ReleaseCancelled(Entry& entry);
  void TouchHolders(const Study& study);
  void GrantWork();
  bool Fill(Worker& worker);
  bool GrantOne(Worker& worker);
  bool GrantFrom(Entry& entry, Worker& worker, const Offer& offer);
  absl::StatusOr<std::optional<TrialRecord>> FindKnown(const StudyRecord& study,
                                                       absl::string_view evaluation_key);
  void Touch(Worker& worker);

  // Studies (coordinator_studies.cc, coordinator_continue.cc).
  absl::StatusOr<v1::Study> CreateFor(const Scope& scope, std::shared_ptr<const StudySpec> spec,
                                      const std::string& request_id,
                                      const std::string& continue_from);
  absl::StatusOr<v1::Study> Create(const std::string& tenant, std::shared_ptr<const StudySpec> spec,
                                   const std::string& request_id, absl::string_view parent,
                                   const StudyRecord* continues);
  // The ended study that the new one may go on from.
  absl::StatusOr<StudyRecord> FindAncestor(const Scope& scope, const StudySpec& spec,
                                           const std::string& name);
  absl::Status Inherit(Study& study, const StudyRecord& from);
  absl::StatusOr<v1::Study> Change(const Scope& scope, const std::string& name,
                                   const std::function<absl::Status(Study&)>& change);
  absl::StatusOr<v1::DeleteStudyResponse> Delete(const Scope& scope, const std::string& name);
  absl::StatusOr<Known> Find(const Scope& scope, const std::string& name) const;
  void Know(const StudyRecord& study);
  void ForgetDeleted();
  absl::StatusOr<Entry*> FindOrLoad(const Scope& scope, const std::string& name);
  void Touch(Entry& entry);
  void Refresh(Entry& entry);
  void AdvanceStudies();
  void SettleStudies();
  void StartRetraining(Study& study);
  absl::StatusOr<std::string> CreateRetraining(const Study& study);
  void ForgetEnded();

  const Options options_;
  TrialStore& store_;
  const Clock& clock_;
  const StudyReader reader_;
  const std::function<void()> on_load_;
  CoordinatorObserver default_observer_;
  CoordinatorObserver& observer_;

  mutable Mutex mutex_;
  CondVar work_;
  std::vector<Request> inbox_ ABSL_GUARDED_BY(mutex_);
  int64_t inbox_trials_ ABSL_GUARDED_BY(mutex_) = 0;  // that these end
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;

  // All below belongs to the decision loop.
  bool loaded_ = false;  // active
  bool draining_ = false;
  bool again_ = false;  // there is more to decide right away
  std::string why_not_loaded_;
  absl::Duration retry_at_;
  absl::Duration gathered_at_;
  absl::Duration renew_at_;
  absl::Duration forget_at_;
  absl::Time wall_;
  absl::Duration now_;
  int64_t epoch_ = 0;
  int64_t commits_ = 0;
  int64_t last_study_ = 0;
  absl::flat_hash_map<int64_t, std::unique_ptr<Entry>> studies_;  // open; ended till the commit
  std::map<std::string, Known> names_;                            // of all studies
  std::map<std::pair<std::string, std::string>, std::string> requests_;  // tenant, id → name
  SharedResults shared_;
  std::set<std::pair<absl::Duration, int64_t>> study_dues_;
  Scheduler scheduler_;
  std::unique_ptr<LeaseManager> leases_;
  std::unique_ptr<WorkerTable> workers_;

  // The group that is being decided.
  std::unique_ptr<Group> group_ = std::make_unique<Group>();
  std::vector<WorkerAnswer> answers_;
  std::vector<Worker*> touched_workers_;
  std::vector<Entry*> touched_studies_;
  std::set<std::pair<int64_t, int>> without_work_;  // studies, and for which offers
  std::vector<int64_t> unfinished_;                 // studies to go on with in the next group
  std::set<std::string> deleted_names_;             // only the next one may give them again
  absl::Status failure_;                            // the store failed while deciding

  Committer committer_;
};

template <typename T>
void Coordinator::ReplyWith(Answer<T> answer, absl::StatusOr<T> value) {
  group_->replies.push_back(
      [answer = std::move(answer), value = std::move(value)](const absl::Status& status) mutable {
        answer(status.ok() ? std::move(value) : absl::StatusOr<T>(status));
      });
}

}  // namespace cambrian
