// How fast the server is: durable trials a second over real gRPC, beside the rate of bare calls
// with the same messages in the same run. All processes share this machine, and all are told to the
// kernel as SCHED_BATCH, bare ones too. Other machines' load on the host comes and goes, so all
// that is compared takes turns, and medians are told. Exits with 1 if a goal is missed.
//   build/release/bin/coordinator_speed [--database sqlite|postgres] [--seconds 3] [--parts
//   bare,one,…] [--optuna PYTHON]
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <pqxx/pqxx>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cambrian/v1/study_service.grpc.pb.h"
#include "common/base/version.h"
#include "grpcpp/grpcpp.h"
#include "server/store/sqlite.h"
#include "tests/benchmark/coordinator/bare_server.h"
#include "tests/benchmark/coordinator/load.h"
#include "tests/benchmark/coordinator/optuna_peer.h"
#include "tests/testing/postgres.h"
#include "tests/testing/programs.h"
#include "tests/testing/server_study.h"

namespace cambrian {
namespace {

constexpr int kMany = 100'000;  // trials
constexpr int kIdle = 5'000;    // workers
constexpr int kStudies = 20;
constexpr int kRounds = 7;

std::string Self() { return std::filesystem::read_symlink("/proc/self/exe").string(); }
std::string Beside(const std::string& name) {
  return (std::filesystem::path(Self()).parent_path() / name).string();
}

std::string LoadAverage() {
  std::string text;
  std::getline(std::ifstream("/proc/loadavg"), text);
  return text.substr(0, text.find(' '));
}

// Prints a figure beside its goal. A goal of 0: none.
bool Print(const std::string& what, double figure, const char* unit, double ratio, double goal,
           bool met) {
  std::printf("%-46s %10.1f %-9s ratio %6.2f  goal %6.2f  %-6s load %s\n", what.c_str(), figure,
              unit, ratio, goal,
              goal == 0 ? ""
              : met     ? "met"
                        : "MISSED",
              LoadAverage().c_str());
  std::fflush(stdout);
  return met;
}

// A server in a process of its own.
class Server {
 public:
  Server(std::vector<std::string> command, const std::string& output) : child_(command, output) {
    testing::Eventually([&] { return !Address().empty() || child_.HasEnded(); });
    if (Address().empty()) {
      std::fprintf(stderr, "%s\n", child_.Err().c_str());
      std::exit(1);
    }
  }
  std::string Address() const {
    const std::string out = child_.Out();
    const std::string word = "listening on ";
    const size_t at = out.find(word);
    const size_t end = out.find('\n', at == std::string::npos ? 0 : at);
    if (at == std::string::npos || end == std::string::npos) return "";
    return out.substr(at + word.size(), end - at - word.size());
  }
  void Stop() {
    child_.Signal(SIGTERM);
    child_.Wait();
  }
  // Seconds of processor time, and bytes in memory.
  double CpuSeconds() const {
    std::string text;
    std::getline(std::ifstream(absl::StrCat("/proc/", child_.pid(), "/stat")), text);
    std::istringstream fields(text.substr(text.rfind(')') + 2));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  double MemoryBytes() const {
    int64_t total = 0;
    int64_t resident = 0;
    std::ifstream(absl::StrCat("/proc/", child_.pid(), "/statm")) >> total >> resident;
    return static_cast<double>(resident * sysconf(_SC_PAGESIZE));
  }

 private:
  testing::Child child_;
};

struct Benchmark {
  std::string database = "sqlite";
  double seconds = 3;
  testing::TemporaryFolder folder;
  std::unique_ptr<testing::Postgres> postgres;
  std::set<std::string> databases;  // on PostgreSQL: one for each server
  bool good = true;

