// `cambrian run` from end to end: the real client, server, worker and evaluator on real data.
#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/testing/programs.h"

namespace cambrian {
namespace {

using testing::Child;
using ::testing::Contains;
using testing::Eventually;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::ProcessesWith;
using ::testing::SizeIs;

// JSON objects, one a line.
std::vector<nlohmann::json> Lines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    lines.push_back(nlohmann::json::parse(line.begin(), line.end(), nullptr, false));
  }
  return lines;
}

double Value(const nlohmann::json& trial, const char* metric) {
  return trial["metrics"][metric]["value"].get<double>();
}

// Rows of a query, their columns joined by "|".
std::vector<std::string> Query(const std::string& database, const std::string& sql) {
  sqlite3* db = nullptr;
  std::vector<std::string> rows;
  EXPECT_EQ(sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  const auto add = [](void* out, int columns, char** values, char**) {
    std::string row;
    for (int i = 0; i < columns; ++i)
      absl::StrAppend(&row, i > 0 ? "|" : "", values[i] == nullptr ? "" : values[i]);
    static_cast<std::vector<std::string>*>(out)->push_back(row);
    return 0;
  };
  char* error = nullptr;
  sqlite3_exec(db, sql.c_str(), add, &rows, &error);
  EXPECT_EQ(error, nullptr) << (error == nullptr ? "" : error);
  sqlite3_free(error);
  sqlite3_close(db);
  return rows;
}

class RunTest : public ::testing::Test {
 protected:
  std::vector<std::string> Command(const std::vector<std::string>& words,
                                   const std::string& state = "state") {
    std::vector<std::string> command = {testing::Program("cambrian")};
    command.insert(command.end(), words.begin(), words.end());
    command.insert(command.end(), {"--state", folder_ / state});
    return command;
  }
  // Everything that was started for this test's state folder.
  std::vector<std::pair<pid_t, std::string>> Processes() { return ProcessesWith(folder_.path()); }
  std::string Digits() { return testing::SourceFile("examples/digits.yaml"); }
  // A study that takes long enough to be disturbed: all 18 networks that the space's 27 cells give.
  std::vector<std::string> LongRun() {
    return Command({"run", Digits(), "--set", "budget.trials=18", "--set", "recipe.epochs=12",
                    "--set", "finish.epochs=1"});
  }
  bool WaitForTrials(const Child& child, const std::string& text = "succeeded") {
    return Eventually([&] {
      return child.Err().find(text) != std::string::npos ||
             child.Out().find(text) != std::string::npos;
    });
  }
  // Every process of the test is gone, soon.
  void ExpectNothingRuns() {
    EXPECT_TRUE(Eventually([&] { return Processes().empty(); }, absl::Seconds(15)));
    for (const auto& [pid, name] : Processes())
      ADD_FAILURE() << "still running: " << name << " (" << pid << ")";
  }
  std::string Database(const std::string& state = "state") {
    return folder_ / (state + "/cambrian.db");
  }

  testing::TemporaryFolder folder_;
};

TEST_F(RunTest, DigitsFromFileToFront) {
  Child run(Command({"run", Digits(), "--output", "json"}), folder_ / "run");
  ASSERT_EQ(run.Wait(), 0) << run.Err();
  ExpectNothingRuns();

  // The front that is printed: feasible, not dominated, best accuracy first.
  const std::vector<nlohmann::json> front = Lines(run.Out());
  ASSERT_THAT(front, Not(IsEmpty()));
  for (size_t i = 0; i < front.size(); ++i) {
    ASSERT_TRUE(front[i].is_object()) << run.Out();
    EXPECT_GT(Value(front[i], "accuracy"), 0.2) << front[i];
    if (i == 0) continue;
    EXPECT_LT(Value(front[i], "accuracy"), Value(front[i - 1], "accuracy"));
    EXPECT_LT(Value(front[i], "parameters"), Value(front[i - 1], "parameters"));
  }

  // What the database holds.
  EXPECT_THAT(Query(Database(), "SELECT name, state, trials FROM study_summary ORDER BY name"),
              ::testing::ElementsAre(HasSubstr("digits-1|"), HasSubstr("digits-retrain-1|")));
  EXPECT_THAT(Query(Database(), "SELECT trial FROM trial_summary WHERE study = 'digits-1'"),
              SizeIs(8));

  // Only the study that retrains the winner knows the test set.
  Child trials(Command({"trials", "digits-1", "--output", "json"}), folder_ / "trials");
  ASSERT_EQ(trials.Wait(), 0) << trials.Err();
  EXPECT_THAT(trials.Out(), Not(HasSubstr("test_accuracy")));
  EXPECT_THAT(Lines(trials.Out()), SizeIs(8));
  Child retrained(Command({"trials", "digits-retrain-1", "--output", "json"}),
                  folder_ / "retrained");
  ASSERT_EQ(retrained.Wait(), 0) << retrained.Err();
  ASSERT_THAT(Lines(retrained.Out()), SizeIs(1));
  EXPECT_THAT(retrained.Out(), HasSubstr("test_accuracy"));

  // A picture of the best network.
  const std::string svg = folder_ / "best.svg";
  Child draw(Command({"trial", "draw", absl::StrCat("digits-1/", front[0]["trial"].get<int64_t>()),
                      "-o", svg}),
             folder_ / "draw");
  ASSERT_EQ(draw.Wait(), 0) << draw.Err();
  EXPECT_THAT(Child::Read(svg), HasSubstr("</svg>"));

  // The same command again has nothing left to do, and says so; a larger budget goes on.
  Child again(Command({"run", Digits()}), folder_ / "again");
  ASSERT_EQ(again.Wait(), 0) << again.Err();
  EXPECT_THAT(Query(Database(), "SELECT trial FROM trial_summary WHERE study = 'digits-1'"),
              SizeIs(8));
  Child more(Command({"run", Digits(), "--set", "budget.trials=10"}), folder_ / "more");
  ASSERT_EQ(more.Wait(), 0) << more.Err();
  EXPECT_THAT(Query(Database(), "SELECT trial FROM trial_summary WHERE study = 'digits-1'"),
              SizeIs(10));
  ExpectNothingRuns();
}

TEST_F(RunTest, OneSlotGivesTheSameTrialsBitForBit) {
  std::vector<std::string> results;
  for (const char* state : {"first", "second"}) {
    Child run(Command({"run", Digits(), "--workers", "1"}, state), folder_ / state);
    ASSERT_EQ(run.Wait(), 0) << run.Err();
    Child trials(Command({"trials", "digits-1", "--output", "json"}, state),
                 folder_ / absl::StrCat(state, "-trials"));
    ASSERT_EQ(trials.Wait(), 0) << trials.Err();
    std::string result;
    for (const nlohmann::json& trial : Lines(trials.Out())) {
      absl::StrAppend(&result, trial["trial"].dump(), " ", trial["architecture"].dump(), " ",
                      trial["metrics"]["accuracy"].dump(), "\n");
    }
    results.push_back(result);
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_THAT(results[0], HasSubstr("conv3x3"));
}

TEST_F(RunTest, AWrongFileStartsNothing) {
  const std::string path = folder_ / "wrong.yaml";
  std::ofstream(path) << "study: wrong\nobjectivs: [accuracy]\nbudget: {trials: none}\n";
  Child run(Command({"run", path}), folder_ / "run");
  EXPECT_EQ(run.Wait(), 2);
  EXPECT_THAT(run.Err(), HasSubstr("wrong.yaml:2:1"));
  EXPECT_THAT(run.Err(), HasSubstr("did you mean \"objectives\"?"));
  EXPECT_THAT(run.Err(), HasSubstr(":3:"));
  EXPECT_THAT(run.Err(), HasSubstr("nothing was started"));
  ExpectNothingRuns();
}

TEST_F(RunTest, InterruptedItStopsCleanlyAndContinues) {
  Child run(LongRun(), folder_ / "run");
  ASSERT_TRUE(WaitForTrials(run)) << run.Err();
  run.Signal(SIGINT);
  EXPECT_EQ(run.Wait(), 130) << run.Err();
  EXPECT_THAT(run.Err(), HasSubstr("cambrian run"));
  ExpectNothingRuns();
  Child again(LongRun(), folder_ / "again");
  ASSERT_EQ(again.Wait(), 0) << again.Err();
  EXPECT_THAT(Query(Database(), "SELECT name FROM study_summary WHERE parent = ''"),
              ::testing::ElementsAre("digits-1"));
  EXPECT_THAT(Query(Database(), "SELECT trial FROM trial_summary WHERE study = 'digits-1'"),
              SizeIs(18));
  ExpectNothingRuns();
}

// Whatever is killed, nothing is left running and nothing is lost.
class KillTest : public RunTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(KillTest, NothingIsLeftAndNothingIsLost) {
  Child run(LongRun(), folder_ / "run");
  ASSERT_TRUE(WaitForTrials(run)) << run.Err();
  const std::string victim = GetParam();
  bool killed = false;
  for (const auto& [pid, name] : Processes()) {
    if (name != victim) continue;
    kill(pid, SIGKILL);
    killed = true;
    break;
  }
  ASSERT_TRUE(killed);
  const int code = run.Wait();
  if (victim == "cambrian") {
    EXPECT_EQ(code, 128 + SIGKILL);
  } else {
    EXPECT_EQ(code, 1) << run.Err();
    EXPECT_THAT(run.Err(), HasSubstr(absl::StrCat("error: ", victim)));
  }
  ExpectNothingRuns();
  const auto before = Query(Database(),
                            "SELECT trial, accuracy FROM trial_summary WHERE study = 'digits-1' "
                            "AND state = 'succeeded' ORDER BY trial");
  EXPECT_THAT(before, Not(IsEmpty()));
  Child again(LongRun(), folder_ / "again");
  ASSERT_EQ(again.Wait(), 0) << again.Err();
  const auto after =
      Query(Database(),
            "SELECT trial, accuracy FROM trial_summary WHERE study = 'digits-1' ORDER BY trial");
  EXPECT_THAT(after, SizeIs(18));
  for (const std::string& trial : before) EXPECT_THAT(after, Contains(trial));
  ExpectNothingRuns();
}

INSTANTIATE_TEST_SUITE_P(Programs, KillTest,
                         ::testing::Values("cambrian", "cambrian-server", "cambrian-worker"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// An evaluator that dies costs an attempt, not a trial.
TEST_F(RunTest, AKilledEvaluatorCostsAnAttempt) {
  Child run(LongRun(), folder_ / "run");
  ASSERT_TRUE(WaitForTrials(run)) << run.Err();
  // The evaluator's command line does not name the state folder; it is the child of the worker that
  // does.
  pid_t worker = 0;
  for (const auto& [pid, name] : Processes()) {
    if (name == "cambrian-worker") worker = pid;
  }
  ASSERT_NE(worker, 0);
  const std::string children =
      Child::Read(absl::StrCat("/proc/", worker, "/task/", worker, "/children"));
  std::vector<std::string> tasks;
  for (const auto& entry :
       std::filesystem::directory_iterator(absl::StrCat("/proc/", worker, "/task"))) {
    const std::vector<std::string> of_thread =
        absl::StrSplit(Child::Read(entry.path() / "children"), ' ', absl::SkipEmpty());
    tasks.insert(tasks.end(), of_thread.begin(), of_thread.end());
  }
  ASSERT_THAT(tasks, Not(IsEmpty()));
  kill(std::stoi(tasks[0]), SIGKILL);
  ASSERT_EQ(run.Wait(), 0) << run.Err();
  EXPECT_THAT(
      Query(Database(),
            "SELECT trial FROM trial_summary WHERE study = 'digits-1' AND state = 'succeeded'"),
      SizeIs(18));
  ExpectNothingRuns();
}

}  // namespace
}  // namespace cambrian
