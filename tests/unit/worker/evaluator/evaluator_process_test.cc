#include "worker/evaluator/evaluator_process.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fake_clock.h"
#include "tests/unit/worker/evaluator/test_evaluators.h"

namespace cambrian {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using Kind = evaluator::Error::Kind;
using Event = EvaluatorProcess::Event;

constexpr absl::Duration kPatience = absl::Seconds(30);  // a deadline, never waited for

class EvaluatorProcessTest : public ::testing::Test {
 protected:
  EvaluatorProcessTest() { signal(SIGPIPE, SIG_IGN); }

  void Spawn(const std::vector<std::string>& command, absl::Duration grace = absl::Seconds(10),
             absl::Duration hello_timeout = absl::Seconds(30)) {
    auto process = EvaluatorProcess::Spawn({.name = "scripted",
                                            .command = command,
                                            .threads = 2,
                                            .hello_timeout = hello_timeout,
                                            .stop_grace = grace},
                                           Clock::System());
    ASSERT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
  }

  // One that may be silent for ten minutes, and has said hello.
  void SpawnSilent(const Clock& clock) {
    auto process = EvaluatorProcess::Spawn(
        {.name = "scripted", .command = ScriptedEvaluator(), .silence = absl::Minutes(10)}, clock);
    ASSERT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
    Await<evaluator::Hello>();
  }

  // Works until an E has come, which it returns; other events are collected.
  template <typename E>
  E Await() {
    const absl::Duration deadline = Clock::System().Monotonic() + kPatience;
    while (Clock::System().Monotonic() < deadline) {
      while (!events_.empty()) {
        const Event event = events_.front();
        events_.erase(events_.begin());
        if (const E* wanted = std::get_if<E>(&event)) return *wanted;
      }
      events_ = process_->Work();
      if (!events_.empty()) continue;
      std::vector<pollfd> descriptors;
      process_->AddTo(descriptors);
      poll(descriptors.data(), descriptors.size(), 5);
    }
    ADD_FAILURE() << "waited in vain";
    return E{};
  }

