// A thread that does what it is given, in order.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <utility>

#include "common/base/mutex.h"

namespace cambrian {

// Thread-safe. For transfers, which must not hold up the threads that renew leases.
class TaskThread {
 public:
  TaskThread() : thread_([this] { Loop(); }) {}
  // Waits for the task under way; what has not begun is dropped.
  ~TaskThread() {
    {
      const MutexLock lock(&mutex_);
      closing_ = true;
      news_.SignalAll();
    }
    thread_.join();
  }

  void Run(std::function<void()> task) {
    const MutexLock lock(&mutex_);
    tasks_.push_back(std::move(task));
    news_.SignalAll();
  }

 private:
  void Loop() {
    while (true) {
      std::function<void()> task;
      {
        const MutexLock lock(&mutex_);
        while (tasks_.empty() && !closing_) news_.Wait(&mutex_);
        if (closing_) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  Mutex mutex_;
  CondVar news_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace cambrian
