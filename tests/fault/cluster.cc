#include "tests/fault/cluster.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace cambrian::testing {
namespace {

constexpr char kStudy[] = R"(study: faults
data:
  root: sets
  csv: {file: tiny.csv, label: label, shape: [1, 8, 8]}
  task: {input: [1, 8, 8], classes: 10}
  sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
space:
  parameters: {channels: 4}
  network:
    - conv: {kernel: 3, out: $channels}
    - cell
    - head
  cells:
    cell:
      graph: {nodes: 4, edge: {choose: [skip, conv1x1, conv3x3, avg_pool3x3]}}
  blocks:
    conv1x1: [relu, {conv: {kernel: 1}}, batch_norm]
    conv3x3: [relu, {conv: {kernel: 3}}, batch_norm]
    avg_pool3x3: {avg_pool: {kernel: 3, stride: 1}}
recipe: {epochs: 2}
estimator: {evaluator: fast}
objectives:
  - maximize: accuracy
  - minimize: parameters
)";

// The number that the evaluator reports for a chain.
double Unit(uint64_t hash) { return static_cast<double>(hash >> 11) * 0x1.0p-53; }

std::string Tail(const std::string& text) {
  constexpr size_t kTail = 1500;
  return text.size() <= kTail ? text : text.substr(text.size() - kTail);
}

// What is acknowledged once a trial has ended.
std::string ResultOf(const nlohmann::json& trial) {
  return absl::StrCat(trial["state"].get<std::string>(), " ", trial["architecture"].dump(), " ",
                      trial["metrics"].dump());
}

bool HasEnded(const nlohmann::json& trial) {
  static const std::set<std::string> kEnds = {"succeeded", "pruned", "infeasible", "failed",
                                              "cancelled"};
  return kEnds.count(trial["state"].get<std::string>()) > 0;
}

}  // namespace

Cluster::Cluster(ClusterOptions options) : options_(std::move(options)) {
  if (options_.server_folder.empty()) options_.server_folder = folder_.path();
  if (options_.database.empty()) {
    options_.database = absl::StrCat("sqlite:", options_.server_folder, "/cambrian.db");
  }
  std::filesystem::create_directories(folder_ / "sets");
  std::ofstream(folder_ / "sets/tiny.csv") << "a,label\n1,0\n";
}

absl::Status Cluster::StartServer(const std::string& name) {
  const std::string prefix = folder_ / absl::StrCat(name, "-", ++starts_);
  std::vector<std::string> command = {Program("cambrian-server"),
                                      "--listen",
                                      absl::StrCat("127.0.0.1:", ports_[name]),
                                      "--database",
                                      options_.database,
                                      "--artifacts",
                                      options_.server_folder + "/artifacts",
                                      "--lease-term",
                                      absl::StrCat(options_.lease_seconds)};
  command.insert(command.end(), options_.server_flags.begin(), options_.server_flags.end());
  auto server = std::make_unique<Child>(command, prefix, options_.server_environment);
  std::string address;
  const bool listens = Eventually([&] {
    const std::string out = server->Out();
    const size_t begin = out.find("listening on ");
    if (begin == std::string::npos || out.find('\n', begin) == std::string::npos) {
      return server->HasEnded();
    }
    address = out.substr(begin + 13, out.find('\n', begin) - begin - 13);
    return true;
  });
  int port = 0;
  if (!listens || !absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port)) {
    return absl::UnavailableError(
        absl::StrCat(name, " does not start:\n", server->Out(), server->Err()));
  }
  ports_[name] = port;
  servers_[name] = std::move(server);
  return absl::OkStatus();
}

std::string Cluster::address() const { return absl::StrCat("127.0.0.1:", ports_.at(spoken_to_)); }

