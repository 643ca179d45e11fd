// What happens when things break (docs/architecture.md), made to happen to the real programs.
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fault/cluster.h"
#include "tests/testing/jumping_clock.h"
#include "tests/testing/postgres.h"
#include "tests/testing/proxy.h"
#include "tests/testing/small_disk.h"

namespace cambrian::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

// Trials of a study that have ended, or -1 if the server does not answer.
int64_t Ended(Cluster& cluster, const std::string& study) {
  const nlohmann::json json = cluster.Study(study);
  if (!json.is_object()) return -1;
  return json["succeeded"].get<int64_t>() + json["infeasible"].get<int64_t>() +
         json["failed"].get<int64_t>();
}

class FaultTest : public ::testing::Test {
 protected:
  // A server, and a study of so many trials without a worker yet.
  void Begin(ClusterOptions options, int trials, const std::string& extra = "") {
    cluster_ = std::make_unique<Cluster>(std::move(options));
    ASSERT_TRUE(cluster_->StartServer().ok());
    trials_ = trials;
    study_ = cluster_->Submit(trials, extra);
    ASSERT_EQ(study_, "faults-1");
  }
  bool WaitForEnded(int64_t count, absl::Duration limit = absl::Seconds(60)) {
    return Eventually(
        [&] {
          cluster_->NoteAcknowledged(study_);
          return Ended(*cluster_, study_) >= count;
        },
        limit);
  }
  void FinishAndCheck(absl::Duration limit = absl::Seconds(90)) {
    const bool complete = Eventually(
        [&] {
          const nlohmann::json json = cluster_->Study(study_);
          return json.is_object() && json["state"] == "completed";
        },
        limit);
    ASSERT_TRUE(complete) << cluster_->Study(study_) << cluster_->Logs();
    EXPECT_EQ(absl::StrJoin(cluster_->Check(study_, trials_), "\n"), "") << cluster_->Logs();
  }
  // How all attempts of the study ended, by kind.
  std::map<std::string, int> Ends() {
    std::map<std::string, int> ends;
    for (const nlohmann::json& trial : cluster_->Trials(study_)) {
      const nlohmann::json full = cluster_->Trial(study_, trial["trial"]);
      for (const nlohmann::json& attempt : full["history"]) ++ends[attempt["end"]];
    }
    return ends;
  }
  // A trial that `worker` works on now, or 0.
  int64_t RunningOn(const std::string& worker) {
    for (const nlohmann::json& trial : cluster_->Trials(study_)) {
      if (trial["state"] == "running" && trial["worker"] == worker) return trial["trial"];
    }
    return 0;
  }

  std::unique_ptr<Cluster> cluster_;
  std::string study_;
  int trials_ = 0;
};

ClusterOptions Slow(int step_ms, int steps) {
  ClusterOptions options;
  options.fast.step_ms = step_ms;
  options.fast.steps = steps;
  return options;
}

TEST_F(FaultTest, AKilledEvaluatorCostsAnAttempt) {
  Begin(Slow(100, 5), 12);
  cluster_->StartWorker("a");
  ASSERT_TRUE(WaitForEnded(2)) << cluster_->Logs();
  const std::vector<pid_t> evaluators = cluster_->Evaluators("a");
  ASSERT_THAT(evaluators, Not(IsEmpty()));
  kill(evaluators[0], SIGKILL);
  FinishAndCheck();
  EXPECT_EQ(Ends()["crashed"], 1);
}

TEST_F(FaultTest, AKilledWorkersTrialsGoToAnother) {
  Begin(Slow(100, 5), 12);
  cluster_->StartWorker("a");
  ASSERT_TRUE(WaitForEnded(2)) << cluster_->Logs();
  cluster_->KillWorker("a");
  cluster_->StartWorker("b");
  FinishAndCheck();
  EXPECT_GE(Ends()["lost"], 1);
}