  std::unique_ptr<EvaluatorProcess> process_;
  std::vector<Event> events_;
};

TEST_F(EvaluatorProcessTest, ReportsProgressThenTheResult) {
  Spawn(ScriptedEvaluator());
  process_->Start(Do("a/1", "succeed"));
  EXPECT_EQ(Await<evaluator::Hello>().name, "scripted");
  EXPECT_EQ(Await<evaluator::Progress>().step, 1);
  const auto progress = Await<evaluator::Progress>();
  EXPECT_EQ(progress.assignment, "a/1");
  EXPECT_EQ(progress.step, 2);
  EXPECT_EQ(progress.metrics.at("accuracy").value, 0.5);
  const auto outcome = Await<EvaluatorOutcome>();
  EXPECT_EQ(outcome.assignment, "a/1");
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(outcome.metrics.at("pid").value, process_->pid());
  EXPECT_EQ(outcome.metrics.at("omp").value, 2);
  EXPECT_EQ(outcome.log, "on cpu with succeed\n");
  EXPECT_FALSE(process_->running());
}

TEST_F(EvaluatorProcessTest, StaysWarmBetweenAssignments) {
  Spawn(ScriptedEvaluator());
  for (const char* name : {"a/1", "a/2", "a/3"}) {
    process_->Start(Do(name, "succeed"));
    const auto outcome = Await<EvaluatorOutcome>();
    EXPECT_EQ(outcome.assignment, name);
    EXPECT_EQ(outcome.metrics.at("pid").value, process_->pid());
    EXPECT_EQ(outcome.log, "on cpu with succeed\n");
  }
}

TEST_F(EvaluatorProcessTest, ErrorsKeepTheirKindAndReason) {
  Spawn(ScriptedEvaluator());
  for (const auto& [what, kind] :
       {std::pair("infeasible", Kind::kInfeasible), std::pair("data", Kind::kData),
        std::pair("memory", Kind::kMemory), std::pair("failed", Kind::kFailed),
        std::pair("stopped", Kind::kFailed)}) {  // nobody told it to
    process_->Start(Do("a/1", what));
    const auto outcome = Await<EvaluatorOutcome>();
    EXPECT_EQ(outcome.error, kind) << what;
    EXPECT_EQ(outcome.reason, "because");
  }
}

TEST_F(EvaluatorProcessTest, ACrashFailsTheAssignmentWithReasonAndLog) {
  Spawn(ScriptedEvaluator());
  process_->Start(Do("a/1", "crash"));
  const auto outcome = Await<EvaluatorOutcome>();
  EXPECT_EQ(outcome.error, Kind::kCrashed);
  EXPECT_EQ(outcome.reason, "evaluator \"scripted\" ended by signal 9 (Killed)");
  EXPECT_EQ(outcome.log, "on cpu with crash\n");
  Await<EvaluatorExited>();
}

TEST_F(EvaluatorProcessTest, AnExitFailsTheAssignment) {
  Spawn(ScriptedEvaluator());
  process_->Start(Do("a/1", "exit"));
  EXPECT_EQ(Await<EvaluatorOutcome>().reason, "evaluator \"scripted\" ended with exit status 3");
  EXPECT_EQ(Await<EvaluatorExited>().reason, "evaluator \"scripted\" ended with exit status 3");
}

TEST_F(EvaluatorProcessTest, NoticesTheEndThoughAChildKeepsThePipes) {
  Spawn(ScriptedEvaluator());
  process_->Start(Do("a/1", "orphan"));
  EXPECT_EQ(Await<EvaluatorOutcome>().reason, "evaluator \"scripted\" ended with exit status 4");
}

TEST_F(EvaluatorProcessTest, ABadLineEndsTheProcess) {
  Spawn(ScriptedEvaluator());
  process_->Start(Do("a/1", "garbage"));
  const auto outcome = Await<EvaluatorOutcome>();
  EXPECT_EQ(outcome.error, Kind::kFailed);
  EXPECT_EQ(outcome.reason, "evaluator \"scripted\" sent a bad line: the line is no JSON");
  Await<EvaluatorExited>();
}

TEST_F(EvaluatorProcessTest, StopsWhenToldAndGoesOnWithTheNext) {
  Spawn(ScriptedEvaluator());
  process_->Start(Do("a/1", "work"));
  Await<evaluator::Progress>();
  process_->Stop();
  const auto outcome = Await<EvaluatorOutcome>();
  EXPECT_EQ(outcome.error, Kind::kStopped);
  process_->Start(Do("a/2", "succeed"));
  EXPECT_EQ(Await<EvaluatorOutcome>().assignment, "a/2");
}

TEST_F(EvaluatorProcessTest, OneThatDoesNotStopIsKilled) {
  Spawn(ScriptedEvaluator(), /*grace=*/absl::Milliseconds(50));
  process_->Start(Do("a/1", "deaf"));
  Await<evaluator::Progress>();
  process_->Stop();
  const auto outcome = Await<EvaluatorOutcome>();
  EXPECT_EQ(outcome.error, Kind::kStopped);
  EXPECT_EQ(Await<EvaluatorExited>().reason, "evaluator \"scripted\" did not stop when told");
}

TEST_F(EvaluatorProcessTest, OneThatHangsIsKilledAndCountsAsACrash) {
  testing::FakeClock clock;
  SpawnSilent(clock);
  const auto pass_an_hour = [&] {
    clock.Advance(absl::Hours(1));
    EXPECT_TRUE(process_->Work().empty());
  };
  pass_an_hour();  // idle, it may be silent as long as it likes
  process_->Start(Do("a/1", "deaf"));
  Await<evaluator::Progress>();
  clock.Advance(absl::Minutes(9));
  EXPECT_TRUE(process_->Work().empty());
  process_->Pause();
  pass_an_hour();
  process_->Freeze();
  process_->Resume();
  pass_an_hour();
  process_->Thaw();
  clock.Advance(absl::Minutes(9));
  EXPECT_TRUE(process_->Work().empty());
  clock.Advance(absl::Minutes(1));
  const auto outcome = Await<EvaluatorOutcome>();
  EXPECT_EQ(outcome.error, Kind::kCrashed);
  EXPECT_THAT(outcome.reason, HasSubstr("hangs: it has not said anything for 10m"));
  Await<EvaluatorExited>();
}

TEST_F(EvaluatorProcessTest, OneThatWaitsForItsDeviceMayTakeItsTime) {
  const TemporaryFolder folder;
  testing::FakeClock clock;
  SpawnSilent(clock);
  evaluator::Start start = Do("a/1", "measure");
  start.architecture["note"] = folder / "notes";
  process_->Start(start);
  Await<evaluator::Acquire>();
  clock.Advance(absl::Hours(1));
  EXPECT_TRUE(process_->Work().empty());
  process_->Acquired();
  Await<evaluator::Release>();
  EXPECT_TRUE(process_->running());
}

TEST_F(EvaluatorProcessTest, AStoppedOneMayLeaveAState) {
  const TemporaryFolder folder;
  Spawn(ScriptedEvaluator());
  evaluator::Start start = Do("a/1", "save");
  start.folder = folder.path();
  process_->Start(start);
  EXPECT_EQ(Await<evaluator::Progress>().checkpoint, "first");
  process_->Stop();
  const auto outcome = Await<EvaluatorOutcome>();
  EXPECT_EQ(outcome.error, Kind::kStopped);
  EXPECT_EQ(outcome.checkpoint, "last");
}

TEST_F(EvaluatorProcessTest, KeepsTheTailOfALongLog) {
  Spawn(ScriptedEvaluator());
  process_->Start(Do("a/1", "flood"));
  const auto outcome = Await<EvaluatorOutcome>();
  EXPECT_EQ(outcome.log.size(), 64u << 10);
  EXPECT_THAT(outcome.log, EndsWith("the end\n"));
}

TEST_F(EvaluatorProcessTest, SaysWhichSideIsTooOld) {
  Spawn(ScriptedEvaluator("old"));
  EXPECT_EQ(Await<EvaluatorExited>().reason,
            "evaluator \"scripted\" (version 0.0.1) speaks evaluator protocol 0, this worker "
            "(version " CAMBRIAN_VERSION ") speaks 1: the evaluator is too old");
  Spawn(ScriptedEvaluator("new"));
  EXPECT_THAT(Await<EvaluatorExited>().reason, EndsWith("the worker is too old"));
}

TEST_F(EvaluatorProcessTest, OneThatSaysNothingIsKilled) {
  Spawn(ScriptedEvaluator("silent"), absl::Seconds(10), /*hello_timeout=*/absl::Milliseconds(50));
  process_->Start(Do("a/1", "succeed"));
  EXPECT_EQ(Await<EvaluatorOutcome>().reason,
            "evaluator \"scripted\" did not say hello within 50ms");
}

TEST_F(EvaluatorProcessTest, FailsToStartWithALog) {
  Spawn(ScriptedEvaluator("exit"));
  process_->Start(Do("a/1", "succeed"));
  const auto outcome = Await<EvaluatorOutcome>();
  EXPECT_EQ(outcome.reason, "evaluator \"scripted\" ended with exit status 5");
  EXPECT_EQ(outcome.log, "no module named torch\n");
}

TEST_F(EvaluatorProcessTest, HelloComesOnce) {
  Spawn(ScriptedEvaluator("twice"));
  EXPECT_THAT(Await<EvaluatorExited>().reason, HasSubstr("said hello twice"));
}

TEST_F(EvaluatorProcessTest, AProgramThatIsNotThereIsNamed) {
  const auto process =
      EvaluatorProcess::Spawn({.name = "x", .command = {"/nowhere/evaluator"}}, Clock::System());
  EXPECT_EQ(process.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(process.status().message(), HasSubstr("cannot start /nowhere/evaluator"));
}

TEST_F(EvaluatorProcessTest, ALongAssignmentPassesAPipeThatIsFull) {
  Spawn(ScriptedEvaluator());
  evaluator::Start start = Do("a/1", "succeed");
  start.network = std::string(3 << 20, 'n');
  process_->Start(start);
  EXPECT_FALSE(Await<EvaluatorOutcome>().error);
}

TEST_F(EvaluatorProcessTest, ThePythonExampleTrainsDigits) {
  Spawn({"python3", SourceFile("examples/evaluators/softmax_regression.py")});
  evaluator::Start start;
  start.assignment = "digits-1/1";
  start.recipe = {{"epochs", 2}, {"batch", 32}, {"optimizer", {{"sgd", {{"lr", 0.1}}}}}};
  start.data = {{"csv", {{"file", SourceFile("examples/data/digits.csv")}, {"label", "label"}}},
                {"validation", 0.2}};
  start.latency = evaluator::MeasureLatency{};
  process_->Start(start);
  EXPECT_EQ(Await<evaluator::Hello>().name, "softmax");
  EXPECT_EQ(Await<evaluator::Progress>().steps, 2);
  Await<evaluator::Acquire>();
  process_->Acquired();
  Await<evaluator::Release>();
  const auto outcome = Await<EvaluatorOutcome>();
  EXPECT_FALSE(outcome.error) << outcome.reason << outcome.log;
  EXPECT_GT(outcome.metrics.at("accuracy").value, 0.9);
  EXPECT_EQ(outcome.metrics.at("parameters").value, 650);
  EXPECT_GT(outcome.metrics.at("latency_ms").value, 0);

  // The same seeds give the same figures; other data are an error.
  start.latency.reset();
  process_->Start(start);
  EXPECT_EQ(Await<EvaluatorOutcome>().metrics.at("accuracy"), outcome.metrics.at("accuracy"));
  start.data = {{"csv", {{"file", "/nowhere.csv"}, {"label", "label"}}}};
  process_->Start(start);
  const auto broken = Await<EvaluatorOutcome>();
  EXPECT_EQ(broken.error, Kind::kData);
  EXPECT_EQ(broken.reason, "/nowhere.csv: No such file or directory");
}

TEST_F(EvaluatorProcessTest, ThePythonExampleMeasuresWithoutData) {
  Spawn({"python3", SourceFile("examples/evaluators/softmax_regression.py")});
  evaluator::Start start;
  start.assignment = "a/1";
  start.train = false;
  start.data = {{"csv", {{"file", "/nowhere.csv"}, {"label", "label"}}},
                {"task", {{"input", {1, 8, 8}}, {"classes", 10}}}};
  start.latency = evaluator::MeasureLatency{.runs = 5};
  process_->Start(start);
  Await<evaluator::Acquire>();
  process_->Acquired();
  const auto outcome = Await<EvaluatorOutcome>();
  EXPECT_FALSE(outcome.error) << outcome.reason;
  EXPECT_GT(outcome.metrics.at("latency_ms").value, 0);
  EXPECT_EQ(outcome.metrics.at("parameters").value, 650);
  EXPECT_FALSE(outcome.metrics.contains("accuracy"));
}

TEST_F(EvaluatorProcessTest, ThePythonExamplePausesAndStops) {
  Spawn({"python3", SourceFile("examples/evaluators/softmax_regression.py")});
  evaluator::Start start;
  start.assignment = "digits-1/1";
  start.recipe = {{"epochs", 1'000'000}};
  start.data = {{"csv", {{"file", SourceFile("examples/data/digits.csv")}, {"label", "label"}}}};
  process_->Start(start);
  Await<evaluator::Progress>();
  process_->Pause();
  Await<evaluator::Paused>();
  process_->Resume();
  Await<evaluator::Progress>();
  process_->Stop();
  EXPECT_EQ(Await<EvaluatorOutcome>().error, Kind::kStopped);
}

}  // namespace
}  // namespace cambrian