void Cluster::StartWorker(const std::string& name, int slots, const std::string& address_of) {
  const FastOptions& fast = options_.fast;
  std::map<std::string, std::string> environment = {
      {"FAST_STEPS", absl::StrCat(fast.steps)}, {"FAST_STEP_MS", absl::StrCat(fast.step_ms)},
      {"FAST_CRASH", absl::StrCat(fast.crash)}, {"FAST_HANG", absl::StrCat(fast.hang)},
      {"FAST_OOM", absl::StrCat(fast.memory)},  {"FAST_NAN", absl::StrCat(fast.nan)},
      {"FAST_JOURNAL", folder_ / "journal"}};
  environment.insert(options_.worker_environment.begin(), options_.worker_environment.end());
  std::vector<std::string> command = {Program("cambrian-worker"),
                                      "--server",
                                      address_of.empty() ? address() : address_of,
                                      "--slots",
                                      absl::StrCat(slots),
                                      "--evaluator",
                                      "fast=" + Program("fast_evaluator"),
                                      "--data-root",
                                      "sets=" + (folder_ / "sets"),
                                      "--folder",
                                      folder_ / name,
                                      "--name",
                                      name};
  if (fast.hang > 0) command.insert(command.end(), {"--evaluator-timeout", "2"});
  command.insert(command.end(), options_.caller_flags.begin(), options_.caller_flags.end());
  workers_[name] =
      std::make_unique<Child>(command, folder_ / absl::StrCat(name, "-", ++starts_), environment);
}

void Cluster::KillServer(const std::string& name) {
  server(name).Signal(SIGKILL);
  server(name).Wait();
}

void Cluster::KillWorker(const std::string& name) {
  worker(name).Signal(SIGKILL);
  worker(name).Wait();
}

std::vector<pid_t> Cluster::Evaluators(const std::string& name) {
  std::vector<pid_t> evaluators;
  std::error_code error;
  const std::string tasks = absl::StrCat("/proc/", worker(name).pid(), "/task");
  for (const auto& entry : std::filesystem::directory_iterator(tasks, error)) {
    std::ifstream file(entry.path() / "children");
    for (pid_t child = 0; file >> child;) evaluators.push_back(child);
  }
  return evaluators;
}

std::string Cluster::Client(std::vector<std::string> words, std::string* error) {
  words.insert(words.begin(), Program("cambrian"));
  words.insert(words.end(), {"--server", address()});
  words.insert(words.end(), options_.caller_flags.begin(), options_.caller_flags.end());
  Child child(words, folder_ / absl::StrCat("client-", ++starts_));
  if (child.Wait() == 0) return child.Out();
  if (error != nullptr) *error = child.Err();
  return "";
}

std::string Cluster::Submit(int trials, const std::string& extra, int seed) {
  const std::string path = folder_ / "study.yaml";
  std::ofstream(path) << kStudy << "budget: {trials: " << trials
                      << ", failures: 1000000}\nseed: " << seed << "\n"
                      << (absl::StrContains(extra, "strategy:") ? "" : "strategy: random\n")
                      << extra;
  std::string error;
  std::string name = Client({"submit", path, "--quiet"}, &error);
  if (name.empty()) return "error: " + error;
  name.erase(name.find('\n'));
  return name;
}

nlohmann::json Cluster::Study(const std::string& study) {
  return nlohmann::json::parse(Client({"show", study, "--output", "json"}), nullptr, false);
}

std::vector<nlohmann::json> Cluster::Trials(const std::string& study) {
  std::vector<nlohmann::json> trials;
  const std::string out = Client({"trials", study, "--output", "json"});
  for (const absl::string_view line : absl::StrSplit(out, '\n', absl::SkipEmpty())) {
    trials.push_back(nlohmann::json::parse(line.begin(), line.end(), nullptr, false));
  }
  return trials;
}

nlohmann::json Cluster::Trial(const std::string& study, int64_t number) {
  return nlohmann::json::parse(
      Client({"trial", "show", absl::StrCat(study, "/", number), "--output", "json"}), nullptr,
      false);
}

std::vector<std::vector<std::string>> Cluster::Journal() const {
  std::vector<std::vector<std::string>> lines;
  for (const absl::string_view line :
       absl::StrSplit(Child::Read(folder_ / "journal"), '\n', absl::SkipEmpty())) {
    lines.push_back(absl::StrSplit(line, ' '));
  }
  return lines;
}

void Cluster::NoteAcknowledged(const std::string& study) {
  for (const nlohmann::json& trial : Trials(study)) {
    if (!trial.is_object() || !HasEnded(trial)) continue;
    const std::string name = absl::StrCat(study, "/", trial["trial"].get<int64_t>());
    acknowledged_.emplace(name, ResultOf(trial));
  }
}

