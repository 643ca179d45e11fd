// A cluster of real processes on this machine that faults can be done to, and the account of what
// must be true of it at the end.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "tests/testing/programs.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian::testing {

// What the fast evaluator is told; see tests/testing/fast_evaluator.cc.
struct FastOptions {
  int steps = 4;
  int step_ms = 20;
  double crash = 0;
  double hang = 0;
  double memory = 0;
  double nan = 0;
};

struct ClusterOptions {
  std::string database;       // a URL; empty: SQLite in the server's folder
  std::string server_folder;  // the server's files; empty: the cluster's folder
  int lease_seconds = 3;
  FastOptions fast;
  std::vector<std::string> server_flags = {};
  std::vector<std::string> caller_flags = {};  // of workers and clients
  // Beside this program's own environment.
  std::map<std::string, std::string> server_environment = {};
  std::map<std::string, std::string> worker_environment = {};
};

// The server listens on a port of loopback that stays the same when it starts again. Not
// thread-safe.
class Cluster {
 public:
  explicit Cluster(ClusterOptions options);

  // Starts the server `name`, and waits until it listens. \error kUnavailable with its last words.
  absl::Status StartServer(const std::string& name = "server");
  // Starts a worker that reaches the server at `address` (empty: directly).
  void StartWorker(const std::string& name, int slots = 2, const std::string& address = "");

  Child& server(const std::string& name = "server") { return *servers_.at(name); }
  Child& worker(const std::string& name) { return *workers_.at(name); }
  bool HasWorker(const std::string& name) const { return workers_.count(name) > 0; }
  // SIGKILL, and collected.
  void KillServer(const std::string& name = "server");
  void KillWorker(const std::string& name);
  // The evaluators of a worker: its children.
  std::vector<pid_t> Evaluators(const std::string& name);

  // The server that the client and new workers speak to from now on.
  void SetServer(const std::string& name) { spoken_to_ = name; }
  // "127.0.0.1:PORT" of that server.
  std::string address() const;
  int port(const std::string& name = "server") const { return ports_.at(name); }
  std::string database() const { return options_.database; }
  const TemporaryFolder& folder() const { return folder_; }

  // Submits a study of so many trials and returns its name. \error kInternal with the client's
  // words
  std::string Submit(int trials, const std::string& extra = "", int seed = 1);
  // Runs `cambrian WORDS… --server ADDRESS`; its stdout, empty if it failed (then `error` says
  // why).
  std::string Client(std::vector<std::string> words, std::string* error = nullptr);
  nlohmann::json Study(const std::string& study);
  std::vector<nlohmann::json> Trials(const std::string& study);
  nlohmann::json Trial(const std::string& study, int64_t number);

  // How the attempts of each trial ended, the oldest first: asked of the database, in SQL.
  std::map<int64_t, std::vector<std::string>> Attempts(const std::string& study);

  // Lines of the evaluators' journal, split at spaces.
  std::vector<std::vector<std::string>> Journal() const;
  // Remembers what the server says now of the study's ended trials: acknowledged results.
  void NoteAcknowledged(const std::string& study);
  int64_t acknowledged() const { return static_cast<int64_t>(acknowledged_.size()); }

  // Everything that must hold of a study that has ended: what is wrong, a line each; empty:
  // nothing.
  // - the trials are 1 … budget, and each has ended;
  // - each acknowledged result is there, once, unchanged;
  // - a succeeded trial has one succeeded attempt (or shares another's result, or its newest
  // attempt
  //   was lost and yet told its result before another began), and its "chain" is
  //   the one that its evaluators computed, every attempt the same;
  // - `cambrian replay` reproduces every proposal.
  std::vector<std::string> Check(const std::string& study, int trials);

  // The end of every program's log.
  std::string Logs() const;

 private:
  void CheckTrial(const nlohmann::json& trial, const std::vector<std::string>& attempts,
                  const std::map<std::string, std::vector<std::string>>& chains,
                  std::vector<std::string>& wrong);

  TemporaryFolder folder_;
  ClusterOptions options_;
  std::map<std::string, std::unique_ptr<Child>> servers_;
  std::map<std::string, std::unique_ptr<Child>> workers_;
  std::map<std::string, int> ports_;
  std::map<std::string, std::string> acknowledged_;  // "study/number" → result
  std::string spoken_to_ = "server";
  int starts_ = 0;
};

}  // namespace cambrian::testing
