#include "worker/evaluator/evaluator_pool.h"

#include <signal.h>

#include <fstream>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/evaluator/test_evaluators.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using Kind = evaluator::Error::Kind;

// Keeps what it hears, and lets tests wait for it.
class Recorder : public EvaluatorPool::Listener {
 public:
  void OnProgress(const evaluator::Progress& progress) override {
    MutexLock lock(&mutex_);
    progress_[progress.assignment] = progress;
    news_.SignalAll();
  }
  void OnEnd(const EvaluatorOutcome& outcome, absl::Duration busy) override {
    MutexLock lock(&mutex_);
    EXPECT_FALSE(outcomes_.contains(outcome.assignment)) << "ended twice";
    outcomes_[outcome.assignment] = outcome;
    news_.SignalAll();
  }

  evaluator::Progress AwaitProgress(const std::string& assignment) {
    return Await(progress_, assignment);
  }
  EvaluatorOutcome AwaitEnd(const std::string& assignment) { return Await(outcomes_, assignment); }

 private:
  template <typename T>
  T Await(std::map<std::string, T>& all, const std::string& assignment) {
    const absl::Duration deadline = Clock::System().Monotonic() + absl::Seconds(30);
    MutexLock lock(&mutex_);
    while (!all.contains(assignment) && Clock::System().Monotonic() < deadline) {
      news_.WaitWithTimeout(&mutex_, absl::Seconds(1));
    }
    EXPECT_TRUE(all.contains(assignment)) << "waited in vain for " << assignment;
    return all[assignment];
  }

  Mutex mutex_;
  CondVar news_;
  std::map<std::string, evaluator::Progress> progress_;
  std::map<std::string, EvaluatorOutcome> outcomes_;
};

class EvaluatorPoolTest : public ::testing::Test {
 protected:
  EvaluatorPoolTest() { signal(SIGPIPE, SIG_IGN); }

  EvaluatorPool& Make(int slots) {
    options_.evaluators["scripted"] = ScriptedEvaluator();
    options_.evaluators["other"] = ScriptedEvaluator();
    options_.evaluators["deaf"] = ScriptedEvaluator("deaf");
    options_.evaluators["missing"] = {"/nowhere/evaluator"};
    options_.devices.assign(slots, "cpu");
    pool_ = std::make_unique<EvaluatorPool>(options_, recorder_, Clock::System());
    return *pool_;
  }

  EvaluatorPool::Options options_;
  Recorder recorder_;
  std::unique_ptr<EvaluatorPool> pool_;
};

TEST_F(EvaluatorPoolTest, RunsMoreJobsThanSlotsInWarmProcesses) {
  options_.threads = 3;
  EvaluatorPool& pool = Make(1);
  for (const char* name : {"a", "b", "c"}) pool.Start({"scripted", Do(name, "succeed")});
  const EvaluatorOutcome first = recorder_.AwaitEnd("a");
  EXPECT_EQ(first.metrics.at("threads").value, 3);
  for (const char* name : {"b", "c"}) {
    EXPECT_EQ(recorder_.AwaitEnd(name).metrics.at("pid"), first.metrics.at("pid"));
  }
}

TEST_F(EvaluatorPoolTest, ACrashCostsOneJobAndTheNextHasANewProcess) {
  EvaluatorPool& pool = Make(1);
  pool.Start({"scripted", Do("a", "succeed")});
  pool.Start({"scripted", Do("b", "crash")});
  pool.Start({"scripted", Do("c", "succeed")});
  EXPECT_THAT(recorder_.AwaitEnd("b").reason, HasSubstr("signal 9"));
  const EvaluatorOutcome after = recorder_.AwaitEnd("c");
  EXPECT_FALSE(after.error);
  EXPECT_NE(after.metrics.at("pid"), recorder_.AwaitEnd("a").metrics.at("pid"));
}

TEST_F(EvaluatorPoolTest, ASlotChangesToAnotherEvaluator) {
  EvaluatorPool& pool = Make(1);
  pool.Start({"scripted", Do("a", "succeed")});
  pool.Start({"other", Do("b", "succeed")});
  const double before = recorder_.AwaitEnd("a").metrics.at("pid").value;
  EXPECT_NE(recorder_.AwaitEnd("b").metrics.at("pid").value, before);
  EXPECT_FALSE(Lives(static_cast<pid_t>(before)));
}

TEST_F(EvaluatorPoolTest, SaysWhyAnEvaluatorCannotBeUsed) {
  EvaluatorPool& pool = Make(1);
  pool.Start({"missing", Do("a", "succeed")});
  pool.Start({"unknown", Do("b", "succeed")});
  EXPECT_THAT(recorder_.AwaitEnd("a").reason, HasSubstr("cannot start /nowhere/evaluator"));
  EXPECT_EQ(recorder_.AwaitEnd("b").reason, "this worker offers no evaluator \"unknown\"");
}

