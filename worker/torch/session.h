// The conversation with the agent: an evaluator's side of common/evaluator/protocol.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/evaluator/protocol.h"
#include "worker/torch/control.h"

namespace cambrian {

// Two threads share it: one reads the agent's lines (ReadUntilClosed), one works (the rest). It is
// paused only at Proceed; while it has nothing to do it says so at once.
class Session final : public Control {
 public:
  // Reads from and writes to open descriptors, which stay the caller's.
  Session(int in, int out) : in_(in), out_(out) {}

  // Reads and obeys lines until the agent closes the pipe. \error kInvalidArgument for a line that
  // cannot be understood; kFailedPrecondition if the agent speaks another protocol.
  absl::Status ReadUntilClosed();

  // One line to the agent. If it is gone, the process ends.
  void Send(const evaluator::Message& message);

  // Waits for the next assignment, and makes it the one at work.
  evaluator::Start Next();
  // The assignment at work has ended, by this result or error.
  void Finish(const evaluator::Message& outcome);

  absl::Status Proceed() override;
  void Report(const evaluator::Progress& progress) override;
  absl::Status Acquire() override;
  void Release() override;

 private:
  absl::Status Obey(const evaluator::Message& message);
  absl::Status Begin(const evaluator::Start& start);
  void SetWorking(bool working) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AnswerPause() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int in_;
  const int out_;

  Mutex send_mutex_;

  Mutex mutex_;
  CondVar changed_;
  std::optional<evaluator::Start> next_ ABSL_GUARDED_BY(mutex_);  // told to start, not yet at work
  std::string assignment_ ABSL_GUARDED_BY(mutex_);                // at work, or next; empty: none
  bool working_ ABSL_GUARDED_BY(mutex_) = false;  // the device may be in use right now
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  bool pause_ ABSL_GUARDED_BY(mutex_) = false;
  bool pause_answered_ ABSL_GUARDED_BY(mutex_) = false;
  bool acquired_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cambrian
