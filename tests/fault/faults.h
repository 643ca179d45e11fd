// The faults of a soak: every kind, one after the other, at random.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/fault/cluster.h"
#include "tests/testing/jumping_clock.h"
#include "tests/testing/postgres.h"
#include "tests/testing/proxy.h"
#include "tests/testing/small_disk.h"

namespace cambrian::testing {

// What a cluster stands on.
//
// The workers' clock does not jump here: gRPC 1.51 waits by the wall clock, so that a worker whose
// clock is set back by an hour and then loses its connection makes no new one for an hour.
struct Ground {
  Postgres* postgres = nullptr;   // null: SQLite; with it a second server stands by
  SmallDisk* disk = nullptr;      // the server's; null: it is never full
  JumpingClock* clock = nullptr;  // that the servers were started with
};

// Half of the workers reach the server through a network that tears; with two servers the others
// come through one that only leads to the active server. Not thread-safe.
class Faults {
 public:
  struct Options {
    uint64_t seed = 1;
    int workers = 3;
    absl::Duration lease;  // the cluster's
    bool list = false;     // print each fault when it is done
  };
  // What is handed in outlives it.
  Faults(const Options& options, Cluster& cluster, const Ground& ground);
  ~Faults();

  // Starts servers and workers.
  absl::Status Begin();
  // Does one fault. `study` is the one that runs, or empty. Errors are broken promises: what is
  // told to leave does not, or nobody takes over.
  absl::Status DoOne(const std::string& study);
  // A moment that nothing has chosen.
  void Rest();
  // No fault lasts any longer; whoever is down comes back.
  absl::Status Repair();

  const std::map<std::string, int>& counts() const { return counts_; }
  // "3 of 4 …": what became of the evaluators that hung.
  std::string HungEvaluators();

 private:
  struct Fault {
    const char* name;
    absl::Status (Faults::*act)();
    int weight;
    bool possible;
  };

  int Draw(int below);
  absl::Duration DrawDuration(absl::Duration from, absl::Duration to);
  std::string WorkerName(int i) const;
  std::string AnyWorker() { return WorkerName(Draw(options_.workers)); }
  void StartWorker(int i);
  std::string StandBy() const { return active_ == "first" ? "second" : "first"; }
  bool IsActive(const std::string& server);
  absl::Status FindActive();
  absl::Status StopServer(int signal);
  bool Await(const std::function<bool()>& condition, absl::Duration limit);
  void EndStallWhenDue();

  absl::Status KillEvaluator();
  absl::Status HangEvaluator();
  absl::Status KillWorker();
  absl::Status TerminateWorker();
  absl::Status FreezeWorker();
  absl::Status KillServer() { return StopServer(SIGKILL); }
  absl::Status TerminateServer() { return StopServer(SIGTERM); }
  absl::Status KillStandBy();
  absl::Status KillDatabase();
  absl::Status FillDisk();
  absl::Status Cut();
  absl::Status CutUpload();
  absl::Status LoseAnswer();
  absl::Status Stall();
  absl::Status PauseStudy();
  absl::Status ClockJumps();

  const Options options_;
  Cluster& cluster_;
  const Ground ground_;
  const std::vector<Fault> faults_;
  std::mt19937_64 random_;
  std::unique_ptr<Proxy> network_;  // that tears
  std::unique_ptr<Proxy> road_;     // to the active server, with two
  std::string active_ = "first";
  std::string study_;
  absl::Duration stalled_until_ = absl::InfiniteDuration();  // monotonic; infinite: it is not
  std::vector<pid_t> hung_;                                  // evaluators
  std::map<std::string, int> counts_;
};

}  // namespace cambrian::testing
