// soak: random faults of every kind against a study over a fast evaluator, for as long as one
// likes. Exit code 1 if anything that was acknowledged is lost, changed or there twice, if a trial
// is missing, or if the strategy's proposals cannot be replayed.
#include <algorithm>
#include <iostream>
#include <random>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/fault/cluster.h"
#include "tests/testing/postgres.h"
#include "tests/testing/proxy.h"

namespace cambrian::testing {
namespace {

constexpr absl::Duration kPace = absl::Milliseconds(700);  // between two faults, on average
constexpr absl::Duration kPatience = absl::Seconds(120);   // to finish once the faults have ended
constexpr int kLeaseSeconds = 3;

struct Options {
  double minutes = 5;
  std::string database = "sqlite";
  uint64_t seed = 1;
  int workers = 3;
  int trials = 0;  // of each study; 0: as many as take some ten seconds
  bool list = false;
};

class Soak {
 public:
  Soak(const Options& options, ClusterOptions cluster, Postgres* postgres)
      : options_(options),
        postgres_(postgres),
        random_(options.seed),
        cluster_(std::move(cluster)) {}

  int Run() {
    const absl::Status started = cluster_.StartServer();
    if (!started.ok()) return Break(std::string(started.message()));
    proxy_ = std::make_unique<Proxy>(cluster_.port());
    for (int i = 0; i < options_.workers; ++i) StartWorker(i);
    const absl::Time begin = absl::Now();
    const absl::Time end = begin + absl::Minutes(options_.minutes);
    absl::Time next_line = begin + absl::Seconds(10);
    while (absl::Now() < end && !broken_) {
      EnsureStudy();
      if (absl::Now() >= next_line) {
        PrintProgress(absl::Now() - begin);
        next_line += absl::Seconds(10);
      }
      DoFault();
      Rest();
    }
    Repair();
    if (!study_.empty()) FinishStudy();
    PrintCounts();
    return broken_ ? 1 : 0;
  }

 private:
  struct Fault {
    const char* name;
    void (Soak::*act)();
    int weight;
  };

