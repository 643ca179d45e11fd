// One evaluator process: the handshake, one assignment at a time, and how it ends.
#pragma once

#include <poll.h>
#include <signal.h>

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/evaluator/protocol.h"
#include "worker/evaluator/child_process.h"

namespace cambrian {

// How an assignment ended.
struct EvaluatorOutcome {
  std::string assignment;
  // Set unless there is a result.
  std::optional<evaluator::Error::Kind> error;
  std::string reason;
  Metrics metrics;
  // A file's name in the assignment's folder: the trained network or, of kStopped, a state to go on
  // from; empty: none.
  std::string checkpoint;
  std::string log;  // the last 64 KiB that the evaluator printed since the assignment began
};

// The process has ended; it cannot be used any longer.
struct EvaluatorExited {
  std::string reason;
};

// Speaks docs/evaluator-protocol.md with a child process, which lives across assignments so that
// data and kernels stay warm. Not thread-safe: one thread polls its descriptors, or waits until its
// deadline, and calls Work().
class EvaluatorProcess {
 public:
  struct Options {
    std::string name;                  // as the worker's command line calls it
    std::vector<std::string> command;  // program and arguments
    int threads = 1;
    absl::Duration hello_timeout = absl::Seconds(60);
    absl::Duration stop_grace = absl::Seconds(2);  // to answer `stop`, then it is killed
    // A working one that has not said a line for so long hangs, and is killed: a crash. Not while
    // it is paused or frozen, waits for its device or measures.
    absl::Duration silence = absl::InfiniteDuration();
  };
  // What happened. Progress, acquire, release and the outcome are about the running assignment.
  using Event =
      std::variant<evaluator::Hello, evaluator::Progress, evaluator::Acquire, evaluator::Release,
                   evaluator::Paused, EvaluatorOutcome, EvaluatorExited>;

  // \error of ChildProcess::Spawn
  static absl::StatusOr<std::unique_ptr<EvaluatorProcess>> Spawn(Options options,
                                                                 const Clock& clock);

  // Sends the assignment, once the handshake is done. None may be running.
  void Start(const evaluator::Start& start);
  // Ends the running assignment: its outcome comes within the grace, the process being killed if
  // it does not answer. Nothing happens if none runs.
  void Stop();
  // Sent as they are.
  void Pause() {
    paused_ = true;
    Send(evaluator::Pause{});
  }
  void Resume() {
    paused_ = false;
    heard_ = clock_.Monotonic();
    Send(evaluator::Resume{});
  }
  void Acquired() { Send(evaluator::Acquired{}); }
  // Stops the process from outside, and lets it run again.
  void Freeze() {
    frozen_ = true;
    child_->Signal(SIGSTOP);
  }
  void Thaw() {
    frozen_ = false;
    heard_ = clock_.Monotonic();
    child_->Signal(SIGCONT);
  }
  // Closes its pipe: it ends, and so does a running assignment.
  void Close() { child_->CloseInput(); }

  bool running() const { return running_.has_value(); }
  pid_t pid() const { return child_->pid(); }
  // The tail of what it printed.
  const std::string& log() const { return log_; }

  // What to wait for.
  void AddTo(std::vector<pollfd>& descriptors) const;
  absl::Duration Deadline() const;
  // Reads, writes and looks at the clock, without waiting; returns what happened, in order.
  std::vector<Event> Work();

 private:
  EvaluatorProcess(Options options, const Clock& clock, std::unique_ptr<ChildProcess> child);

  void Send(const evaluator::Message& message);
  void Flush();
  void ReadLog();
  void ReadMessages(std::vector<Event>& events);
  void HandleLine(absl::string_view line, std::vector<Event>& events);
  void HandleHello(const evaluator::Hello& hello, std::vector<Event>& events);
  void CheckDeadlines();
  // The process is of no use any longer: kills it, and keeps the first reason.
  void Kill(std::string reason);
  EvaluatorOutcome End();
  // When its silence has lasted too long.
  absl::Duration SilenceDeadline() const;

  const Options options_;
  const Clock& clock_;
  const std::unique_ptr<ChildProcess> child_;

  std::string to_write_;  // lines for the evaluator
  std::string early_;     // lines to send after `welcome`
  std::string line_;      // what has come of the next line
  std::string log_;       // the tail of what it printed
  bool welcomed_ = false;
  bool output_ended_ = false;
  bool exited_ = false;
  std::string killed_because_;
  std::optional<std::string> running_;  // the assignment
  bool stopping_ = false;
  bool paused_ = false;
  bool frozen_ = false;
  bool measuring_ = false;  // or waits for its device
  bool hung_ = false;
  absl::Duration heard_;  // when it last said something, or had nothing to say until then
  absl::Duration hello_deadline_;
  absl::Duration stop_deadline_ = absl::InfiniteDuration();
  absl::Duration exit_deadline_ = absl::InfiniteDuration();
};

}  // namespace cambrian
