// cambrian-worker: flags, signals, wiring.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "spdlog/sinks/stdout_color_sinks.h"
#include "spdlog/spdlog.h"
#include "worker/agent/agent.h"
#include "worker/agent/worker_folder.h"
#include "worker/evaluator/evaluator_pool.h"

namespace cambrian {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

struct Flags {
  std::string server;
  int slots = 0;
  int threads = 1;
  std::vector<std::string> evaluators;
  std::vector<std::string> devices = {"cpu"};
  std::string folder;
  std::string name;
  std::vector<std::string> tags;
  std::vector<std::string> targets;
  std::vector<std::string> data_roots;
  bool any_path = false;
  bool no_any_path = false;
  int slots_per_device = 0;
  double checkpoint_seconds = 60;
  double evaluator_timeout = 600;
  ChannelOptions channel;
  int parent_pipe = -1;
};

int UsableCores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return 1;
  return std::max(1, CPU_COUNT(&cores));
}

std::string DefaultFolder() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && state[0] == '/') return std::string(state) + "/cambrian/worker";
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : "/tmp") + "/.local/state/cambrian/worker";
}

// Those that stand beside this program.
std::vector<std::string> DefaultEvaluators() {
  std::error_code error;
  const std::filesystem::path folder =
      std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  std::vector<std::string> evaluators;
  const std::filesystem::path table = folder / "cambrian-table";
  if (std::filesystem::exists(table, error)) evaluators.push_back("table=" + table.string());
  const std::filesystem::path torch = folder / "cambrian-evaluator";
  // Where there is none at all, the error is about the usual one.
  if (evaluators.empty() || std::filesystem::exists(torch, error)) {
    evaluators.push_back("torch=" + torch.string());
  }
  return evaluators;
}

void Describe(CLI::App& app, Flags& flags) {
  app.description("Takes assignments from a cambrian-server and has evaluators work on them.");
  app.footer(
      "Examples:\n"
      "  cambrian-worker --server unix:/run/cambrian/server.sock\n"
      "  cambrian-worker --server search.example.org:7700 --slots 4 --threads 2\n"
      "  cambrian-worker --server search.example.org:7700 --device cuda:0 --device cuda:1 --slots "
      "2\n"
      "  cambrian-worker --server localhost:7700 --evaluator softmax=./softmax_regression.py\n"
      "  cambrian-worker --server search.example.org:7700 --tls-ca ca.pem --token-file token "
      "--tags gpu,a100\n"
      "\n"
      "SIGTERM or Ctrl-C: stops, hands its work back and ends with 0; a second one ends it at "
      "once.\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage.");
  app.set_version_flag("--version", std::string("cambrian-worker ") + kVersion);
  app.add_option("--server", flags.server, "Address of the server: HOST:PORT or unix:PATH")
      ->required();
  app.add_option("--slots", flags.slots, "Assignments at a time")
      ->check(CLI::Range(1, 1024))
      ->default_str("usable cores / threads");
  app.add_option("--threads", flags.threads, "Threads of each evaluator")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--evaluator", flags.evaluators,
                 "NAME=PROGRAM: an evaluator that studies may name; repeatable")
      ->default_str("torch=cambrian-evaluator, table=cambrian-table beside this program");
  app.add_option("--device", flags.devices, "Device that slots are spread over; repeatable")
      ->capture_default_str();
  app.add_option("--slots-per-device", flags.slots_per_device,
                 "Evaluators on each device; --slots is the total")
      ->check(CLI::Range(1, 1024));
  app.add_option("--tags", flags.tags, "Words that studies may ask for: gpu,a100")->delimiter(',');
  app.add_option("--target", flags.targets,
                 "Kind of device that latency can be measured on here: pi4; repeatable");
  app.add_option("--data-root", flags.data_roots,
                 "NAME=PATH: a folder whose data studies may name; repeatable");
  CLI::Option* const no_any_path = app.add_flag(
      "--no-any-path", flags.no_any_path, "Take only studies that name data below a data root");
  app.add_flag(
         "--any-path", flags.any_path,
         "Take studies that name data by an absolute path, too; so it is anyway if the server "
         "is on a Unix socket")
      ->excludes(no_any_path);
  app.add_option("--checkpoint-seconds", flags.checkpoint_seconds,
                 "How often a training's state is kept, to go on elsewhere; 0: never")
      ->check(CLI::Range(0.0, 1e9))
      ->capture_default_str();
  app.add_option("--evaluator-timeout", flags.evaluator_timeout,
                 "Seconds after which a silent evaluator counts as hanging; 0: never")
      ->check(CLI::Range(0.0, 1e9))
      ->capture_default_str();
  app.add_flag("--tls", flags.channel.tls, "Connect by TLS, with the system's authorities");
  app.add_option("--tls-ca", flags.channel.tls_ca, "PEM file: authorities of the server");
  app.add_option("--tls-cert", flags.channel.tls_cert, "PEM file: this worker's certificate");
  app.add_option("--tls-key", flags.channel.tls_key, "PEM file: its key");
  app.add_option("--token-file", flags.channel.token_file,
                 "File with this worker's token; not for everybody to read");
  app.add_flag("--insecure", flags.channel.insecure,
               "Send the token to another machine without TLS");
  app.add_option("--folder", flags.folder, "Where this worker, and no other, keeps its files")
      ->default_str(DefaultFolder());
  app.add_option("--name", flags.name, "This worker's name")->default_str("its folder's");
  app.add_option("--parent-pipe", flags.parent_pipe,
                 "Descriptor of a pipe's reading end: the worker ends when it closes");
}

