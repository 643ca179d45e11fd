// A program of ours that runs as long as we do.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cambrian {

// Becomes the program of ours that lies beside this one, with these arguments: its output and its
// exit code are ours. Returns only if it cannot. \error kNotFound
absl::Status Become(const std::string& program, std::vector<std::string> arguments);

// A child process that is told by a closing pipe when we end, however that happens; it is given
// `--parent-pipe FD`. It stands in a process group of its own: a Ctrl-C reaches us alone, and we
// decide. Not thread-safe.
class Child {
 public:
  struct Options {
    std::string program;                 // a path
    std::vector<std::string> arguments;  // without the program, without --parent-pipe
    std::string log;                     // stdout and stderr are appended to it
    int keep_open = -1;                  // a descriptor that it inherits (a lock), or -1
  };
  // \error kNotFound if there is no such program; kInternal.
  static absl::StatusOr<std::unique_ptr<Child>> Start(const Options& options);

  // Kills the process if it still runs.
  ~Child();

  pid_t pid() const { return pid_; }
  // Readable once the process has ended: for poll().
  int pidfd() const { return pidfd_; }

  bool Running();
  // Asks it to end (SIGTERM). Returns at once.
  void Terminate();
  // Waits until it has ended, for at most `patience`; true if it has.
  bool Wait(absl::Duration patience);
  void Kill();

  // "cambrian-worker ended with exit code 1", and the end of what it printed since its start.
  std::string Epitaph();

 private:
  Child(Options options, pid_t pid, int pidfd, int pipe, int64_t log_start);

  // Collects the exit status if the process has ended.
  void Reap();

  const Options options_;
  const pid_t pid_;
  const int pidfd_;
  const int pipe_;           // the end that only we hold
  const int64_t log_start_;  // bytes that were in the log before
  bool ended_ = false;
  int wait_status_ = 0;
};

// The program `name` beside the one that runs.
std::string ProgramBeside(const std::string& name);

}  // namespace cambrian
