// Which worker holds which assignment, and until when.
//
// Pure: no I/O, no threads, no clock of its own. The coordinator owns one, calls it on its decision
// loop, and commits a grant or a loss before anyone hears of it. A renewal changes memory only.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace cambrian {

// One piece of work: a trial of a study.
struct AssignmentId {
  int64_t study = 0;  // its id
  int64_t trial = 0;  // its number

  bool operator==(const AssignmentId&) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const AssignmentId& id) {
    return H::combine(std::move(state), id.study, id.trial);
  }
};

struct Lease {
  AssignmentId assignment;
  int64_t token = 0;
  std::string worker;
  absl::Duration expiry;   // monotonic
  absl::Duration granted;  // monotonic; or restored
};

// Times are monotonic.
class LeaseManager {
 public:
  struct Options {
    absl::Duration term = absl::Seconds(30);
  };
  // `last_token`: the newest ever given out.
  LeaseManager(Options options, int64_t last_token);

  // Grants `assignment` to `worker` until `now` + term, under a token newer than any before.
  // \error kAlreadyExists if it is held.
  absl::StatusOr<Lease> Grant(AssignmentId assignment, absl::string_view worker,
                              absl::Duration now);

  // A lease that the store remembers, after a restart: one full term from `now`.
  void Restore(AssignmentId assignment, int64_t token, absl::string_view worker,
               absl::Duration now);

  // Extends the lease to `now` + term if `worker` holds it under this token. Returns whether.
  bool Renew(int64_t token, absl::string_view worker, absl::Duration now);

  // Ends the lease that `token` names. \error kFailedPrecondition if it is not the one that holds
  // the assignment.
  absl::Status Release(AssignmentId assignment, int64_t token);

  // Leases that ran out by `now`, oldest first, removed. Calling again returns none.
  std::vector<Lease> TakeExpired(absl::Duration now);

  // Null if it is not held under this token. Valid until the next change of its lease.
  const Lease* Find(int64_t token) const;
  // Tokens, ascending. Valid until the worker's leases change.
  const std::vector<int64_t>& HeldBy(absl::string_view worker) const;
  // No lease runs out before.
  std::optional<absl::Duration> NextExpiry() const;
  // When the oldest lease was granted. Walks over all.
  std::optional<absl::Duration> Oldest() const;
  int64_t last_token() const { return last_token_; }
  size_t size() const { return by_token_.size(); }

 private:
  struct Held {
    Lease lease;
    absl::Duration queued;  // its key in by_expiry_, from before its renewals
  };

  void Insert(Lease lease);
  void Erase(int64_t token);

  const Options options_;
  int64_t last_token_;
  absl::node_hash_map<int64_t, Held> by_token_;
  absl::flat_hash_map<AssignmentId, int64_t> held_;
  absl::flat_hash_map<std::string, std::vector<int64_t>> by_worker_;
  // A renewal leaves its entry as it is: it moves when its old time comes.
  std::set<std::pair<absl::Duration, int64_t>> by_expiry_;
};

}  // namespace cambrian
