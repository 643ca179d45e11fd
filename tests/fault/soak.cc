// soak: random faults of every kind against a study over a fast evaluator, for as long as one
// likes. Exit code 1 if anything that was acknowledged is lost, changed or there twice, if a trial
// is missing, or if the strategy's proposals cannot be replayed.
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/fault/cluster.h"
#include "tests/fault/faults.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian::testing {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(120);  // to finish once the faults have ended
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
  // `ground` outlives it.
  Soak(const Options& options, ClusterOptions cluster, const Ground& ground)
      : options_(options),
        cluster_(std::move(cluster)),
        faults_({.seed = options.seed,
                 .workers = options.workers,
                 .lease = absl::Seconds(kLeaseSeconds),
                 .list = options.list},
                cluster_, ground) {}

  int Run() {
    Expect(faults_.Begin());
    const absl::Time begin = absl::Now();
    const absl::Time end = begin + absl::Minutes(options_.minutes);
    absl::Time next_line = begin + absl::Seconds(10);
    while (absl::Now() < end && !broken_) {
      EnsureStudy();
      if (absl::Now() >= next_line) {
        PrintProgress(absl::Now() - begin);
        next_line += absl::Seconds(10);
      }
      if (!broken_) Expect(faults_.DoOne(study_));
      faults_.Rest();
    }
    if (!broken_) Expect(faults_.Repair());
    if (!broken_ && !study_.empty()) FinishStudy();
    PrintCounts();
    return broken_ ? 1 : 0;
  }

 private:
  void Expect(const absl::Status& status) {
    if (!status.ok()) Break(std::string(status.message()));
  }
  void Break(const std::string& what) {
    broken_ = true;
    std::cout << "BROKEN: " << what << "\n" << cluster_.Logs() << std::endl;
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

  void PrintProgress(absl::Duration since) {
    int faults = 0;
    for (const auto& [name, count] : faults_.counts()) faults += count;
    std::cout << absl::StrFormat("%4.0f s: %d studies, %d results acknowledged, %d faults\n",
                                 absl::ToDoubleSeconds(since), studies_, cluster_.acknowledged(),
                                 faults)
              << std::flush;
  }

  void PrintCounts() {
    std::cout << "faults:\n";
    for (const auto& [name, count] : faults_.counts()) {
      std::cout << "  " << count << " × " << name << "\n";
    }
    std::cout << "hung evaluators: " << faults_.HungEvaluators() << "\nstudies: " << studies_
              << "\ntrials:\n";
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
  Cluster cluster_;
  Faults faults_;
  std::string study_;
  int trials_ = 0;
  int studies_ = 0;
  bool broken_ = false;
  std::map<std::string, int> trials_by_state_;
  std::map<std::string, int> attempts_by_end_;
};

int Main(const Options& options) {
  // Programs are found beside this one.
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
  setenv("CAMBRIAN_BIN", self.c_str(), /*overwrite=*/0);
  std::string reason;
  std::unique_ptr<Postgres> postgres;
  if (options.database == "postgres") {
    postgres = Postgres::Start(&reason);
    if (postgres == nullptr) {
      std::cout << "skipped: " << reason << std::endl;
      return 77;
    }
  }
  const std::unique_ptr<SmallDisk> disk = SmallDisk::Mount(&reason);
  if (disk == nullptr) std::cout << "without full disks: " << reason << std::endl;
  const TemporaryFolder folder;
  JumpingClock clock(folder / "clock");
  ClusterOptions cluster;
  cluster.database = postgres != nullptr ? postgres->Url() : "";
  cluster.server_folder = disk != nullptr ? disk->path() : "";
  cluster.lease_seconds = kLeaseSeconds;
  cluster.fast = {.steps = 5, .step_ms = 20, .crash = .02, .hang = .005, .memory = .02, .nan = .02};
  cluster.server_environment = clock.Environment();
  const Ground ground = {postgres.get(), disk.get(), &clock};
  return Soak(options, std::move(cluster), ground).Run();
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