// The two parts of NAME=SOMETHING.
absl::StatusOr<std::pair<std::string, std::string>> SplitAtEquals(const char* flag,
                                                                  const std::string& text,
                                                                  const char* example) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
    return absl::InvalidArgumentError(absl::StrCat(flag, " ", text, ": write ", example));
  }
  return std::make_pair(text.substr(0, equals), text.substr(equals + 1));
}

// As many as asked for: in all, on each device, or one for each core's worth of threads.
int Slots(const Flags& flags) {
  if (flags.slots > 0) return flags.slots;
  if (flags.slots_per_device > 0) {
    return flags.slots_per_device * static_cast<int>(flags.devices.size());
  }
  return std::max(1, UsableCores() / flags.threads);
}

absl::StatusOr<WorkerOffer> MakeOffer(const Flags& flags) {
  WorkerOffer offer{flags.tags, flags.targets, {}, false};
  const bool same_machine = flags.server.rfind("unix:", 0) == 0;
  offer.any_path = flags.any_path || (same_machine && !flags.no_any_path);
  for (const std::string& text : flags.data_roots) {
    ASSIGN_OR_RETURN(const auto root,
                     SplitAtEquals("--data-root", text, "NAME=PATH, images=/data/images say"));
    std::error_code error;
    if (!std::filesystem::is_directory(root.second, error)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--data-root ", text, ": there is no such folder"));
    }
    if (!offer.data_roots.insert(root).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("--data-root ", text, ": \"", root.first, "\" is given twice"));
    }
  }
  return offer;
}

absl::StatusOr<EvaluatorPool::Options> MakePool(const Flags& flags) {
  EvaluatorPool::Options pool;
  pool.threads = flags.threads;
  if (flags.evaluator_timeout > 0) pool.silence = absl::Seconds(flags.evaluator_timeout);
  const int slots = Slots(flags);
  const int devices = static_cast<int>(flags.devices.size());
  if (flags.slots_per_device > 0 && slots > flags.slots_per_device * devices) {
    return absl::InvalidArgumentError(absl::StrCat("--slots ", slots, " do not fit on ", devices,
                                                   " devices of ", flags.slots_per_device));
  }
  pool.devices.clear();
  for (int i = 0; i < slots; ++i) {
    pool.devices.push_back(flags.devices[i % flags.devices.size()]);
  }
  for (const std::string& text : flags.evaluators) {
    ASSIGN_OR_RETURN(const auto named, SplitAtEquals("--evaluator", text,
                                                     "NAME=PROGRAM, torch=cambrian-evaluator say"));
    pool.evaluators[named.first] = {named.second};
  }
  return pool;
}

