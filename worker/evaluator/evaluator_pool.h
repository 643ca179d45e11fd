// The slots of a worker: one evaluator process each, a job at a time.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/evaluator/protocol.h"
#include "worker/evaluator/device_gate.h"
#include "worker/evaluator/evaluator_process.h"

namespace cambrian {

// Runs jobs in evaluator processes, which it starts when they are first needed and keeps warm. A
// process that wants its device to itself gets it through the device's gate. Thread-safe; one
// thread of its own does all the work. The program must ignore SIGPIPE.
class EvaluatorPool {
 public:
  struct Options {
    std::map<std::string, std::vector<std::string>> evaluators;  // name → program and arguments
    std::vector<std::string> devices = {"cpu"};                  // one entry per slot
    int threads = 1;                                             // of each evaluator
    absl::Duration hello_timeout = absl::Seconds(60);
    absl::Duration stop_grace = absl::Seconds(2);
    absl::Duration pause_grace = absl::Seconds(5);
    absl::Duration silence = absl::InfiniteDuration();  // EvaluatorProcess::Options::silence
  };

  // `start.assignment` names the job; the pool fills in its device and threads.
  struct Job {
    std::string evaluator;
    evaluator::Start start;
    std::string device =
        {};  // that it must have: "cpu", "cuda:0", "cuda" for any of these; empty: any
  };

  // Called on the pool's thread, which must not be held up. Every job that was started ends once.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnProgress(const evaluator::Progress& progress) = 0;
    // `busy`: how long the job had a slot.
    virtual void OnEnd(const EvaluatorOutcome& outcome, absl::Duration busy) = 0;
  };

  // Both must outlive the pool.
  EvaluatorPool(Options options, Listener& listener, const Clock& clock);
  // Ends all processes; jobs that still run are not heard of again.
  ~EvaluatorPool();

  // Begins the job in a free slot, or when one gets free.
  void Start(Job job);
  // Ends it, within the grace. Nothing happens if it has ended.
  void Stop(absl::string_view assignment);

  // Starts an evaluator and waits for its hello, then ends it: whether it can be used here.
  // \error that says why not: not found, too old, silent.
  static absl::StatusOr<evaluator::Hello> Probe(const EvaluatorProcess::Options& options,
                                                const Clock& clock);

 private:
  struct Slot {
    std::string device;
    std::string evaluator;  // that `process` is of
    std::unique_ptr<EvaluatorProcess> process;
    std::string assignment;  // that runs; empty: the slot is free
    absl::Duration since;
  };

  void Loop();
  bool TakeCommands();  // false: the pool ends
  void Wait();
  void StartPending();
  void Begin(int slot, Job job);
  // A free slot that suits the job and whose device has nobody measuring, best one with a warm
  // process; or -1.
  int FreeSlot(const Job& job) const;
  void StopNow(const std::string& assignment);
  void Handle(int slot, EvaluatorProcess::Event event);
  void EndJob(int slot, EvaluatorOutcome outcome);
  void Apply(const DeviceGate::Actions& actions);
  void Wake();
  DeviceGate& GateOf(int slot) { return gates_.at(slots_[slot].device); }

  const Options options_;
  Listener& listener_;
  const Clock& clock_;
  const int wake_;  // an eventfd

  // Only the pool's thread.
  std::vector<Slot> slots_;
  std::map<std::string, DeviceGate> gates_;  // by device
  std::deque<Job> pending_;

  Mutex mutex_;
  std::vector<Job> to_start_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> to_stop_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace cambrian
