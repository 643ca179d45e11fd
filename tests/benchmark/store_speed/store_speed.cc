// How fast the stores commit: batches as a busy server writes them, each trial ended and another
// one started in its place.
//   build/release/bin/store_speed [--database sqlite|postgres] [--studies 20] [--trials 24]
#include <sys/stat.h>
#include <time.h>

#include <cstdio>
#include <deque>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "server/store/memory.h"
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
    AddEvent(batch, EventKind::kProposed, trial);
    batch.trials.push_back(trial);
    open_.push_back(std::move(trial));
    ++record_.running;
  }
  void End(Batch& batch) {
    TrialRecord trial = std::move(open_.front());
    open_.pop_front();
    trial.state = v1::TRIAL_SUCCEEDED;
    trial.metrics["accuracy"] = {0.123456 + trial.number * 1e-7, {}, {}};
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
    AddEvent(batch, EventKind::kEnded, trial);
    batch.trials.push_back(std::move(trial));
  }
  void Write(Batch& batch) {
    batch.studies.push_back(record_);
    record_.text.clear();
  }

 private:
  void AddEvent(Batch& batch, EventKind kind, const TrialRecord& trial) {
    EventRecord& event = batch.events.emplace_back();
    event.study = record_.id;
    event.number = record_.event;
    event.kind = kind;
    event.trial = trial.number;
    event.event.set_number(record_.event);
    event.event.mutable_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
    event.event.mutable_time()->set_nanos(123456000);
    v1::Trial& message = *event.event.mutable_trial();
    message.set_number(trial.number);
    message.set_state(trial.state);
    for (const auto& [name, value] : trial.metrics) {
      v1::Measurement& metric = *message.add_metrics();
      metric.set_metric(name);
      metric.set_value(value.value);
    }
    *message.mutable_created() = event.event.time();
    *message.mutable_started() = event.event.time();
    if (trial.ended) *message.mutable_ended() = event.event.time();
    message.set_attempts(1);
    message.set_worker(trial.worker);
  }

  StudyRecord record_;
  std::deque<TrialRecord> open_;
};

double CpuSeconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
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
  int studies = 1, trials = 24, commits = 4000, open = 64;
  std::string folder_name;
  CLI::App app("Measures the stores.", "store_speed");
  app.add_option("--database", database)->check(CLI::IsMember({"memory", "sqlite", "postgres"}));
  app.add_option("--studies", studies);
  app.add_option("--trials", trials, "A commit");
  app.add_option("--commits", commits);
  app.add_option("--open", open, "Trials under way");
  CLI11_PARSE(app, argc, argv);
  testing::TemporaryFolder folder;
  std::unique_ptr<testing::Postgres> postgres;
  absl::StatusOr<std::unique_ptr<TrialStore>> store;
  if (database == "postgres") {
    std::string reason;
    postgres = testing::Postgres::Start(&reason, true);
    if (!postgres) return 1;
    store = OpenPostgresStore(postgres->Url(), {});
  } else {
    store = OpenSqliteStore(folder / "speed.db");
  }
  const auto epoch = (*store)->StartEpoch("speed", absl::Hours(1));
  int64_t token = 0, commit = 0;
  std::vector<std::unique_ptr<Study>> all;
  for (int i = 0; i < studies; ++i) all.push_back(std::make_unique<Study>(i + 1));
  const auto write = [&](Batch batch) {
    batch.marker = {epoch->number, ++commit};
    batch.counters = {studies, token};
    const absl::Status status = (*store)->Commit(batch);
    if (status.ok()) return;
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    exit(1);
  };
  Batch first;
  for (int i = 0; i < open; ++i) all[i % studies]->Propose(first, ++token);
  for (auto& study : all) study->Write(first);
  write(std::move(first));
  double cpu = 0, server = 0;
  absl::Time start;
  int64_t next = 0;
  const int warm = commits / 4;
  for (int i = 0; i < commits + warm; ++i) {
    if (i == warm) {
      cpu = CpuSeconds();
      start = absl::Now();
      if (postgres) server = PostgresSeconds(*postgres);
    }
    Batch batch;
    std::vector<bool> touched(studies);
    for (int j = 0; j < trials; ++j, ++next) {
      Study& study = *all[next % studies];
      study.End(batch);
      study.Propose(batch, ++token);
      touched[next % studies] = true;
    }
    for (int j = 0; j < studies; ++j) if (touched[j]) all[j]->Write(batch);
    write(std::move(batch));
  }
  const double n = double(commits) * trials;
  std::printf("%s studies %d, %d a commit: wall %.2f us, cpu %.2f us, backend %.2f us a trial\n",
              database.c_str(), studies, trials, absl::ToDoubleMicroseconds(absl::Now() - start) / n,
              (CpuSeconds() - cpu) / n * 1e6,
              postgres ? (PostgresSeconds(*postgres) - server) / n * 1e6 : 0);
  struct stat info;
  if (!postgres && stat((folder / "speed.db").c_str(), &info) == 0) std::printf("  db %.0f bytes a trial\n", info.st_size / (n * 1.25));
  return 0;
}

}  // namespace
}  // namespace cambrian

int main(int argc, char** argv) { return cambrian::Main(argc, argv); }
