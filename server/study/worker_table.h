// The workers that speak to this server: who they are, what they can take, what they were told.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cambrian/v1/worker_service.pb.h"
#include "common/spec/study_spec.h"
#include "server/store/records.h"
#include "server/study/lease_manager.h"
#include "server/study/scope.h"
#include "server/study/study.h"

namespace cambrian {

// Called once, after the commit, on the decision loop: it must not block.
template <typename T>
using Answer = std::function<void(absl::StatusOr<T>)>;

// A Poll that waits for news.
struct HungPoll {
  Answer<v1::Assignments> answer;
  std::function<bool()> gone;  // whether the caller hung up
  int64_t revision = 0;        // the newest that the worker knows
  absl::Duration deadline;     // monotonic
};

// What a worker is told: its leases, and what it lists but holds no longer (to be stopped).
struct AssignmentSet {
  struct Item {
    std::string assignment;  // "fashion-1/17"
    AssignmentId id;         // of a lease
    int64_t token = 0;
    bool stop = false;
    int64_t told = 0;  // the revision that first had it

    bool operator==(const Item& other) const {
      return token == other.token && stop == other.stop && assignment == other.assignment;
    }
  };
  int64_t revision = 0;
  std::vector<Item> items;
};

struct Worker;

// Workers that offer the same: what fits one fits all.
struct WorkerKind {
  std::string key;
  int64_t workers = 0;
  absl::flat_hash_map<int64_t, Offer> offers;  // by study, as they were worked out
  // Whose Polls hang while they have room, the longest wait first.
  std::set<std::pair<int64_t, Worker*>> idle;
};

struct Worker {
  Scope scope;  // that introduced it
  v1::WorkerIdentity identity;
  std::string introduction;      // the identity, serialised
  std::set<int64_t> unable;      // studies that it cannot do, by its own word
  int32_t usable = 0;            // slots that work, taken or not, by its newest message
  std::vector<v1::Held> listed;  // by its newest message
  absl::Time first_contact;
  absl::Time last_contact;
  std::optional<absl::Time> recorded;  // when its row was last written
  absl::Duration last_heard;           // monotonic
  AssignmentSet set;
  std::optional<HungPoll> poll;
  bool touched = false;  // concerns the group that is being decided
  bool reports = false;  // is answered in this group

  // The table's.
  WorkerKind* kind = nullptr;
  int64_t idle_since = 0;  // its number in kind->idle; 0: not there
};

// Pure, in memory only: workers say everything again after a restart. Not thread-safe. A `Worker&`
// is valid until `Forget`.
class WorkerTable {
 public:
  // Revisions start above `base` and only grow.
  explicit WorkerTable(int64_t base) : last_revision_(base) {}

  // What is wrong with a worker's introduction. \error kInvalidArgument; kFailedPrecondition if it
  // speaks another protocol; kPermissionDenied if its name belongs to another scope.
  absl::Status Check(const Scope& scope, const v1::WorkerIdentity& identity) const;

  // Notes a message of the worker's; takes what it needs of the arguments.
  Worker& Hear(const Scope& scope, v1::WorkerIdentity& identity, int32_t free_slots,
               google::protobuf::RepeatedPtrField<v1::Held>& held, absl::Time wall,
               absl::Duration now);

  // Its row, if it introduced itself anew, or was not written for `seldom`.
  std::optional<WorkerRecord> TakeRecord(Worker& worker, absl::Duration seldom);

  // The worker cannot do this study, until it introduces itself anew.
  void MarkUnable(Worker& worker, int64_t study);

  // What the worker offers to a study, worked out once for all of its kind.
  Offer OfferTo(const Worker& worker, int64_t study, const StudySpec& spec,
                absl::string_view tenant);
  void ForgetStudy(int64_t study);

  // Numbers the worker's set anew if it has changed. `item` tells name and `stop` of a lease.
  void Renumber(Worker& worker, const LeaseManager& leases,
                absl::FunctionRef<AssignmentSet::Item(const Lease&)> item);

  // Leases that the worker was told of by `revision` but does not list: it has lost them.
  std::vector<Lease> Unlisted(const Worker& worker, int64_t revision,
                              const LeaseManager& leases) const;

  // The worker's Poll waits for news. Returns the one that waited before.
  std::optional<HungPoll> Hang(Worker& worker, HungPoll poll);
  // Ends the waiting of the worker's Poll, which is there.
  HungPoll TakePoll(Worker& worker);
  // Workers whose Polls have waited long enough by `now`; they still wait.
  std::vector<Worker*> Due(absl::Duration now) const;
  std::optional<absl::Duration> NextDue() const;

  // A worker whose Poll waits has room and found no work.
  void Idle(Worker& worker);
  void NoLongerIdle(Worker& worker);
  // Kinds with idle workers.
  const std::set<WorkerKind*>& idle_kinds() const { return idle_kinds_; }

  // Forgets workers that hold nothing, hang nowhere, and were not heard of since `before`.
  void Forget(absl::Duration before, const LeaseManager& leases);

  // By name.
  std::vector<const Worker*> Sorted() const;
  // Every worker whose Poll waits.
  std::vector<Worker*> Hanging() const;
  // Null if it is not known.
  Worker* Find(absl::string_view name);

 private:
  void SetKind(Worker& worker);
  void LeaveKind(Worker& worker);

  int64_t last_revision_;
  int64_t last_idle_ = 0;
  absl::flat_hash_map<std::string, std::unique_ptr<Worker>> workers_;
  absl::flat_hash_map<std::string, std::unique_ptr<WorkerKind>> kinds_;
  std::set<WorkerKind*> idle_kinds_;
  std::set<std::pair<absl::Duration, Worker*>> due_;
};

// What a worker offers to a study: to train, if it has the evaluator, all tags, the data root and,
// where latency is measured beside the training, the device; to measure, if it has the evaluator
// and is of the study's target.
Offer OfferOf(const v1::WorkerIdentity& worker, const StudySpec& study);

// What is wrong with an introduction by itself. \error kInvalidArgument, kFailedPrecondition
absl::Status CheckIdentity(const v1::WorkerIdentity& worker);

}  // namespace cambrian