TEST_F(FaultTest, AKilledServerLosesNothingThatItAcknowledged) {
  Begin(Slow(20, 4), 60);
  cluster_->StartWorker("a");
  cluster_->StartWorker("b");
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same faults every time
  for (int round = 1; round <= 5; ++round) {
    ASSERT_TRUE(WaitForEnded(std::min(60, 8 * round))) << cluster_->Logs();
    // At a moment that no commit has chosen.
    poll(nullptr, 0, static_cast<int>(random() % 60));
    cluster_->KillServer();
    ASSERT_TRUE(cluster_->StartServer().ok());
  }
  FinishAndCheck();
  EXPECT_GT(cluster_->acknowledged(), 0);
}

TEST_F(FaultTest, AWorkerComesBackOverTlsThroughALoadBalancer) {
  const TemporaryFolder keys;
  const std::string script =
      absl::StrCat("cd '", keys.path(),
                   "' && exec >/dev/null 2>&1; openssl req -x509 -newkey ec -pkeyopt "
                   "ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 -addext "
                   "subjectAltName=IP:127.0.0.1 -keyout key -out certificate");
  if (system(script.c_str()) != 0) GTEST_SKIP() << "there is no openssl program";
  ClusterOptions options = Slow(20, 4);
  options.server_flags = {"--tls-cert", keys / "certificate", "--tls-key", keys / "key"};
  options.caller_flags = {"--tls-ca", keys / "certificate"};
  Begin(std::move(options), 30);
  Proxy proxy(cluster_->port());
  cluster_->StartWorker("a", 2, proxy.address());
  ASSERT_TRUE(WaitForEnded(5)) << cluster_->Logs();
  cluster_->KillServer();
  // Whoever comes is heard, and hung up on: a balancer with no server behind it.
  ASSERT_TRUE(Eventually([&] {
    return absl::StrContains(cluster_->worker("a").Err(), "upload of a checkpoint");
  })) << cluster_->Logs();
  ASSERT_TRUE(cluster_->StartServer().ok());
  FinishAndCheck();
}

TEST_F(FaultTest, AWorkerThatIsToldToLeaveHandsItsWorkBack) {
  Begin(Slow(150, 20), 3);
  cluster_->StartWorker("a", 2);
  int64_t trial = 0;
  ASSERT_TRUE(Eventually([&] {
    trial = RunningOn("a");
    if (trial == 0) return false;
    const nlohmann::json now = cluster_->Trial(study_, trial);
    return now["progress"].is_object() && now["progress"]["step"] >= 2;
  })) << cluster_->Logs();
  cluster_->worker("a").Signal(SIGTERM);
  EXPECT_EQ(cluster_->worker("a").Wait(), 0) << cluster_->Logs();
  const nlohmann::json waiting = cluster_->Trial(study_, trial);
  EXPECT_EQ(waiting["state"], "queued") << waiting;
  cluster_->StartWorker("b", 2);
  FinishAndCheck();
  const nlohmann::json after = cluster_->Trial(study_, trial);
  EXPECT_EQ(after["attempts"], 1) << after;  // the one that counts
  ASSERT_EQ(after["history"].size(), 2U) << after;
  EXPECT_EQ(after["history"][0]["end"], "preempted");
  EXPECT_EQ(after["history"][1]["end"], "succeeded");
  // It went on where it was, and came to what an undisturbed run comes to (`Check` compares).
  bool resumed = false;
  for (const auto& line : cluster_->Journal()) {
    if (line[0] == "begin" && line[2] != "0") resumed = true;
  }
  EXPECT_TRUE(resumed) << Child::Read(cluster_->folder() / "journal");
}

TEST_F(FaultTest, AFrozenWorkersLateReportIsRefused) {
  ClusterOptions options = Slow(200, 5);
  options.lease_seconds = 2;
  Begin(options, 8);
  cluster_->StartWorker("a");
  ASSERT_TRUE(Eventually([&] { return RunningOn("a") > 0; })) << cluster_->Logs();
  const int64_t trial = RunningOn("a");
  ASSERT_GT(trial, 0);
  cluster_->worker("a").Signal(SIGSTOP);
  cluster_->StartWorker("b");
  const bool lost = Eventually([&] {
    const nlohmann::json now = cluster_->Trial(study_, trial);
    return now["history"].is_array() && now["history"][0]["end"] == "lost";
  });
  EXPECT_TRUE(lost) << cluster_->Trial(study_, trial);
  cluster_->worker("a").Signal(SIGCONT);
  FinishAndCheck();
  const nlohmann::json after = cluster_->Trial(study_, trial);
  EXPECT_EQ(after["history"][0]["end"], "lost");
  EXPECT_GE(after["history"].size(), 2U);
}