  std::string Url(const std::string& name) {
    if (database == "sqlite") return "sqlite:" + folder / (name + ".db");
    if (databases.insert(name).second) {
      pqxx::connection connection(postgres->Url());
      pqxx::nontransaction(connection).exec("CREATE DATABASE " + name);
    }
    return postgres->Url(name);
  }
  std::unique_ptr<Server> Start(const std::string& name) {
    return std::make_unique<Server>(
        std::vector<std::string>{Beside("cambrian-server"), "--listen", "127.0.0.1:0", "--database",
                                 Url(name), "--artifacts", folder / "artifacts", "--log-level",
                                 "warn", "--max-rate", "0"},
        folder / ("server-" + name));
  }
  // Commits of the server that has just stopped.
  int64_t Commits(const std::string& name) {
    if (database != "sqlite") {
      pqxx::connection connection(Url(name));
      return pqxx::nontransaction(connection)
          .exec("SELECT commit_number FROM server")[0][0]
          .as<int64_t>();
    }
    const auto store = OpenSqliteStoreForReading(folder / (name + ".db"));
    return store.ok() ? (*store)->LastCommit()->number : -1;
  }
  Load MakeLoad(const Server& server) const {
    Load load;
    load.address = server.Address();
    load.measured = absl::Seconds(seconds);
    return load;
  }
};

std::string StudyFile(int seed) {
  return absl::StrReplaceAll(
      testing::StudyText("strategy: random\nobjectives: [{maximize: accuracy}]\n"
                         "budget: {trials: 1000000}\n"),
      {{"lr: 0.1", "lr: {range: [0.0001, 1.0], scale: log}"},
       {"study: toy", "study: speed"},
       {"seed: 7", absl::StrCat("seed: ", seed)}});
}

void CreateStudies(const std::string& address, int count) {
  const auto stub =
      v1::StudyService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  for (int i = 0; i < count; ++i) {
    grpc::ClientContext context;
    v1::CreateStudyRequest request;
    v1::Study study;
    request.set_text(StudyFile(i + 1));
    const grpc::Status status = stub->CreateStudy(&context, request, &study);
    if (status.ok()) continue;
    std::fprintf(stderr, "no study: %s\n", status.error_message().c_str());
    std::exit(1);
  }
}

// Durable one-byte appends a second: what one commit costs at least.
double SyncRate(const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const absl::Time start = absl::Now();
  int count = 0;
  while (absl::Now() - start < absl::Seconds(1)) {
    if (write(file, "x", 1) != 1 || fdatasync(file) != 0) break;
    ++count;
  }
  close(file);
  return count / absl::ToDoubleSeconds(absl::Now() - start);
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Rounds in which everything that is compared takes turns, each on a server with an empty store:
// bare calls, one trial a call, 20 studies, eight a call, and one a call again on its server once
// the study has 100,000.
class Turns {
 public:
  Turns(Benchmark& b, const std::set<std::string>& parts) : b_(b), parts_(parts) {}

  void Run() {
    if (Wants("bare")) {
      bare_server_ = std::make_unique<Server>(std::vector<std::string>{Self(), "--serve-bare"},
                                              b_.folder / "bare");
    }
    for (int round = 0; round < kRounds; ++round) {
      if (bare_server_) bare_.push_back(RunLoad(b_.MakeLoad(*bare_server_)).calls);
      const std::string name = absl::StrCat("one", round);
      std::unique_ptr<Server> server = Start(name, 1);
      const LoadFigures one = Measure(b_.MakeLoad(*server));
      int64_t settled = one.settled;
      one_.push_back(one.trials);
      if (Wants("studies")) MeasureStudies(round);
      if (Wants("eight")) MeasureEight(round);
      if (Wants("half") && round == 0) settled += MeasureHalf(*server, one.calls);
      if (Wants("many")) settled += MeasureMany(*server, settled);
      server->Stop();
      commits_.push_back(static_cast<double>(b_.Commits(name)) / static_cast<double>(settled));
      if (Wants("many")) MeasureRestart(name);
    }
    if (bare_server_) bare_server_->Stop();
    Report();
  }

 private:
  bool Wants(const std::string& part) const { return parts_.contains(part); }
  std::unique_ptr<Server> Start(const std::string& name, int studies) {
    std::unique_ptr<Server> server = b_.Start(name);
    CreateStudies(server->Address(), studies);
    return server;
  }
  static LoadFigures Measure(const Load& load) {
    const LoadFigures figures = RunLoad(load);
    if (figures.errors > 0) std::printf("  %ld calls failed\n", figures.errors);
    return figures;
  }

  // The next ones return how many trials ended.
  int64_t MeasureHalf(const Server& server, double calls) {
    Load load = b_.MakeLoad(server);
    load.pause = absl::Seconds(load.workers / (calls / 2));
    half_ = Measure(load);
    return half_.settled;
  }
  int64_t MeasureMany(const Server& server, int64_t before) {
    int64_t settled = 0;
    // Right after the 100,000th: the load before it is short.
    while (before + settled < kMany) {
      Load load = b_.MakeLoad(server);
      load.slots = 8;
      load.warm_up = absl::ZeroDuration();
      load.measured = absl::Milliseconds(200);
      settled += Measure(load).settled;
    }
    before_many_ = before + settled;
    const LoadFigures many = Measure(b_.MakeLoad(server));
    many_.push_back(many.trials);
    return settled + many.settled;
  }
  void MeasureRestart(const std::string& name) {
    const absl::Time start = absl::Now();
    const std::unique_ptr<Server> server = Start(name, 1);  // it answers: everything is read
    restart_.push_back(absl::ToDoubleSeconds(absl::Now() - start));
    server->Stop();
  }
  void MeasureEight(int round) {
    const auto server = Start(absl::StrCat("eight", round), 1);
    Load load = b_.MakeLoad(*server);
    load.slots = 8;
    eight_.push_back(Measure(load).trials);
    server->Stop();
  }
  void MeasureStudies(int round) {
    const auto server = Start(absl::StrCat("studies", round), kStudies);
    studies_.push_back(Measure(b_.MakeLoad(*server)).trials);
    server->Stop();
  }

  // The medians, and of ratios the medians of the rounds' own.
  void Report() {
    if (Wants("bare")) {
      Print("bare gRPC, 64 callers on 8 channels", Median(bare_), "calls/s", 1, 0, true);
    }
    Compare("durable trials, one a call", one_, bare_, 0.30);
    if (Wants("half")) {
      const double p99 = absl::ToDoubleMilliseconds(half_.p99);
      b_.good &= Print(absl::StrCat("p99 at ", static_cast<int>(half_.calls), " reports/s"), p99,
                       "ms", p99 / 50, 1, p99 <= 50);
    }
    if (Wants("many")) {
      Compare(absl::StrCat("after ", before_many_, " trials"), many_, one_, 0.9);
      const double seconds = Median(restart_);
      b_.good &= Print("restart with them", seconds, "s", seconds / 5, 1, seconds <= 5);
    }
    if (Wants("eight")) Compare("durable trials, eight a call", eight_, one_, 2);
    if (Wants("studies")) Compare("with 20 studies at once", studies_, one_, 0.9);
    const double each = Median(commits_);
    const double sync = SyncRate(b_.folder / "sync");
    Print("raw durable appends of this disk", sync, "a second", 1, 0, true);
    // A goal only where a commit takes a millisecond or more.
    b_.good &= Print("commits a trial", each, "", each, sync <= 1000 ? 0.2 : 0,
                     sync > 1000 || each <= 0.2);
  }
  void Compare(const std::string& what, const std::vector<double>& figures,
               const std::vector<double>& limits, double goal) {
    std::vector<double> ratios;
    for (size_t i = 0; i < limits.size(); ++i) ratios.push_back(figures[i] / limits[i]);
    const double ratio = Median(ratios);
    b_.good &= Print(what, Median(figures), "trials/s", ratio, limits.empty() ? 0 : goal,
                     limits.empty() || ratio >= goal);
  }

  Benchmark& b_;
  const std::set<std::string>& parts_;
  std::unique_ptr<Server> bare_server_;
  std::vector<double> bare_, one_, many_, eight_, studies_, restart_, commits_;  // of each round
  LoadFigures half_;
  int64_t before_many_ = 0;
};

// A peer where `python` has it: not a limit, but what people use. It needs PostgreSQL.
void MeasureOptuna(Benchmark& b, const std::string& python) {
  if (b.database != "postgres") return;
  OptunaLoad load;
  load.python = python;
  load.url = absl::StrReplaceAll(b.Url("optuna"), {{"postgresql:", "postgresql+psycopg2:"}});
  load.measured = absl::Seconds(b.seconds);
  const absl::StatusOr<double> rate = RunOptunaLoad(load, b.folder.path());
  if (rate.ok()) {
    Print("Optuna, 16 processes, same PostgreSQL", *rate, "trials/s", 1, 0, true);
  } else {
    std::printf("Optuna is left out (--optuna PYTHON): %s\n",
                std::string(rate.status().message()).c_str());
  }
}

void MeasureIdle(Benchmark& b) {
  const auto server = b.Start("idle");
  const IdleWorkers workers(server->Address(), kIdle);
  poll(nullptr, 0, 20'000);  // every Poll has hung once
  const double before = server->CpuSeconds();
  const absl::Time start = absl::Now();
  poll(nullptr, 0, 16'000);
  const double share = (server->CpuSeconds() - before) / absl::ToDoubleSeconds(absl::Now() - start);
  const double megabytes = server->MemoryBytes() / 1e6;
  b.good &= Print("5,000 idle workers: processor", share, "cores", share / 0.5, 1, share <= 0.5);
  b.good &=
      Print("5,000 idle workers: memory", megabytes, "MB", megabytes / 1000, 1, megabytes <= 1000);
}

int Main(int argc, char** argv) {
  Benchmark b;
  std::vector<std::string> parts = {"bare", "one", "half", "eight", "studies", "idle", "optuna"};
  std::string python = "python3";
  bool serve_bare = false;
  CLI::App app("Measures cambrian-server.", "coordinator_speed");
  app.add_option("--database", b.database, "sqlite or postgres")
      ->check(CLI::IsMember({"sqlite", "postgres"}));
  app.add_option("--seconds", b.seconds, "Of each measurement")->check(CLI::PositiveNumber);
  app.add_option("--parts", parts, "Of bare, one, half, many, eight, studies, idle, optuna")
      ->delimiter(',');
  app.add_option("--optuna", python, "A Python that has the packages optuna and psycopg2")
      ->capture_default_str();
  app.add_flag("--serve-bare", serve_bare, "Be the bare server");
  CLI11_PARSE(app, argc, argv);
  const sched_param unused = {};
  sched_setscheduler(0, SCHED_BATCH, &unused);  // and with it every process that we start
  if (serve_bare) return ServeBare();
  if (b.database == "postgres") {
    std::string reason;
    b.postgres = testing::Postgres::Start(&reason, /*is_durable=*/true);
    if (!b.postgres) {
      std::fprintf(stderr, "%s\n", reason.c_str());
      return 1;
    }
  }
  const std::set<std::string> wanted(parts.begin(), parts.end());
  if (wanted.contains("one")) Turns(b, wanted).Run();
  if (wanted.contains("idle")) MeasureIdle(b);
  if (wanted.contains("optuna")) MeasureOptuna(b, python);
  return b.good ? 0 : 1;
}

}  // namespace
}  // namespace cambrian

int main(int argc, char** argv) { return cambrian::Main(argc, argv); }
