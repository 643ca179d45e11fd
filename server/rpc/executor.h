// Threads for what must not be done in a reaction of gRPC: reads of the store, files, parsing.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "common/base/mutex.h"

namespace cambrian {

// Thread-safe. Tasks begin in order.
class Executor {
 public:
  explicit Executor(int threads);
  ~Executor();

  // Runs those that wait, then ends its threads. Tasks that come later are dropped. May be called
  // again.
  void Stop();

  void Run(std::function<void()> task);

 private:
  void Loop();

  Mutex mutex_;
  CondVar work_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace cambrian
