// cambrian-server: flags → configuration → wiring.
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "common/spec/study_spec.h"
#include "server/artifact/files.h"
#include "server/rpc/rpc_server.h"
#include "server/store/sqlite.h"
#include "server/study/decision_loop.h"
#include "server/study/study_reader.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace cambrian {
namespace {

constexpr char kExamples[] = R"(Examples:
  cambrian-server --listen 127.0.0.1:7700 --database sqlite:cambrian.db --artifacts artifacts
  cambrian-server --listen unix:/run/user/1000/cambrian.sock --database sqlite:cambrian.db --artifacts artifacts
Port 0 picks a free port. When ready it prints "listening on ADDRESS", a line for each --listen.)";

constexpr absl::Duration kGrace = absl::Seconds(5);
constexpr int kExecutorThreads = 4;

struct Flags {
  std::vector<std::string> listen;
  std::string database;
  std::string artifacts;
  int parent_pipe = -1;
  bool insecure = false;
};

// Blocks the signals that end the program, in every thread that comes, and makes them readable.
int EndingSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &signals, SFD_CLOEXEC);
}

// Waits for a signal, or until nobody holds the other end of the parent's pipe.
void WaitForEnd(int signals, int parent_pipe) {
  pollfd waited[2] = {{signals, POLLIN, 0}, {parent_pipe, POLLIN, 0}};
  char byte;
  while (true) {
    if (poll(waited, 2, -1) < 0) continue;
    if (waited[0].revents != 0) {
      spdlog::info("told to end");
      return;
    }
    // What a parent writes means nothing; its end does.
    if (waited[1].revents != 0 && read(parent_pipe, &byte, 1) <= 0) {
      spdlog::info("the parent is gone");
      return;
    }
  }
}

absl::StatusOr<std::vector<ListenAddress>> ParseListen(const Flags& flags) {
  std::vector<ListenAddress> addresses;
  for (const std::string& text : flags.listen) {
    ASSIGN_OR_RETURN(ListenAddress address, ParseListenAddress(text));
    if (!address.is_local && !flags.insecure) {
      return absl::InvalidArgumentError(absl::StrCat(
          text,
          ": only a Unix socket or a loopback address, since anybody who reaches it may do "
          "anything; --insecure allows it"));
    }
    addresses.push_back(std::move(address));
  }
  return addresses;
}

absl::Status Serve(const Flags& flags) {
  const int signals = EndingSignals();
  ASSIGN_OR_RETURN(const std::vector<ListenAddress> addresses, ParseListen(flags));
  absl::string_view path = flags.database;
  if (!absl::ConsumePrefix(&path, "sqlite:") || path.empty()) {
    return absl::InvalidArgumentError("--database is sqlite:PATH");
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<TrialStore> store, OpenSqliteStore(std::string(path)));
  ASSIGN_OR_RETURN(const std::unique_ptr<ArtifactStore> artifacts,
                   OpenArtifactFiles(flags.artifacts));

  const StudyReader reader = NewStudyReader();
  const Queries queries(*store);
  Executor executor(kExecutorThreads);
  Watchers watchers(queries, executor);
  CoordinatorListener listener;
  listener.on_events = [&](int64_t study) { watchers.Notify(study); };
  listener.on_unused = [&](std::vector<std::string> checkpoints) {
    executor.Run([&artifacts, checkpoints = std::move(checkpoints)] {
      for (const std::string& checkpoint : checkpoints) {
        const absl::Status status = artifacts->Remove(checkpoint);
        if (!status.ok()) spdlog::warn("{}", status.ToString());
      }
    });
  };
  Coordinator coordinator({}, *store, Clock::System(), reader, listener);
  RpcServer server(coordinator, queries, reader, *artifacts, watchers, executor);
  DecisionLoop loop(coordinator);
  ASSIGN_OR_RETURN(const std::vector<std::string> bound, server.Start(addresses));
  for (const std::string& address : bound) printf("listening on %s\n", address.c_str());
  fflush(stdout);

  WaitForEnd(signals, flags.parent_pipe);
  coordinator.Drain();
  server.Shutdown(kGrace);
  loop.Stop();
  executor.Stop();
  return absl::OkStatus();
}

}  // namespace
}  // namespace cambrian

int main(int argc, char** argv) {
  cambrian::Flags flags;
  CLI::App app(
      "The coordinator of Cambrian: holds studies, proposes trials, grants them to workers.",
      "cambrian-server");
  app.footer(cambrian::kExamples);
  app.set_version_flag("--version", std::string("cambrian-server ") + cambrian::kVersion);
  app.add_option("--listen", flags.listen, "unix:PATH or HOST:PORT; may be repeated")->required();
  app.add_option("--database", flags.database, "sqlite:PATH")->required();
  app.add_option("--artifacts", flags.artifacts, "Folder for checkpoints")->required();
  app.add_option("--parent-pipe", flags.parent_pipe,
                 "A descriptor: end when its other end is closed");
  app.add_flag("--insecure", flags.insecure, "Allow addresses that other machines can reach");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("cambrian-server"));
  const absl::Status status = cambrian::Serve(flags);
  if (status.ok()) return 0;
  fprintf(stderr, "error: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? 2 : 1;
}