TEST_F(FaultTest, ATornUploadIsDoneAgain) {
  Begin(Slow(20, 3), 20);
  Proxy proxy(cluster_->port());
  cluster_->StartWorker("a", 2, proxy.address());
  ASSERT_TRUE(WaitForEnded(3)) << cluster_->Logs();
  proxy.CutAfterUpload(700);
  ASSERT_TRUE(Eventually([&] { return proxy.cuts() >= 1; }));
  proxy.Cut();
  FinishAndCheck();
}

TEST_F(FaultTest, AnAnswerThatIsLostAfterTheCommitCostsNoAttempt) {
  Begin(Slow(20, 3), 30);
  Proxy proxy(cluster_->port());
  cluster_->StartWorker("a", 2, proxy.address());
  ASSERT_TRUE(WaitForEnded(3)) << cluster_->Logs();
  for (int i = 0; i < 3; ++i) {
    const int64_t before = proxy.cuts();
    proxy.LoseAnswer(40);
    ASSERT_TRUE(Eventually([&] { return proxy.cuts() > before; }));
  }
  FinishAndCheck();
  EXPECT_EQ(Ends()["lost"], 0);
  for (const nlohmann::json& trial : cluster_->Trials(study_)) {
    EXPECT_LE(trial["attempts"], 1) << trial;
  }
}

TEST_F(FaultTest, AStalledNetworkIsSatOut) {
  Begin(Slow(50, 4), 20);
  Proxy proxy(cluster_->port());
  cluster_->StartWorker("a", 2, proxy.address());
  ASSERT_TRUE(WaitForEnded(3)) << cluster_->Logs();
  proxy.Stall(true);
  // Past the lease: what it held is lost, and its results, told late, are refused.
  ASSERT_TRUE(Eventually([&] { return Ends()["lost"] >= 1; }));
  proxy.Stall(false);
  FinishAndCheck();
}

TEST_F(FaultTest, CrashesAndLackOfMemoryAreToldApart) {
  ClusterOptions options = Slow(5, 3);
  options.fast.crash = 0.15;
  options.fast.memory = 0.15;
  options.fast.nan = 0.1;
  Begin(options, 60);
  cluster_->StartWorker("a");
  FinishAndCheck();
  const std::map<std::string, int> ends = Ends();
  for (const char* end : {"succeeded", "crashed", "out_of_memory", "infeasible"}) {
    EXPECT_TRUE(ends.count(end) > 0) << end;
  }
}

TEST_F(FaultTest, AnEvaluatorThatHangsIsReplaced) {
  ClusterOptions options = Slow(5, 3);
  options.fast.hang = 0.2;
  Begin(options, 12);
  cluster_->StartWorker("a");
  FinishAndCheck();
  const nlohmann::json study = cluster_->Study(study_);
  EXPECT_GT(study["succeeded"], 0) << study;
}

TEST_F(FaultTest, APausedStudyStandsStillAndGoesOn) {
  Begin(Slow(50, 6), 12);
  cluster_->StartWorker("a");
  ASSERT_TRUE(WaitForEnded(2)) << cluster_->Logs();
  cluster_->Client({"pause", study_});
  ASSERT_TRUE(Eventually([&] { return cluster_->Study(study_)["running"] == 0; }));
  EXPECT_EQ(cluster_->Study(study_)["state"], "paused");
  const int64_t before = Ended(*cluster_, study_);
  cluster_->KillServer();
  ASSERT_TRUE(cluster_->StartServer().ok());
  EXPECT_EQ(Ended(*cluster_, study_), before);
  EXPECT_EQ(cluster_->Study(study_)["state"], "paused");
  cluster_->Client({"resume", study_});
  FinishAndCheck();
  EXPECT_EQ(Ends()["lost"], 0);
}

