// Every call comes in here: who it is, whether it may, how often, and how it ended.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "grpcpp/grpcpp.h"
#include "server/rpc/limits.h"
#include "server/rpc/methods.h"
#include "server/rpc/token_bucket.h"
#include "server/rpc/tokens.h"
#include "server/study/scope.h"

namespace cambrian {

// Hears of every call once it is answered. Called from any thread, so it must not block.
using CallObserver =
    std::function<void(absl::string_view method, absl::StatusCode code, absl::Duration took)>;

class Door;

// A call that has come in, and is inside until gRPC is done with it. `Leave` tells how it ended,
// once. Movable; not thread-safe.
class Entry {
 public:
  Entry(Door& door, absl::Status status, Scope scope, std::function<void(absl::StatusCode)> leave)
      : door_(&door),
        status_(std::move(status)),
        scope_(std::move(scope)),
        leave_(std::move(leave)) {}

  // Not OK: the call is refused with this.
  const absl::Status& status() const { return status_; }
  const Scope& scope() const { return scope_; }
  void Leave(absl::StatusCode code) {
    if (leave_) leave_(code);
    leave_ = nullptr;
  }
  // gRPC is done with the call, which others may still hold. Its destruction says so, too; before
  // either its door must not be destroyed.
  void Depart() { door_ = nullptr; }

 private:
  struct Departure {
    void operator()(Door* door) const;
  };
  std::unique_ptr<Door, Departure> door_;
  absl::Status status_;
  Scope scope_;
  std::function<void(absl::StatusCode)> leave_;
};

// Thread-safe.
class Door {
 public:
  // `tokens` outlives it; null: everybody may do everything. So does `clock`.
  Door(const TokenFile* tokens, Limits limits, const Clock& clock, CallObserver observer = nullptr);

  // \error kUnauthenticated, kPermissionDenied, kResourceExhausted, and kUnavailable once it is
  // closed, in the entry's status
  Entry Enter(const grpc::ServerContextBase& context, absl::string_view method);

  // Refuses every call from now on, and waits at most so long until nobody is inside; whether that
  // is so.
  bool CloseAndWait(absl::Duration at_most);

 private:
  friend class Entry;
  void Depart();
  absl::Status Admit(const grpc::ServerContextBase& context, const Method& method, Scope& scope);
  absl::Status TakeTurn(const Caller& caller);
  void LogRefusal(const grpc::ServerContextBase& context, const Method& method,
                  const absl::Status& why);

  const TokenFile* const tokens_;
  const Limits limits_;
  const Clock& clock_;
  const CallObserver observer_;
  std::atomic<int64_t> inside_{0};
  std::atomic<bool> closed_{false};
  Mutex mutex_;
  CondVar empty_;
  std::map<std::string, TokenBucket> buckets_ ABSL_GUARDED_BY(mutex_);  // by the token's hash
  TokenBucket refusals_ ABSL_GUARDED_BY(mutex_);                        // that are logged
};

}  // namespace cambrian
