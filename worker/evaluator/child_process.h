// A child process with a pipe each way for messages, and a third for what it prints.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cambrian {

// Not thread-safe: one thread owns it and polls its descriptors, which do not block. The program
// must ignore SIGPIPE. The child is alone in a process group, so that a terminal's Ctrl-C does not
// reach it and its own children end with it.
class ChildProcess {
 public:
  // Starts `command` (the program, looked up on PATH if it has no slash, and its arguments) with
  // our environment and `environment` on top. It inherits three pipes and nothing else: the numbers
  // of the first two are in CAMBRIAN_EVALUATOR_IN and CAMBRIAN_EVALUATOR_OUT, the third is its
  // stdout and stderr; stdin is empty.
  // \error kNotFound, kPermissionDenied, kInternal, that name the program.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Spawn(
      const std::vector<std::string>& command,
      const std::map<std::string, std::string>& environment);

  // Kills the group if it has not ended.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  int input() const { return input_; }    // we write; -1 once closed
  int output() const { return output_; }  // we read
  int log() const { return log_; }        // we read

  void CloseInput();
  // To the whole group; nothing happens once it has been reaped.
  void Signal(int signal);
  // Whether it has ended; never waits. What is left of its group is killed then.
  bool Reap();
  // "with exit status 3", "by signal 9 (Killed)"; empty while it lives.
  const std::string& ending() const { return ending_; }

 private:
  ChildProcess(pid_t pid, int input, int output, int log)
      : pid_(pid), input_(input), output_(output), log_(log) {}

  const pid_t pid_;
  int input_;
  const int output_;
  const int log_;
  bool reaped_ = false;
  std::string ending_;
};

}  // namespace cambrian
