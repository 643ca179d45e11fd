// A PostgreSQL cluster of a test's own, in a folder that goes away with the test.
#pragma once

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/testing/temporary_folder.h"

namespace cambrian::testing {

// Listens on a Unix socket in its folder and nowhere else; unless it is durable without fsync, so
// that it survives its own end but not the machine's. Runs as the test's user, or as `postgres`
// where that is root. Ends with the thread that started it, too: start it on a thread that lives
// long.
class Postgres {
 public:
  // Starts one, or returns null and says in `reason` what is missing (to skip the test) or wrong.
  static std::unique_ptr<Postgres> Start(std::string* reason, bool is_durable = false) {
    const std::string programs = Programs();
    if (programs.empty()) {
      *reason = "PostgreSQL is not installed (/usr/lib/postgresql/*/bin/postgres)";
      return nullptr;
    }
    std::unique_ptr<Postgres> postgres(new Postgres(programs, is_durable));
    if (geteuid() == 0 && !postgres->FindUser(reason)) return nullptr;
    const int code = postgres->Await(
        postgres->Spawn({programs + "/initdb", "--pgdata", postgres->data(), "--username=postgres",
                         "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"}));
    if (code != 0) {
      *reason = "initdb failed:\n" + postgres->Log();
      return nullptr;
    }
    postgres->Restart();
    if (!postgres->IsUp()) {
      *reason = "PostgreSQL does not start:\n" + postgres->Log();
      return nullptr;
    }
    return postgres;
  }

  ~Postgres() { End(SIGQUIT); }
  Postgres(const Postgres&) = delete;

  // The URL of a database, as the superuser.
  std::string Url(const std::string& database = "postgres") const {
    return "postgresql:///" + database + "?host=" + folder_.path() + "&user=postgres";
  }

  // Kills the postmaster, and with it every process of the cluster. Returns when it is gone.
  void Kill9() { End(SIGKILL); }

  // Starts it again, after `Kill9` or from a running state, and waits until it lets clients in.
  void Restart() {
    End(SIGQUIT);
    server_ = Spawn({programs_ + "/postgres", "-D", data(), "-k", folder_.path(), "-c",
                     "listen_addresses=", "-c", is_durable_ ? "fsync=on" : "fsync=off", "-c",
                     "max_connections=60"});
    // Until it answers, or has ended. `-t` is how long one question waits.
    while (!HasEnded() &&
           Await(Spawn({programs_ + "/pg_isready", "-q", "-t", "10", "-h", folder_.path()})) != 0) {
      std::this_thread::yield();
    }
  }

  bool IsUp() const { return server_ > 0; }
  // The postmaster; 0 while there is none. Its children are the connections, among others.
  pid_t pid() const { return server_; }
  // Sends a signal to each process that serves a connection (SIGSTOP: they stand still).
  void SignalConnections(int signal) const {
    for (const pid_t child : Children()) {
      std::ifstream file("/proc/" + std::to_string(child) + "/cmdline");
      const std::string title((std::istreambuf_iterator<char>(file)), {});
      // "postgres: postgres DATABASE [local] idle", as against "postgres: checkpointer".
      if (title.find("[local]") != std::string::npos) kill(child, signal);
    }
  }

  // What it said.
  std::string Log() const {
    std::ifstream file(folder_ / "log");
    return std::string((std::istreambuf_iterator<char>(file)), {});
  }

 private:
  Postgres(std::string programs, bool is_durable)
      : programs_(std::move(programs)), is_durable_(is_durable) {}

  std::string data() const { return folder_ / "data"; }

  // The folder of the newest installed version; empty if there is none.
  static std::string Programs() {
    std::vector<std::pair<int, std::string>> found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
      const std::string programs = entry.path().string() + "/bin";
      if (access((programs + "/postgres").c_str(), X_OK) == 0) {
        found.emplace_back(std::atoi(entry.path().filename().c_str()), programs);
      }
    }
    return found.empty() ? std::string() : std::max_element(found.begin(), found.end())->second;
  }

  // PostgreSQL refuses to run as root.
  bool FindUser(std::string* reason) {
    const passwd* user = getpwnam("postgres");
    if (user == nullptr) {
      *reason = "PostgreSQL does not run as root, and there is no user postgres";
      return false;
    }
    user_ = user->pw_uid;
    group_ = user->pw_gid;
    return chown(folder_.path().c_str(), user_, group_) == 0;
  }

  pid_t Spawn(const std::vector<std::string>& command) const {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const std::string log = folder_ / "log";
    const pid_t child = fork();
    if (child != 0) return child;
    // From here to execv only what is safe beside other threads.
    if (user_ != 0 && (setgid(group_) != 0 || setuid(user_) != 0)) _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);  // after setuid, which clears it
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (chdir("/") != 0) _exit(126);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    close_range(3, ~0U, 0);
    execv(arguments[0], arguments.data());
    _exit(127);
  }

  static int Await(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }

  bool HasEnded() {
    if (server_ > 0 && waitpid(server_, nullptr, WNOHANG) == 0) return false;
    server_ = 0;
    return true;
  }

  std::vector<pid_t> Children() const {
    std::vector<pid_t> children;
    const std::string id = std::to_string(server_);
    std::ifstream file("/proc/" + id + "/task/" + id + "/children");
    for (pid_t child = 0; file >> child;) children.push_back(child);
    return children;
  }

  static bool IsGone(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string id, name, state;
    // A process without a parent may be dead for long before somebody asks for its status.
    return !(file >> id >> name >> state) || state == "Z" ||
           name.find("postgres") == std::string::npos;
  }

  void End(int signal) {
    if (server_ <= 0) return;
    // Its children notice the death of a killed postmaster by themselves, but not at once, and
    // until then no other can start.
    const std::vector<pid_t> children = Children();
    kill(server_, signal);
    for (const pid_t child : children) {
      if (signal == SIGKILL) kill(child, signal);
      kill(child, SIGCONT);
    }
    Await(server_);
    for (const pid_t child : children) {
      while (!IsGone(child)) std::this_thread::yield();
    }
    server_ = 0;
  }

  const std::string programs_;
  const bool is_durable_;
  const TemporaryFolder folder_;
  uid_t user_ = 0;  // 0: the test's own
  gid_t group_ = 0;
  pid_t server_ = 0;
};

}  // namespace cambrian::testing
