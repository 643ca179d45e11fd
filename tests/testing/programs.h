// Real programs for end-to-end tests: started, signalled, waited for.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian::testing {

inline std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}
inline std::string SourceFile(const std::string& path) {
  return Environment("CAMBRIAN_SOURCE") + "/" + path;
}
inline std::string Program(const std::string& name) {
  return Environment("CAMBRIAN_BIN") + "/" + name;
}

// A child process in a group of its own whose stdout and stderr go to files. Killed if it still
// runs at the end.
class Child {
 public:
  Child(const std::vector<std::string>& command, const std::string& output_prefix,
        const std::map<std::string, std::string>& extra = {})
      : out_(output_prefix + ".out"), err_(output_prefix + ".err") {
    std::vector<char*> argv;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    std::vector<std::string> environment;
    for (char** e = environ; *e != nullptr; ++e) environment.emplace_back(*e);
    for (const auto& [name, value] : extra) environment.push_back(name + "=" + value);
    std::vector<char*> envp;
    for (std::string& e : environment) envp.push_back(e.data());
    envp.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    if (posix_spawn(&pid_, argv[0], &actions, &attributes, argv.data(), envp.data()) != 0)
      pid_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  ~Child() {
    if (pid_ <= 0 || exited_) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal) const { kill(pid_, signal); }
  // The exit code; 128 + signal if one ended it; -1 if it still runs after `limit`, and then it is
  // killed.
  int Wait(absl::Duration limit = absl::Seconds(90)) {
    const absl::Time deadline = absl::Now() + limit;
    if (pid_ <= 0) return 127;  // it could not be started
    while (!HasEnded()) {
      if (absl::Now() > deadline) {
        kill(pid_, SIGKILL);
        waitpid(pid_, &status_, 0);
        exited_ = true;
        return -1;
      }
      poll(nullptr, 0, 10);
    }
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  }
  // Whether it has ended by itself; collects its exit status then.
  bool HasEnded() {
    if (pid_ <= 0 || exited_) return true;
    exited_ = waitpid(pid_, &status_, WNOHANG) == pid_;
    return exited_;
  }
  std::string Out() const { return Read(out_); }
  std::string Err() const { return Read(err_); }

  static std::string Read(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  const std::string out_;
  const std::string err_;
  pid_t pid_ = -1;
  bool exited_ = false;
  int status_ = 0;
};

// Waits until `condition` holds; whether it did within `limit`.
template <typename Condition>
bool Eventually(const Condition& condition, absl::Duration limit = absl::Seconds(60)) {
  const absl::Time deadline = absl::Now() + limit;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    poll(nullptr, 0, 20);
  }
  return true;
}

// Running processes whose command line holds `text`, by the name of their program.
inline std::vector<std::pair<pid_t, std::string>> ProcessesWith(const std::string& text) {
  std::vector<std::pair<pid_t, std::string>> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    // Reading that of a process that has just ended fails; a stream takes the rest for its end,
    // where an iterator would throw.
    std::ostringstream stream;
    stream << std::ifstream(entry.path() / "cmdline").rdbuf();
    const std::string command = stream.str();
    if (command.find(text) == std::string::npos) continue;
    const std::string program = command.substr(0, command.find('\0'));
    found.emplace_back(std::stoi(name), std::filesystem::path(program).filename());
  }
  return found;
}

}  // namespace cambrian::testing
