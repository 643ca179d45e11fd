// What a server knows of its own health, asked of it about every second.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "server/study/observer.h"

namespace cambrian {

// Pure but for its lock. Thread-safe.
class StatusBoard {
 public:
  // `clock` outlives it.
  explicit StatusBoard(const Clock& clock) : clock_(clock) {}

  // The coordinator said how it is.
  void Hear(CoordinatorStatus status);
  // The store answered a read, or failed to.
  void HearStore(const absl::Status& status);
  // From now on the server is going down.
  void Drain();

  // OK: it serves. Else why not, in a sentence: it goes down, its store is away, its decision loop
  // hangs, or it stands by.
  absl::Status Health() const;
  // The newest; empty before the first.
  CoordinatorStatus coordinator() const;

 private:
  const Clock& clock_;
  mutable Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration heard_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  absl::Duration store_answered_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  absl::Status store_error_ ABSL_GUARDED_BY(mutex_);
  CoordinatorStatus coordinator_ ABSL_GUARDED_BY(mutex_);
};

// Calls `look` about every second, on a thread of its own, until it goes away. `WakeUp` lets it
// look at once.
class Pulse {
 public:
  explicit Pulse(std::function<void()> look, absl::Duration every = absl::Seconds(1));
  ~Pulse();
  void WakeUp();

 private:
  void Run();

  const std::function<void()> look_;
  const absl::Duration every_;
  Mutex mutex_;
  CondVar wake_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace cambrian