// Whether every evaluator starts, understands us, and has the devices.
absl::Status CheckEvaluators(const EvaluatorPool::Options& pool) {
  for (const auto& [name, command] : pool.evaluators) {
    ASSIGN_OR_RETURN(const evaluator::Hello hello,
                     EvaluatorPool::Probe({.name = name,
                                           .command = command,
                                           .threads = pool.threads,
                                           .hello_timeout = pool.hello_timeout,
                                           .stop_grace = pool.stop_grace},
                                          Clock::System()));
    for (const std::string& device : pool.devices) {
      if (std::count(hello.devices.begin(), hello.devices.end(), device) > 0) continue;
      std::string offered;
      for (const std::string& d : hello.devices) offered += (offered.empty() ? "" : ", ") + d;
      return absl::InvalidArgumentError(absl::StrCat(
          "evaluator \"", name, "\" cannot use device \"", device, "\"; it offers ", offered));
    }
    spdlog::info("evaluator \"{}\": {} {}", name, hello.name, hello.version);
  }
  return absl::OkStatus();
}

// The signals that end the worker. Blocked in every thread; one waits for them.
sigset_t EndingSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  return signals;
}

void WatchSignals(Agent& agent) {
  std::thread([&agent] {
    const sigset_t signals = EndingSignals();
    for (int count = 1;; ++count) {
      int signal = 0;
      if (sigwait(&signals, &signal) != 0) continue;
      spdlog::info("{}: {}", strsignal(signal),
                   count == 1 ? "stopping; once more ends it at once" : "ending");
      if (count > 2) _exit(128 + signal);
      agent.Shutdown(count == 1 ? Agent::Manner::kOrderly : Agent::Manner::kAtOnce);
    }
  }).detach();
}

void WatchParent(Agent& agent, int pipe) {
  fcntl(pipe, F_SETFD, FD_CLOEXEC);
  std::thread([&agent, pipe] {
    char ignored = 0;
    ssize_t count = 1;
    while (count > 0 || (count < 0 && errno == EINTR)) count = read(pipe, &ignored, 1);
    spdlog::info("the program that started this worker has gone: ending");
    agent.Shutdown(Agent::Manner::kAtOnce);
  }).detach();
}

int Fail(const absl::Status& status, int code) {
  std::cerr << "error: " << status.message() << std::endl;
  return code;
}

int Run(const Flags& flags) {
  const absl::StatusOr<EvaluatorPool::Options> pool = MakePool(flags);
  if (!pool.ok()) return Fail(pool.status(), kUsage);
  const absl::StatusOr<WorkerOffer> offer = MakeOffer(flags);
  if (!offer.ok()) return Fail(offer.status(), kUsage);
  const auto channel = ServerClient::Connect(flags.server, flags.channel);
  if (!channel.ok()) return Fail(channel.status(), kUsage);
  const auto folder = WorkerFolder::Open(flags.folder, flags.name);
  if (!folder.ok()) return Fail(folder.status(), kFailed);

  ServerClient server(*channel);
  Agent agent({.name = (*folder)->name(),
               .folder = (*folder)->path(),
               .pool = *pool,
               .offer = *offer,
               .checkpoint_interval = absl::Seconds(flags.checkpoint_seconds)},
              server, Clock::System());
  WatchSignals(agent);
  if (flags.parent_pipe >= 0) WatchParent(agent, flags.parent_pipe);
  absl::Status status = CheckEvaluators(*pool);
  spdlog::info("worker {}: {} slots of {} threads, server {}", (*folder)->name(),
               pool->devices.size(), flags.threads, flags.server);
  if (status.ok()) status = agent.Run();
  // Without destructors: threads that wait for signals and the parent refer to the agent.
  _exit(status.ok() ? 0 : Fail(status, kFailed));
}

}  // namespace
}  // namespace cambrian

int main(int argc, char** argv) {
  cambrian::Flags flags;
  flags.folder = cambrian::DefaultFolder();
  flags.evaluators = cambrian::DefaultEvaluators();
  CLI::App app;
  cambrian::Describe(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : cambrian::kUsage;
  }
  spdlog::set_default_logger(spdlog::stderr_color_mt("worker"));
  signal(SIGPIPE, SIG_IGN);  // writing to an evaluator that has died is an error, not our end
  const sigset_t signals = cambrian::EndingSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return cambrian::Run(flags);
}