std::map<int64_t, std::vector<std::string>> Cluster::Attempts(const std::string& study) {
  std::map<int64_t, std::vector<std::string>> attempts;
  Child query({Program("cambrian"), "query", "--database", options_.database, "--output", "csv",
               absl::StrCat("SELECT trial, outcome FROM attempt WHERE study = '", study,
                            "' ORDER BY trial, token")},
              folder_ / absl::StrCat("query-", ++starts_));
  if (query.Wait() != 0) return attempts;
  const std::string out = query.Out();
  for (const absl::string_view line : absl::StrSplit(out, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    int64_t trial = 0;
    if (cells.size() != 2 || !absl::SimpleAtoi(cells[0], &trial)) continue;  // the header
    attempts[trial].emplace_back(absl::StripAsciiWhitespace(cells[1]));
  }
  return attempts;
}

void Cluster::CheckTrial(const nlohmann::json& trial, const std::vector<std::string>& attempts,
                         const std::map<std::string, std::vector<std::string>>& chains,
                         std::vector<std::string>& wrong) {
  const std::string name =
      absl::StrCat(trial["study"].get<std::string>(), "/", trial["trial"].get<int64_t>());
  if (trial["state"] != "succeeded" || !trial["same_as"].is_null() || trial["attempts"] == 0) {
    return;
  }
  const auto succeeded = std::count(attempts.begin(), attempts.end(), "succeeded");
  // A lost attempt has ended as lost, also where its result came late but before another began.
  const bool late = succeeded == 0 && !attempts.empty() && attempts.back() == "lost";
  if (succeeded != 1 && !late) {
    wrong.push_back(
        absl::StrCat(name, " has succeeded by the attempts: ", absl::StrJoin(attempts, ", ")));
  }
  const auto found = chains.find(name);
  if (found == chains.end()) {
    wrong.push_back(absl::StrCat(name, " has a result that no evaluator computed"));
    return;
  }
  for (const std::string& chain : found->second) {
    if (chain != found->second.front()) {
      wrong.push_back(absl::StrCat(name, ": its attempts came to different results"));
    }
  }
  uint64_t chain = 0;
  if (!absl::SimpleAtoi(found->second.front(), &chain) ||
      trial["metrics"]["chain"]["value"] != Unit(chain)) {
    wrong.push_back(absl::StrCat(name, ": the store has another result than the evaluator had"));
  }
}

std::vector<std::string> Cluster::Check(const std::string& study, int trials) {
  std::vector<std::string> wrong;
  const std::vector<nlohmann::json> all = Trials(study);
  std::map<std::string, std::vector<std::string>> chains;  // by "study/number"
  for (const std::vector<std::string>& line : Journal()) {
    if (line.size() != 3 || line[0] != "done") continue;
    chains[line[1].substr(0, line[1].find('#'))].push_back(line[2]);
  }
  std::map<int64_t, std::vector<std::string>> attempts = Attempts(study);
  std::map<std::string, int> seen;
  for (const nlohmann::json& trial : all) {
    const std::string name = absl::StrCat(study, "/", trial["trial"].get<int64_t>());
    ++seen[name];
    if (!HasEnded(trial)) wrong.push_back(absl::StrCat(name, " has not ended"));
    const auto known = acknowledged_.find(name);
    if (known != acknowledged_.end() && known->second != ResultOf(trial)) {
      wrong.push_back(
          absl::StrCat(name, " was acknowledged as ", known->second, " and is ", ResultOf(trial)));
    }
    CheckTrial(trial, attempts[trial["trial"]], chains, wrong);
  }
  for (int number = 1; number <= trials; ++number) {
    const std::string name = absl::StrCat(study, "/", number);
    if (seen[name] != 1) wrong.push_back(absl::StrCat(name, " is there ", seen[name], " times"));
  }
  if (static_cast<int>(all.size()) != trials) {
    wrong.push_back(absl::StrCat(all.size(), " trials instead of ", trials));
  }
  Child replay({Program("cambrian"), "replay", study, "--database", options_.database},
               folder_ / absl::StrCat("replay-", ++starts_));
  if (replay.Wait(absl::Seconds(120)) != 0) {
    wrong.push_back(absl::StrCat("replay: ", replay.Out(), replay.Err()));
  }
  return wrong;
}

std::string Cluster::Logs() const {
  std::string text;
  for (const auto& [name, child] : servers_) {
    absl::StrAppend(&text, "--- ", name, "\n", Tail(child->Err()));
  }
  for (const auto& [name, child] : workers_) {
    absl::StrAppend(&text, "--- ", name, "\n", Tail(child->Err()));
  }
  return text;
}

}  // namespace cambrian::testing
