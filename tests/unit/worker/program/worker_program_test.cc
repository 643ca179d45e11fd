// cambrian-worker as a process: how it starts, and how it ends.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/agent/fake_server.h"
#include "tests/unit/worker/agent/test_study.h"
#include "tests/unit/worker/evaluator/test_evaluators.h"
#include "worker/evaluator/child_process.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(30);

// Waits, a short while at a time, until `condition` holds.
bool Await(const std::function<bool()>& condition) {
  const absl::Duration deadline = Clock::System().Monotonic() + kPatience;
  while (!condition()) {
    if (Clock::System().Monotonic() > deadline) return false;
    poll(nullptr, 0, 2);
  }
  return true;
}

// The letter in /proc: "S" sleeps, "T" is stopped.
std::string StateOf(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  status >> number >> name >> state;
  return state;
}

class WorkerProgramTest : public ::testing::Test {
 protected:
  WorkerProgramTest() {
    signal(SIGPIPE, SIG_IGN);
    server_.AddStudy("test-1", kTestStudy);
  }

  // Starts the program. The pipe that the test writes to is its parent's.
  void Start(std::vector<std::string> arguments) {
    std::vector<std::string> command = {std::string(std::getenv("CAMBRIAN_BIN")) +
                                        "/cambrian-worker"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    auto child = ChildProcess::Spawn(command, {});
    ASSERT_TRUE(child.ok()) << child.status();
    child_ = *std::move(child);
  }
  void StartWorker(const std::string& mode = "", const std::vector<std::string>& more = {}) {
    const std::string program = folder_ / "evaluator";
    std::ofstream(program) << "#!/bin/sh\nexec python3 '"
                           << SourceFile("tests/unit/worker/evaluator/scripted_evaluator.py")
                           << "' " << mode << "\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    std::vector<std::string> arguments = {"--server",      "unix:" + folder_ / "socket",
                                          "--slots",       "2",
                                          "--evaluator",   "scripted=" + program,
                                          "--folder",      folder_ / "worker",
                                          "--parent-pipe", "3"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Start(arguments);
  }
  // Starts it and has it work. Returns the evaluator's process.
  pid_t StartWorking(const std::string& what = "work", const std::string& mode = "") {
    StartWorker(mode);
    server_.Set({MakeAssignment(1, what)});
    EXPECT_TRUE(server_.Await([](const Heard& heard) { return !heard.progress.empty(); })) << Log();
    return static_cast<pid_t>(server_.heard().progress[0].progress().metrics(0).value());
  }
  // How it ended.
  std::string AwaitEnd() {
    EXPECT_TRUE(Await([this] {
      Log();
      return child_->Reap();
    })) << Log();
    return child_->ending();
  }
  // What it has printed so far.
  const std::string& Log() {
    char buffer[4096];
    for (ssize_t count; (count = read(child_->log(), buffer, sizeof(buffer))) > 0;) {
      log_.append(buffer, count);
    }
    return log_;
  }

  TemporaryFolder folder_;
  FakeServer server_{folder_ / "socket"};
  std::unique_ptr<ChildProcess> child_;
  std::string log_;
};

TEST_F(WorkerProgramTest, SigtermHandsBackAndEndsWell) {
  const pid_t evaluator = StartWorking();
  kill(child_->pid(), SIGTERM);
  EXPECT_EQ(AwaitEnd(), "with exit status 0") << Log();
  EXPECT_EQ(server_.heard().hand_backs.size(), 1u);
  EXPECT_FALSE(Lives(evaluator));
}

TEST_F(WorkerProgramTest, ASecondSignalEndsItAtOnce) {
  StartWorking("deaf", "deaf");  // does not stop when told: the first signal alone takes 2 s
  kill(child_->pid(), SIGTERM);
  ASSERT_TRUE(Await([this] { return Log().find("once more") != std::string::npos; }));
  kill(child_->pid(), SIGTERM);
  EXPECT_EQ(AwaitEnd(), "with exit status 0") << Log();
  EXPECT_TRUE(server_.heard().hand_backs.empty());
}

TEST_F(WorkerProgramTest, EndsWithItsParent) {
  const pid_t evaluator = StartWorking("deaf", "deaf");  // it does not notice by itself
  child_->CloseInput();
  EXPECT_EQ(AwaitEnd(), "with exit status 0") << Log();
  EXPECT_FALSE(Lives(evaluator));
}

TEST_F(WorkerProgramTest, EvaluatorsEndWhenItIsKilled) {
  const pid_t evaluator = StartWorking();
  kill(child_->pid(), SIGKILL);
  EXPECT_EQ(AwaitEnd(), "by signal 9 (Killed)");
  EXPECT_TRUE(Await([&] { return !Lives(evaluator); }));
}

TEST_F(WorkerProgramTest, AnEvaluatorThatCannotBeUsedIsSaidAtOnce) {
  StartWorker("old");
  EXPECT_EQ(AwaitEnd(), "with exit status 1");
  EXPECT_THAT(Log(), HasSubstr("error: evaluator \"scripted\" (version 0.0.1) speaks evaluator "
                               "protocol 0"));
  EXPECT_TRUE(server_.heard().polls.empty());
}

TEST_F(WorkerProgramTest, AServerOfAnotherProtocolIsSaid) {
  server_.SetProtocol(kWireProtocol + 1);
  server_.Set({});
  StartWorker();
  EXPECT_EQ(AwaitEnd(), "with exit status 1");
  EXPECT_THAT(Log(), HasSubstr("the worker is too old"));
}

TEST_F(WorkerProgramTest, AFolderIsOneWorkersAlone) {
  StartWorking();
  const std::unique_ptr<ChildProcess> first = std::move(child_);
  StartWorker();
  EXPECT_EQ(AwaitEnd(), "with exit status 1");
  EXPECT_THAT(Log(), HasSubstr("another worker uses"));
}

// The worker itself, frozen for longer than its lease: the trial is another worker's by then.
TEST_F(WorkerProgramTest, AFrozenWorkerDropsWhatItLost) {
  const pid_t evaluator = StartWorking();
  kill(child_->pid(), SIGSTOP);
  ASSERT_TRUE(Await([this] { return StateOf(child_->pid()) == "T"; }));
  server_.Set({});
  kill(child_->pid(), SIGCONT);
  const int64_t revision = server_.revision();
  EXPECT_TRUE(server_.Await([&](const Heard& heard) {
    return heard.polls.back().revision() == revision && heard.polls.back().held_size() == 0 &&
           heard.polls.back().free_slots() == 2;
  })) << Log();
  EXPECT_TRUE(server_.heard().completions.empty());
  EXPECT_TRUE(Lives(evaluator));  // warm for the next one
  server_.Set({MakeAssignment(2, "succeed")});
  EXPECT_TRUE(server_.Await([](const Heard& heard) { return heard.completions.size() == 1; }));
  EXPECT_EQ(server_.heard().completions[0].token(), 2);
}

TEST_F(WorkerProgramTest, OffersWhatItsFlagsSay) {
  StartWorker("", {"--tags", "gpu,a100", "--target", "pi4", "--target", "phone", "--data-root",
                   "tables=" + folder_.path(), "--no-any-path"});
  ASSERT_TRUE(server_.Await([](const Heard& heard) { return !heard.polls.empty(); })) << Log();
  const v1::WorkerIdentity worker = server_.heard().polls[0].worker();
  EXPECT_THAT(worker.tags(), ::testing::ElementsAre("gpu", "a100"));
  EXPECT_THAT(worker.targets(), ::testing::ElementsAre("pi4", "phone"));
  EXPECT_THAT(worker.data_roots(), ::testing::ElementsAre("tables"));
  EXPECT_FALSE(worker.any_path());
  EXPECT_EQ(worker.slots(), 2);
}

TEST_F(WorkerProgramTest, RefusesWrongUsage) {
  Start({"--slots", "2"});
  EXPECT_EQ(AwaitEnd(), "with exit status 2");
  Start({"--server", "unix:/x", "--evaluator", "torch"});
  EXPECT_EQ(AwaitEnd(), "with exit status 2");
  EXPECT_THAT(Log(), HasSubstr("write NAME=PROGRAM"));
  Start({"--server", "unix:/x", "--data-root", "images"});
  EXPECT_EQ(AwaitEnd(), "with exit status 2");
  Start({"--server", "unix:/x", "--data-root", "images=/nowhere/at/all"});
  EXPECT_EQ(AwaitEnd(), "with exit status 2");
  EXPECT_THAT(Log(), HasSubstr("there is no such folder"));
  Start({"--server", "unix:/x", "--slots", "3", "--slots-per-device", "2"});
  EXPECT_EQ(AwaitEnd(), "with exit status 2");
  EXPECT_THAT(Log(), HasSubstr("do not fit"));
  std::ofstream(folder_ / "token") << "s3cret";
  std::filesystem::permissions(folder_ / "token", std::filesystem::perms(0644));
  Start({"--server", "unix:/x", "--token-file", folder_ / "token"});
  EXPECT_EQ(AwaitEnd(), "with exit status 2");
  EXPECT_EQ(Log().find("s3cret"), std::string::npos);
  Start({"--help"});
  EXPECT_EQ(AwaitEnd(), "with exit status 0");
  EXPECT_THAT(Log(), HasSubstr("Examples:"));
}

}  // namespace
}  // namespace cambrian
