// How fast the stores commit: batches as a busy server writes them, each trial ended and another
// one started in its place.
//   build/release/bin/store_speed [--database sqlite|postgres] [--studies 20] [--trials 100]
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "server/store/postgres.h"
#include "server/store/sqlite.h"
#include "tests/testing/postgres.h"

namespace cambrian {
namespace {

std::string Key(int64_t study, int64_t trial) {
  return absl::StrFormat("%016x%016x", static_cast<uint64_t>(trial) * 0x9e3779b97f4a7c15ULL,
                         static_cast<uint64_t>(study) * 0xbf58476d1ce4e5b9ULL + trial);
}

// One study under way, as its rows.
class Study {
 public:
  explicit Study(int64_t id) {
    record_.id = id;
    record_.name = absl::StrCat("speed-", id);
    record_.request_id = record_.name;
    record_.text = std::string(2000, 'x');
    record_.objective.metric = "accuracy";
    record_.created = absl::Now();
  }

  void Propose(Batch& batch, int64_t token) {
    TrialRecord trial;
    trial.study = record_.id;
    trial.number = ++record_.trials;
    trial.state = v1::TRIAL_RUNNING;
    trial.architecture =
        "{\"blocks\": 3, \"block_1.op\": \"conv_3x3\", \"block_2.op\": \"identity\", "
        "\"block_3.op\": \"conv_5x5\", \"recipe.lr\": 0.0123456789}";
    trial.canonical_key = Key(record_.id, trial.number);
    trial.evaluation_key = Key(trial.number, record_.id);
    trial.origin = "random";
    trial.metrics = {{"parameters", {123456, {}, {}}}, {"macs", {1234567, {}, {}}}};
    trial.created = absl::Now();
    trial.started = absl::Now();
    trial.token = token;
    trial.attempts = 1;
    trial.worker = "load-1-23";
    trial.proposed_event = ++record_.event;
    AddEvent(batch, EventKind::kProposed, trial.number);
    batch.trials.push_back(trial);
    open_.push_back(std::move(trial));
    ++record_.running;
  }
  void End(Batch& batch) {
    TrialRecord trial = std::move(open_.front());
    open_.pop_front();
    trial.state = v1::TRIAL_SUCCEEDED;
    trial.metrics["accuracy"] = {static_cast<double>(trial.number) * 1e-7, {}, {}};
    trial.ended = absl::Now();
    trial.ended_event = ++record_.event;
    trial.seconds = 0.001;
    --record_.running;
    ++record_.succeeded;
    AttemptRecord attempt;
    attempt.study = record_.id;
    attempt.trial = trial.number;
    attempt.token = trial.token;
    attempt.worker = trial.worker;
    attempt.started = *trial.started;
    attempt.ended = *trial.ended;
    attempt.end = v1::ATTEMPT_SUCCEEDED;
    attempt.seconds = 0.001;
    batch.attempts.push_back(std::move(attempt));
    AddEvent(batch, EventKind::kEnded, trial.number);
    batch.trials.push_back(std::move(trial));
  }
  void Write(Batch& batch) {
    batch.studies.push_back(record_);
    record_.text.clear();
  }

 private:
  void AddEvent(Batch& batch, EventKind kind, int64_t trial) {
    batch.events.push_back({record_.id, record_.event, kind, trial, {}});
  }

  StudyRecord record_;
  std::deque<TrialRecord> open_;
};

// Studies with 64 trials under way between them.
class Writer {
 public:
  static constexpr int kUnderWay = 64;

  Writer(TrialStore& store, int studies) : store_(store) {
    epoch_ = store.StartEpoch("speed", absl::Hours(1)).value().number;
    for (int i = 0; i < studies; ++i) studies_.push_back(std::make_unique<Study>(i + 1));
    Batch batch;
    for (int i = 0; i < kUnderWay; ++i) Next().Propose(batch, ++token_);
    for (const auto& study : studies_) study->Write(batch);
    Write(std::move(batch));
  }

  void Commit(int trials) {
    Batch batch;
    std::set<Study*> touched;
    for (int i = 0; i < trials; ++i) {
      Study& study = Next();
      study.End(batch);
      study.Propose(batch, ++token_);
      touched.insert(&study);
    }
    for (Study* study : touched) study->Write(batch);
    Write(std::move(batch));
  }

 private:
  Study& Next() { return *studies_[next_++ % studies_.size()]; }
  void Write(Batch batch) {
    batch.marker = {epoch_, ++commits_};
    batch.counters = {static_cast<int64_t>(studies_.size()), token_};
    const absl::Status status = store_.Commit(batch);
    if (status.ok()) return;
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    std::exit(1);
  }

  TrialStore& store_;
  std::vector<std::unique_ptr<Study>> studies_;
  size_t next_ = 0;
  int64_t epoch_ = 0;
  int64_t commits_ = 0;
  int64_t token_ = 0;
};

double CpuSeconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Of the processes of PostgreSQL that serve a connection.
double PostgresSeconds(const testing::Postgres& postgres) {
  double total = 0;
  const std::string id = std::to_string(postgres.pid());
  std::ifstream children("/proc/" + id + "/task/" + id + "/children");
  for (pid_t child = 0; children >> child;) {
    std::ifstream file(absl::StrCat("/proc/", child, "/schedstat"));
    double nanoseconds = 0;
    file >> nanoseconds;
    total += nanoseconds / 1e9;
  }
  return total;
}

int Main(int argc, char** argv) {
  std::string database = "sqlite";
  int studies = 1;
  int trials = 24;
  int commits = 4000;
  CLI::App app("Measures the commits of the trial database.", "store_speed");
  app.add_option("--database", database, "sqlite or postgres")
      ->check(CLI::IsMember({"sqlite", "postgres"}))
      ->capture_default_str();
  app.add_option("--studies", studies, "That take turns")
      ->check(CLI::Range(1, Writer::kUnderWay))
      ->capture_default_str();
  app.add_option("--trials", trials, "Of each commit: so many end, and as many start")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--commits", commits, "That are measured, after a quarter of them that are not")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  testing::TemporaryFolder folder;
  std::unique_ptr<testing::Postgres> postgres;
  if (database == "postgres") {
    std::string reason;
    postgres = testing::Postgres::Start(&reason, /*is_durable=*/true);
    if (!postgres) {
      std::fprintf(stderr, "%s\n", reason.c_str());
      return 1;
    }
  }
  const auto store =
      postgres ? OpenPostgresStore(postgres->Url()) : OpenSqliteStore(folder / "speed.db");
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
    return 1;
  }
  Writer writer(**store, studies);
  const int warm_up = commits / 4;
  for (int i = 0; i < warm_up; ++i) writer.Commit(trials);
  const double own = CpuSeconds();
  const double server = postgres ? PostgresSeconds(*postgres) : 0;
  const absl::Time start = absl::Now();
  for (int i = 0; i < commits; ++i) writer.Commit(trials);
  const double microseconds = 1e6 / (static_cast<double>(commits) * trials);
  std::printf("%s, %d studies, %d trials a commit: %.1f us a trial; processor %.1f us here",
              database.c_str(), studies, trials,
              absl::ToDoubleSeconds(absl::Now() - start) * microseconds,
              (CpuSeconds() - own) * microseconds);
  if (postgres) {
    std::printf(" and %.1f us in the database",
                (PostgresSeconds(*postgres) - server) * microseconds);
  }
  std::printf("\n");
  return 0;
}

}  // namespace
}  // namespace cambrian

int main(int argc, char** argv) { return cambrian::Main(argc, argv); }