  int Draw(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  std::string WorkerName(int i) const { return absl::StrCat("worker-", i); }
  std::string AnyWorker() { return WorkerName(Draw(options_.workers)); }

  // Half of the workers reach the server through the proxy.
  void StartWorker(int i) {
    cluster_.StartWorker(WorkerName(i), 2, i % 2 == 0 ? proxy_->address() : "");
  }

  int Break(const std::string& what) {
    broken_ = true;
    std::cout << "BROKEN: " << what << "\n" << cluster_.Logs() << std::endl;
    return 1;
  }

  // One study after the other: each is checked as a whole when it is complete.
  void EnsureStudy() {
    if (!study_.empty()) {
      cluster_.NoteAcknowledged(study_);
      const nlohmann::json now = cluster_.Study(study_);
      if (!now.is_object() || now["state"] == "active") return;
      CheckStudy();
      if (broken_) return;
    }
    trials_ = options_.trials > 0 ? options_.trials : 200;
    const int number = ++studies_;
    const bool evolves = number % 2 == 0;
    study_ = cluster_.Submit(
        trials_, evolves ? "strategy: {regularized_evolution: {population: 12, sample: 4}}\n" : "",
        number);
    if (study_.rfind("error", 0) == 0) {
      std::cout << "submit: " << study_ << std::endl;  // the server is away: once more, later
      study_.clear();
      --studies_;
    }
  }

  void CheckStudy() {
    const nlohmann::json now = cluster_.Study(study_);
    if (!now.is_object() || now["state"] != "completed") {
      Break(absl::StrCat(study_, " is ", now.dump()));
      return;
    }
    const std::vector<std::string> wrong = cluster_.Check(study_, trials_);
    for (const std::string& line : wrong) std::cout << "  " << line << "\n";
    if (!wrong.empty()) Break(absl::StrCat(wrong.size(), " promises broken in ", study_));
    Count();
    study_.clear();
  }

  // What became of the study's trials and attempts.
  void Count() {
    for (const nlohmann::json& trial : cluster_.Trials(study_)) {
      ++trials_by_state_[trial["state"]];
    }
    for (const auto& [trial, ends] : cluster_.Attempts(study_)) {
      for (const std::string& end : ends) ++attempts_by_end_[end];
    }
  }

  void FinishStudy() {
    const bool complete = Eventually(
        [&] {
          cluster_.NoteAcknowledged(study_);
          const nlohmann::json now = cluster_.Study(study_);
          return now.is_object() && now["state"] != "active";
        },
        kPatience);
    if (!complete) {
      Break(absl::StrCat(study_, " does not come to its end: ", cluster_.Study(study_).dump()));
      return;
    }
    CheckStudy();
  }

  // ---- Faults

  void DoFault() {
    static constexpr Fault kFaults[] = {
        {"kill -9 evaluator", &Soak::KillEvaluator, 5},
        {"kill -9 worker", &Soak::KillWorker, 3},
        {"kill -9 server", &Soak::KillServer, 3},
        {"SIGTERM worker", &Soak::TerminateWorker, 3},
        {"freeze worker", &Soak::FreezeWorker, 1},
        {"cut connections", &Soak::Cut, 3},
        {"cut upload", &Soak::CutUpload, 3},
        {"lose answer", &Soak::LoseAnswer, 4},
        {"pause and resume", &Soak::PauseStudy, 1},
        {"kill -9 database", &Soak::KillDatabase, 2},
    };
    int total = 0;
    for (const Fault& fault : kFaults) total += fault.weight;
    int drawn = Draw(total);
    for (const Fault& fault : kFaults) {
      drawn -= fault.weight;
      if (drawn >= 0) continue;
      if (fault.act == &Soak::KillDatabase && postgres_ == nullptr) return;
      if (options_.list) std::cout << fault.name << std::endl;
      (this->*fault.act)();
      ++faults_[fault.name];
      return;
    }
  }

  void KillEvaluator() {
    const std::vector<pid_t> evaluators = cluster_.Evaluators(AnyWorker());
    if (!evaluators.empty()) kill(evaluators[Draw(static_cast<int>(evaluators.size()))], SIGKILL);
  }
  void KillWorker() {
    const int i = Draw(options_.workers);
    cluster_.KillWorker(WorkerName(i));
    StartWorker(i);
  }
  void TerminateWorker() {
    const int i = Draw(options_.workers);
    cluster_.worker(WorkerName(i)).Signal(SIGTERM);
    const int code = cluster_.worker(WorkerName(i)).Wait();
    if (code != 0) Break(absl::StrCat("a worker that was told to leave ended with ", code));
    StartWorker(i);
  }
  void FreezeWorker() {
    const Child& worker = cluster_.worker(AnyWorker());
    worker.Signal(SIGSTOP);
    poll(nullptr, 0, 1000 * (kLeaseSeconds + 1));
    worker.Signal(SIGCONT);
  }
  void KillServer() {
    cluster_.KillServer();
    const absl::Status started = cluster_.StartServer();
    if (!started.ok()) Break(std::string(started.message()));
    proxy_->SetTarget(cluster_.port());
  }
  void Cut() { proxy_->Cut(); }
  void CutUpload() { proxy_->CutAfterUpload(Draw(3000)); }
  void LoseAnswer() { proxy_->LoseAnswer(Draw(300)); }
  void PauseStudy() {
    if (study_.empty()) return;
    cluster_.Client({"pause", study_});
    std::string error;
    const bool resumed = Eventually([&] {
      const nlohmann::json now = cluster_.Study(study_);
      if (now.is_object() && now["state"] != "paused") return true;
      cluster_.Client({"resume", study_}, &error);
      return false;
    });
    if (!resumed) Break(absl::StrCat("the study cannot be resumed: ", error));
  }
  void KillDatabase() {
    postgres_->Kill9();
    poll(nullptr, 0, Draw(500));
    postgres_->Restart();
  }

  // A moment that nothing has chosen.
  void Rest() {
    const double mean = absl::ToDoubleMilliseconds(kPace);
    const double rest = std::exponential_distribution<double>(1 / mean)(random_);
    poll(nullptr, 0, static_cast<int>(std::min(rest, 5 * mean)));
  }

  // Whoever is down comes back.
  void Repair() {
    if (broken_) return;
    if (cluster_.server().HasEnded()) KillServer();
    for (int i = 0; i < options_.workers; ++i) {
      if (cluster_.worker(WorkerName(i)).HasEnded()) StartWorker(i);
    }
  }

  void PrintProgress(absl::Duration since) {
    int faults = 0;
    for (const auto& [name, count] : faults_) faults += count;
    std::cout << absl::StrFormat("%4.0f s: %d studies, %d results acknowledged, %d faults\n",
                                 absl::ToDoubleSeconds(since), studies_, cluster_.acknowledged(),
                                 faults)
              << std::flush;
  }

  void PrintCounts() const {
    std::cout << "faults:\n";
    for (const auto& [name, count] : faults_) std::cout << "  " << count << " × " << name << "\n";
    std::cout << "studies: " << studies_ << "\ntrials:\n";
    for (const auto& [state, count] : trials_by_state_) {
      std::cout << "  " << count << " " << state << "\n";
    }
    std::cout << "attempts:\n";
    for (const auto& [end, count] : attempts_by_end_)
      std::cout << "  " << count << " " << end << "\n";
    int resumed = 0;
    for (const auto& line : cluster_.Journal()) {
      resumed += line.size() == 3 && line[0] == "begin" && line[2] != "0";
    }
    std::cout << "resumed from a checkpoint: " << resumed
              << "\nacknowledged results, all of them there once and unchanged: "
              << (broken_ ? "NO" : absl::StrCat(cluster_.acknowledged())) << "\n"
              << (broken_ ? "BROKEN" : "nothing is lost") << std::endl;
  }

  const Options options_;
  Postgres* const postgres_;
  std::mt19937_64 random_;
  Cluster cluster_;
  std::unique_ptr<Proxy> proxy_;
  std::string study_;
  int trials_ = 0;
  int studies_ = 0;
  bool broken_ = false;
  std::map<std::string, int> faults_;
  std::map<std::string, int> trials_by_state_;
  std::map<std::string, int> attempts_by_end_;
};

int Main(const Options& options) {
  // Programs are found beside this one.
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
  setenv("CAMBRIAN_BIN", self.c_str(), /*overwrite=*/0);
  std::unique_ptr<Postgres> postgres;
  ClusterOptions cluster;
  cluster.lease_seconds = kLeaseSeconds;
  cluster.fast = {.steps = 5, .step_ms = 20, .crash = .02, .hang = 0, .memory = .02, .nan = .02};
  if (options.database == "postgres") {
    std::string reason;
    postgres = Postgres::Start(&reason);
    if (postgres == nullptr) {
      std::cout << "skipped: " << reason << std::endl;
      return 77;
    }
    cluster.database = postgres->Url();
  }
  return Soak(options, std::move(cluster), postgres.get()).Run();
}

}  // namespace
}  // namespace cambrian::testing

int main(int argc, char** argv) {
  cambrian::testing::Options options;
  CLI::App app("Random faults of every kind, and the account at the end.", "soak");
  app.footer("Example:\n  soak --minutes 60 --database postgres --seed 7");
  app.add_option("--minutes", options.minutes, "How long")->capture_default_str();
  app.add_option("--database", options.database, "sqlite or postgres")
      ->check(CLI::IsMember({"sqlite", "postgres"}))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Of the faults")->capture_default_str();
  app.add_option("--workers", options.workers, "Worker processes")->capture_default_str();
  app.add_option("--trials", options.trials, "Of each study")->capture_default_str();
  app.add_flag("--list", options.list, "Print each fault when it is done");
  CLI11_PARSE(app, argc, argv);
  return cambrian::testing::Main(options);
}
