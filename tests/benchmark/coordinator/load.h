// Simulated workers: each reports what it holds as done and takes what the answer brings, over real
// gRPC, as fast as answers come or at a pace.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"

namespace cambrian {

struct Load {
  std::string address;
  int workers = 64;
  int channels = 8;
  int slots = 1;                                // completions a call
  absl::Duration pause = absl::ZeroDuration();  // between two calls of a worker
  absl::Duration warm_up = absl::Seconds(1);
  absl::Duration measured = absl::Seconds(5);
};

struct LoadFigures {
  double calls = 0;     // reports a second
  double trials = 0;    // completions a second that were settled
  absl::Duration p99;   // of a report
  int64_t settled = 0;  // of the whole run
  int64_t errors = 0;
};

// Blocks until the time is over and every call is answered.
LoadFigures RunLoad(const Load& load);

// Workers that hold nothing and whose Polls hang, each on a connection of its own.
class IdleWorkers {
 public:
  IdleWorkers(const std::string& address, int workers);
  ~IdleWorkers();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace cambrian
