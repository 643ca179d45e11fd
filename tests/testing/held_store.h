// A store whose commits wait until a test lets them go.
#pragma once

#include "common/base/mutex.h"
#include "tests/testing/unreliable_store.h"

namespace cambrian::testing {

// What is let go then fails or not. Thread-safe.
class HeldStore : public UnreliableStore {
 public:
  using UnreliableStore::UnreliableStore;

  absl::Status Commit(const Batch& batch) override {
    MutexLock lock(&mutex_);
    ++begun_;
    changed_.SignalAll();
    while (allowed_ < begun_) changed_.Wait(&mutex_);
    return UnreliableStore::Commit(batch);
  }
  void AwaitCommits(int count) {
    MutexLock lock(&mutex_);
    while (begun_ < count) changed_.Wait(&mutex_);
  }
  void Allow(int count) {
    MutexLock lock(&mutex_);
    allowed_ += count;
    changed_.SignalAll();
  }
  int begun() {
    MutexLock lock(&mutex_);
    return begun_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int begun_ ABSL_GUARDED_BY(mutex_) = 0;
  int allowed_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cambrian::testing