TEST_F(EvaluatorPoolTest, StopsWhatRunsAndWhatWaits) {
  EvaluatorPool& pool = Make(1);
  pool.Start({"scripted", Do("a", "work")});
  recorder_.AwaitProgress("a");
  pool.Start({"scripted", Do("b", "work")});
  pool.Stop("b");
  EXPECT_EQ(recorder_.AwaitEnd("b").error, Kind::kStopped);
  pool.Stop("a");
  EXPECT_EQ(recorder_.AwaitEnd("a").error, Kind::kStopped);
  pool.Stop("a");  // too late
  pool.Start({"scripted", Do("c", "succeed")});
  EXPECT_FALSE(recorder_.AwaitEnd("c").error);
}

TEST_F(EvaluatorPoolTest, AtItsEndNothingIsLeftRunning) {
  EvaluatorPool& pool = Make(2);
  pool.Start({"scripted", Do("a", "work")});
  pool.Start({"deaf", Do("b", "deaf")});
  const double a = recorder_.AwaitProgress("a").metrics.at("pid").value;
  const double b = recorder_.AwaitProgress("b").metrics.at("pid").value;
  EXPECT_TRUE(Lives(static_cast<pid_t>(b)));
  pool_ = nullptr;
  EXPECT_FALSE(Lives(static_cast<pid_t>(a)));
  EXPECT_FALSE(Lives(static_cast<pid_t>(b)));
}

// What evaluators noted, in the order of time: between "X measures" and "X has measured" stands
// nothing else.
void ExpectMeasurementsAlone(const std::string& file, int measurements) {
  std::ifstream notes(file);
  std::string line, measuring;
  int count = 0;
  int worked = 0;
  while (std::getline(notes, line)) {
    if (!measuring.empty()) {
      EXPECT_EQ(line, measuring + " has measured");
      measuring.clear();
    } else if (line.ends_with(" measures")) {
      measuring = line.substr(0, line.find(' '));
      ++count;
    } else {
      ++worked;
    }
  }
  EXPECT_EQ(count, measurements);
  EXPECT_GT(worked, 0);
}

evaluator::Start Noting(const std::string& assignment, const std::string& what,
                        const std::string& file) {
  evaluator::Start start = Do(assignment, what);
  start.architecture["note"] = file;
  return start;
}

TEST_F(EvaluatorPoolTest, AMeasurementHasItsDeviceToItself) {
  TemporaryFolder folder;
  const std::string notes = folder / "notes";
  EvaluatorPool& pool = Make(4);
  for (const char* name : {"w1", "w2"}) {
    pool.Start({"scripted", Noting(name, "work", notes)});
    recorder_.AwaitProgress(name);
  }
  for (const char* name : {"m1", "m2"}) pool.Start({"scripted", Noting(name, "measure", notes)});
  for (const char* name : {"m1", "m2"}) EXPECT_FALSE(recorder_.AwaitEnd(name).error);
  for (const char* name : {"w1", "w2"}) {
    pool.Stop(name);
    EXPECT_EQ(recorder_.AwaitEnd(name).error, Kind::kStopped);
  }
  ExpectMeasurementsAlone(notes, 6);
}

TEST_F(EvaluatorPoolTest, OneThatDoesNotPauseIsFrozen) {
  TemporaryFolder folder;
  const std::string notes = folder / "notes";
  options_.pause_grace = absl::Milliseconds(20);
  options_.stop_grace = absl::Milliseconds(50);
  EvaluatorPool& pool = Make(2);
  pool.Start({"scripted", Do("d", "deaf")});
  recorder_.AwaitProgress("d");
  pool.Start({"scripted", Noting("m", "measure", notes)});
  EXPECT_FALSE(recorder_.AwaitEnd("m").error);
  pool.Stop("d");
  EXPECT_EQ(recorder_.AwaitEnd("d").error, Kind::kStopped);
}

TEST_F(EvaluatorPoolTest, ProbeSaysWhetherAnEvaluatorCanBeUsed) {
  const auto probe = [](const std::string& mode) {
    return EvaluatorPool::Probe({.name = "scripted", .command = ScriptedEvaluator(mode)},
                                Clock::System());
  };
  const auto good = probe("");
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ(good->devices, std::vector<std::string>{"cpu"});
  EXPECT_THAT(probe("old").status().message(), HasSubstr("the evaluator is too old"));
  EXPECT_THAT(probe("exit").status().message(), HasSubstr("no module named torch"));
}

}  // namespace
}  // namespace cambrian
