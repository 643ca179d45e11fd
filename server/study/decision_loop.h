// The thread that a coordinator decides on.
#pragma once

#include <atomic>
#include <thread>

#include "server/study/coordinator.h"

namespace cambrian {

// Runs until `Stop`, which first lets everything that waits be decided, then ends the server's
// epoch. `Stop` from one thread.
class DecisionLoop {
 public:
  // `coordinator` outlives it.
  explicit DecisionLoop(Coordinator& coordinator);
  ~DecisionLoop();
  void Stop();

 private:
  void Run();

  Coordinator& coordinator_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace cambrian
