#include "client/local/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/format/text.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

// Where the child finds its descriptors.
constexpr int kChildPipe = 3;
constexpr int kChildKeep = 4;
// Ours are moved above those before the child moves them down.
constexpr int kAboveChild = 10;
constexpr int kEpitaphLines = 12;
constexpr int64_t kLongestLogBytes = 10'000'000;

absl::Status SystemError(absl::string_view what, int error = errno) {
  return absl::InternalError(absl::StrCat(what, ": ", std::strerror(error)));
}

class SpawnActions {
 public:
  SpawnActions() { posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }

  void Redirect(int descriptor, const std::string& path, int flags) {
    posix_spawn_file_actions_addopen(&actions_, descriptor, path.c_str(), flags, 0600);
  }
  void Duplicate(int from, int to) { posix_spawn_file_actions_adddup2(&actions_, from, to); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

// A process group of its own, every signal unblocked and at its default.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t set;
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attributes_, &set);
    sigfillset(&set);
    posix_spawnattr_setsigdefault(&attributes_, &set);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

// The log's size, after it was set aside if it had grown long.
int64_t PrepareLog(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return 0;
  if (info.st_size < kLongestLogBytes) return info.st_size;
  std::error_code error;
  std::filesystem::rename(path, path + ".old", error);
  return error ? info.st_size : 0;
}

}  // namespace

std::string ProgramBeside(const std::string& name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / name).string();
}

absl::Status Become(const std::string& program, std::vector<std::string> arguments) {
  const std::string path = ProgramBeside(program);
  arguments.insert(arguments.begin(), path);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execv(path.c_str(), argv.data());
  return absl::NotFoundError(absl::StrCat("cannot run ", path, ": ", std::strerror(errno)));
}

absl::StatusOr<std::unique_ptr<Child>> Child::Start(const Options& options) {
  if (access(options.program.c_str(), X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat("cannot run ", options.program, ": ",
                                            std::strerror(errno),
                                            "; it belongs beside this program"));
  }
  const int64_t log_start = PrepareLog(options.log);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemError("pipe");
  const int read_end = fcntl(ends[0], F_DUPFD_CLOEXEC, kAboveChild);
  close(ends[0]);
  const int keep =
      options.keep_open < 0 ? -1 : fcntl(options.keep_open, F_DUPFD_CLOEXEC, kAboveChild);

  SpawnActions actions;
  actions.Redirect(STDIN_FILENO, "/dev/null", O_RDONLY);
  actions.Redirect(STDOUT_FILENO, options.log, O_WRONLY | O_CREAT | O_APPEND);
  actions.Duplicate(STDOUT_FILENO, STDERR_FILENO);
  actions.Duplicate(read_end, kChildPipe);
  if (keep >= 0) actions.Duplicate(keep, kChildKeep);
  const SpawnAttributes attributes;

  std::vector<std::string> words = {options.program};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  words.insert(words.end(), {"--parent-pipe", absl::StrCat(kChildPipe)});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  pid_t pid = -1;
  const int error = posix_spawn(&pid, options.program.c_str(), actions.get(), attributes.get(),
                                argv.data(), environ);
  close(read_end);
  if (keep >= 0) close(keep);
  if (error != 0) {
    close(ends[1]);
    return SystemError(absl::StrCat("cannot run ", options.program), error);
  }
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  return std::unique_ptr<Child>(new Child(options, pid, pidfd, ends[1], log_start));
}

Child::Child(Options options, pid_t pid, int pidfd, int pipe, int64_t log_start)
    : options_(std::move(options)), pid_(pid), pidfd_(pidfd), pipe_(pipe), log_start_(log_start) {}

Child::~Child() {
  if (Running()) {
    Kill();
    Wait(absl::InfiniteDuration());
  }
  close(pipe_);
  if (pidfd_ >= 0) close(pidfd_);
}

void Child::Reap() {
  if (ended_) return;
  const pid_t done = waitpid(pid_, &wait_status_, WNOHANG);
  ended_ = done == pid_ || (done < 0 && errno == ECHILD);
}

bool Child::Running() {
  Reap();
  return !ended_;
}

void Child::Terminate() {
  if (Running()) kill(pid_, SIGTERM);
}

void Child::Kill() {
  if (Running()) kill(pid_, SIGKILL);
}

bool Child::Wait(absl::Duration patience) {
  const absl::Time until = absl::Now() + patience;
  while (Running()) {
    const absl::Duration left = until - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    pollfd waiting = {pidfd_, POLLIN, 0};
    const auto milliseconds = absl::ToInt64Milliseconds(std::min(left, absl::Seconds(1)));
    poll(&waiting, 1, static_cast<int>(milliseconds) + 1);
  }
  return true;
}

std::string Child::Epitaph() {
  Reap();
  const std::string name = std::filesystem::path(options_.program).filename().string();
  std::string text;
  if (!ended_) {
    text = absl::StrCat(name, " still runs");
  } else if (WIFSIGNALED(wait_status_)) {
    text = absl::StrCat(name, " was ended by signal ", WTERMSIG(wait_status_), " (",
                        strsignal(WTERMSIG(wait_status_)), ")");
  } else {
    text = absl::StrCat(name, " ended with exit code ", WEXITSTATUS(wait_status_));
  }
  std::ifstream log(options_.log);
  log.seekg(log_start_);
  const std::string printed{std::istreambuf_iterator<char>(log), std::istreambuf_iterator<char>()};
  std::vector<std::string> lines =
      absl::StrSplit(absl::StripTrailingAsciiWhitespace(printed), '\n', absl::SkipWhitespace());
  if (lines.empty()) return text;
  if (lines.size() > kEpitaphLines) lines.erase(lines.begin(), lines.end() - kEpitaphLines);
  return absl::StrCat(text, "; the end of ", options_.log, ":\n  ",
                      Printable(absl::StrJoin(lines, "\n  ")));
}

}  // namespace cambrian
