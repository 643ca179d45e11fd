// The workers that speak to this server: who they are, what they can take, what they were told.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cambrian/v1/worker_service.pb.h"
#include "common/spec/study_spec.h"
#include "server/study/lease_manager.h"

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
    int64_t token = 0;
    bool stop = false;

    bool operator==(const Item&) const = default;
  };
  int64_t revision = 0;
  std::vector<Item> items;
};

struct Worker {
  v1::WorkerIdentity identity;
  int32_t usable = 0;            // slots that work, taken or not, by its newest message
  std::vector<v1::Held> listed;  // by its newest message
  absl::Time last_contact;
  absl::Duration last_heard;  // monotonic
  AssignmentSet set;
  std::map<int64_t, int64_t> told;  // token → the revision that first had it
  std::optional<HungPoll> poll;
};

// Pure, in memory only: workers say everything again after a restart. Not thread-safe.
class WorkerTable {
 public:
  // Revisions start above `base` and only grow.
  explicit WorkerTable(int64_t base) : last_revision_(base) {}

  // Notes a message of the worker's.
  Worker& Hear(const v1::WorkerIdentity& identity, int32_t free_slots,
               const google::protobuf::RepeatedPtrField<v1::Held>& held, absl::Time wall,
               absl::Duration now);

  // Numbers the worker's set anew if it has changed. `leases` are the worker's, `name` writes an
  // assignment's name.
  void Renumber(Worker& worker, const std::vector<Lease>& leases,
                const std::function<std::string(const AssignmentId&)>& name);

  // Leases that the worker was told of by `revision` but does not list: it has lost them.
  std::vector<Lease> Unlisted(const Worker& worker, int64_t revision,
                              const std::vector<Lease>& leases) const;

  // Forgets workers that hold nothing, hang nowhere, and were not heard of since `before`.
  void Forget(absl::Duration before);

  std::map<std::string, Worker>& all() { return workers_; }
  // Null if it is not known.
  Worker* Find(absl::string_view name);

 private:
  int64_t last_revision_;
  std::map<std::string, Worker> workers_;
};

// Whether the worker offers what the study needs.
bool CanServe(const v1::WorkerIdentity& worker, const StudySpec& study);

// What is wrong with a worker's introduction. \error kInvalidArgument; kFailedPrecondition if it
// speaks another protocol.
absl::Status CheckIdentity(const v1::WorkerIdentity& worker);

}  // namespace cambrian
