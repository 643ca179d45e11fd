#include "worker/evaluator/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "common/base/status.h"

namespace cambrian {
namespace {

constexpr int kChildInput = 3;
constexpr int kChildOutput = 4;
constexpr int kAboveChildNumbers = 10;

absl::Status Errno(int error, absl::string_view what) {
  return absl::ErrnoToStatus(error, std::string(what));
}

// A pipe's two ends; those not taken are closed.
class Pipe {
 public:
  Pipe() = default;
  ~Pipe() {
    if (ends_[0] >= 0) close(ends_[0]);
    if (ends_[1] >= 0) close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  // `ours` (0: we read, 1: we write) does not block. Both lie above the numbers that the child
  // uses, so that one does not overwrite another there.
  absl::Status Open(int ours) {
    int raw[2];
    if (pipe2(raw, O_CLOEXEC) != 0) return Errno(errno, "pipe");
    for (int end : {0, 1}) {
      ends_[end] = fcntl(raw[end], F_DUPFD_CLOEXEC, kAboveChildNumbers);
      close(raw[end]);
    }
    if (ends_[0] < 0 || ends_[1] < 0) return absl::ResourceExhaustedError("too many open files");
    fcntl(ends_[ours], F_SETFL, O_NONBLOCK);
    return absl::OkStatus();
  }
  int end(int which) const { return ends_[which]; }
  int Take(int which) { return std::exchange(ends_[which], -1); }

 private:
  int ends_[2] = {-1, -1};
};

std::vector<std::string> Environment(std::map<std::string, std::string> ours) {
  ours["CAMBRIAN_EVALUATOR_IN"] = std::to_string(kChildInput);
  ours["CAMBRIAN_EVALUATOR_OUT"] = std::to_string(kChildOutput);
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!ours.contains(text.substr(0, text.find('=')))) all.push_back(text);
  }
  for (const auto& [name, value] : ours) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// The child starts with no signal blocked or ignored, whatever we do with ours.
void ResetSignals(posix_spawnattr_t& attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Spawn(
    const std::vector<std::string>& command,
    const std::map<std::string, std::string>& environment) {
  if (command.empty()) return absl::InvalidArgumentError("no program given");
  Pipe in, out, log;
  RETURN_IF_ERROR(in.Open(1));
  RETURN_IF_ERROR(out.Open(0));
  RETURN_IF_ERROR(log.Open(0));

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, log.end(1), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, log.end(1), STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, in.end(0), kChildInput);
  posix_spawn_file_actions_adddup2(&actions, out.end(1), kChildOutput);
  posix_spawn_file_actions_addclosefrom_np(&actions, kChildOutput + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  ResetSignals(attributes);

  const std::vector<std::string> texts = Environment(environment);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, command[0].c_str(), &actions, &attributes,
                                 Pointers(command).data(), Pointers(texts).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return Errno(error, absl::StrCat("cannot start ", command[0]));
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, in.Take(1), out.Take(0), log.Take(0)));
}

ChildProcess::~ChildProcess() {
  CloseInput();
  if (!reaped_) {
    Signal(SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  close(output_);
  close(log_);
}

void ChildProcess::CloseInput() {
  if (input_ >= 0) close(std::exchange(input_, -1));
}

void ChildProcess::Signal(int signal) {
  if (!reaped_) kill(-pid_, signal);
}

bool ChildProcess::Reap() {
  if (reaped_) return true;
  siginfo_t info = {};
  if (waitid(P_PID, pid_, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
    return false;
  }
  Signal(SIGKILL);  // while its number is still its own: children that it left behind
  int status = 0;
  waitpid(pid_, &status, 0);
  reaped_ = true;
  ending_ = WIFSIGNALED(status) ? absl::StrCat("by signal ", WTERMSIG(status), " (",
                                               strsignal(WTERMSIG(status)), ")")
                                : absl::StrCat("with exit status ", WEXITSTATUS(status));
  return true;
}

}  // namespace cambrian