TEST_F(FaultTest, AFullDiskAtTheServerIsWaitedFor) {
  std::string reason;
  const std::unique_ptr<SmallDisk> disk = SmallDisk::Mount(&reason);
  if (disk == nullptr) GTEST_SKIP() << reason;
  ClusterOptions options = Slow(20, 3);
  options.server_folder = disk->path();
  Begin(options, 30);
  cluster_->StartWorker("a");
  ASSERT_TRUE(WaitForEnded(3)) << cluster_->Logs();
  ASSERT_TRUE(disk->Fill());
  ASSERT_TRUE(Eventually([&] {
    const std::string log = cluster_->server().Err();
    return log.find("full") != std::string::npos || log.find("disk") != std::string::npos;
  })) << cluster_->Logs();
  ASSERT_TRUE(disk->Free());
  FinishAndCheck();
}

// Leases are shorter than trials: whoever waited by the wall clock would not renew them in time.
TEST_F(FaultTest, AClockThatJumpsCostsNoLease) {
  const TemporaryFolder folder;
  JumpingClock server_clock(folder / "server");
  JumpingClock worker_clock(folder / "worker");
  ClusterOptions options = Slow(100, 40);
  options.lease_seconds = 2;
  options.server_environment = server_clock.Environment();
  options.worker_environment = worker_clock.Environment();
  Begin(options, 8);
  cluster_->StartWorker("a", 2);
  int64_t ended = 0;
  for (const absl::Duration ahead : {-absl::Hours(1), absl::Hours(30), -absl::Minutes(1)}) {
    ASSERT_TRUE(Eventually([&] { return RunningOn("a") > 0; })) << cluster_->Logs();
    server_clock.Set(ahead);
    worker_clock.Set(-ahead);
    ASSERT_TRUE(WaitForEnded(ended += 2)) << cluster_->Logs();
  }
  FinishAndCheck();
  EXPECT_EQ(Ends()["lost"], 0);
}

TEST_F(FaultTest, ALeaseRunsOutThoughTheClockWasSetBack) {
  const TemporaryFolder folder;
  JumpingClock clock(folder / "clock");
  ClusterOptions options = Slow(100, 20);
  options.server_environment = clock.Environment();
  Begin(options, 6);
  cluster_->StartWorker("a");
  ASSERT_TRUE(WaitForEnded(2)) << cluster_->Logs();
  ASSERT_TRUE(Eventually([&] { return RunningOn("a") > 0; }));
  const int64_t trial = RunningOn("a");
  cluster_->KillWorker("a");
  clock.Set(-absl::Hours(1));
  // Nobody calls meanwhile who would wake the server.
  ASSERT_TRUE(Eventually([&] { return cluster_->Trial(study_, trial)["state"] == "queued"; }))
      << cluster_->Logs();
  cluster_->StartWorker("b");
  FinishAndCheck();
  EXPECT_GE(Ends()["lost"], 1);
}

TEST_F(FaultTest, PostgresKilledAndStartedAgain) {
  std::string reason;
  const std::unique_ptr<Postgres> postgres = Postgres::Start(&reason);
  if (postgres == nullptr) GTEST_SKIP() << reason;
  ClusterOptions options = Slow(20, 4);
  options.database = postgres->Url();
  Begin(options, 40);
  cluster_->StartWorker("a");
  for (int round = 1; round <= 3; ++round) {
    ASSERT_TRUE(WaitForEnded(8 * round)) << cluster_->Logs();
    postgres->Kill9();
    postgres->Restart();
    ASSERT_TRUE(postgres->IsUp()) << postgres->Log();
  }
  FinishAndCheck();
}

TEST_F(FaultTest, AnotherServerTakesOver) {
  std::string reason;
  const std::unique_ptr<Postgres> postgres = Postgres::Start(&reason);
  if (postgres == nullptr) GTEST_SKIP() << reason;
  ClusterOptions options = Slow(20, 4);
  options.database = postgres->Url();
  Begin(options, 40);
  ASSERT_TRUE(cluster_->StartServer("second").ok());
  Proxy proxy(cluster_->port());
  cluster_->StartWorker("a", 2, proxy.address());
  ASSERT_TRUE(WaitForEnded(8)) << cluster_->Logs();
  cluster_->KillServer();
  cluster_->SetServer("second");
  proxy.SetTarget(cluster_->port("second"));
  proxy.Cut();
  FinishAndCheck();
}

}  // namespace
}  // namespace cambrian::testing
