// Which worker holds which assignment, and until when.
//
// Pure: no I/O, no threads, no clock of its own. The coordinator owns one, calls it on its decision
// loop, and commits a grant or a loss before anyone hears of it. A renewal changes memory only.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace cambrian {

// One piece of work: a trial of a study.
struct AssignmentId {
  int64_t study = 0;  // its id
  int64_t trial = 0;  // its number

  auto operator<=>(const AssignmentId&) const = default;
};

struct Lease {
  AssignmentId assignment;
  int64_t token = 0;
  std::string worker;
  absl::Duration expiry;  // monotonic
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

  // By token.
  std::vector<Lease> HeldBy(absl::string_view worker) const;
  std::optional<absl::Duration> NextExpiry() const;
  int64_t last_token() const { return last_token_; }
  size_t size() const { return by_token_.size(); }

 private:
  void Insert(Lease lease);
  void Erase(int64_t token);

  const Options options_;
  int64_t last_token_;
  std::map<int64_t, Lease> by_token_;
  std::map<AssignmentId, int64_t> held_;
  std::map<std::string, std::set<int64_t>> by_worker_;
  std::set<std::pair<absl::Duration, int64_t>> by_expiry_;
};

}  // namespace cambrian
