// What people read: the views of docs/results-database.md, and queries over them.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "server/store/query.h"
#include "tests/conformance/store/store_home.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

std::string TextOf(const QueryValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "1" : "0";
  if (const auto* real = std::get_if<double>(&value)) {
    char text[40];
    snprintf(text, sizeof(text), "%g", *real);
    return text;
  }
  return "NULL";
}

}  // namespace

void ResultsTest::SetUp() {
  StoreConformanceTest::SetUp();
  if (IsSkipped()) return;
  url_ = home_->Url();
  if (url_.empty()) GTEST_SKIP() << "nobody queries this store";
  WriteResults();
}

void ResultsTest::WriteResults() {
  const absl::Time start = absl::FromUnixMicros(1'700'000'000'900'000);
  Batch batch;
  for (int64_t id : {1, 2}) {
    StudyRecord study;
    study.id = id;
    study.tenant = "vision";
    study.name = "fashion-" + std::to_string(id);
    study.state = v1::COMPLETED;
    study.created = start;
    study.elapsed = absl::Milliseconds(2500);
    study.objective = {"accuracy", true};
    study.trials = 5;
    study.device_seconds = 7200;
    study.time_budget = absl::Minutes(1);
    if (id == 2) study.continues = "fashion-1";
    batch.studies.push_back(study);
  }
  for (int64_t number : {1, 2, 3, 4, 5}) {
    TrialRecord trial;
    trial.study = 1;
    trial.number = number;
    trial.state = number < 4    ? v1::TRIAL_SUCCEEDED
                  : number == 4 ? v1::TRIAL_INFEASIBLE
                                : v1::TRIAL_FAILED;
    trial.reason = number < 4 ? "" : "out of memory twice";
    trial.architecture = "{}";
    trial.canonical_key = "c" + std::to_string(number);
    trial.origin = number == 1 ? "random" : "mutation of 1: a";
    if (number < 4) {
      trial.metrics = {{"accuracy", {0.5 + 0.125 * number, 0.5, 0.95}},
                       {"latency_ms", {2.5, 2, 3}},
                       {"my score", {-1e-300, {}, {}}}};
    }
    trial.created = start;
    trial.ended = start + absl::Seconds(number);
    trial.on_front = number == 3;
    trial.worker = "w2";
    batch.trials.push_back(trial);
  }
  batch.trials.push_back(batch.trials[2]);
  batch.trials.back().study = 2;
  for (int64_t token : {7, 9}) {
    AttemptRecord attempt;
    attempt.study = 1;
    attempt.trial = 3;
    attempt.token = token;
    attempt.worker = token == 7 ? "w1" : "w2";
    attempt.measures = token == 9;
    attempt.started = start;
    attempt.ended = start + absl::Seconds(2);
    attempt.end = token == 7 ? v1::ATTEMPT_LOST : v1::ATTEMPT_SUCCEEDED;
    attempt.seconds = 1.5;
    batch.attempts.push_back(attempt);
  }
  WorkerRecord worker;
  worker.name = "w1";
  worker.host = "h";
  worker.version = "1.0";
  worker.slots = 2;
  worker.devices = {"cpu"};
  worker.tags = {"gpu", "a100"};
  worker.first_contact = worker.last_contact = start;
  batch.workers = {worker};
  ASSERT_TRUE(Commit(batch).ok());
}

std::vector<std::vector<std::string>> ResultsTest::Ask(const std::string& sql) {
  const absl::StatusOr<QueryResult> result = RunQuery(url_, sql);
  EXPECT_TRUE(result.ok()) << sql << "\n" << result.status();
  std::vector<std::vector<std::string>> rows;
  if (!result.ok()) return rows;
  for (const auto& values : result->rows) {
    std::vector<std::string>& row = rows.emplace_back();
    for (const QueryValue& value : values) row.push_back(TextOf(value));
  }
  return rows;
}
std::string ResultsTest::Time(const std::string& column) {
  return absl::StartsWith(url_, "sqlite:")
             ? column
             : "to_char(" + column + " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')";
}

TEST_P(ResultsTest, StudySummary) {
  EXPECT_THAT(Ask("SELECT tenant, name, state, reason, " + Time("created") +
                  ", ended, "
                  "elapsed_seconds, trials, time_budget_seconds, device_seconds, objective, "
                  "hypervolume, continues FROM study_summary ORDER BY name"),
              ElementsAre(ElementsAre("vision", "fashion-1", "completed", "", "2023-11-14 22:13:20",
                                      "NULL", "2.5", "5", "60", "7200", "accuracy", "NULL", ""),
                          ::testing::Contains("fashion-1")));
}

TEST_P(ResultsTest, TrialSummary) {
  EXPECT_THAT(
      Ask("SELECT trial, state, reason, accuracy, latency_ms, test_accuracy, on_front, "
          "origin, worker, " +
          Time("ended") +
          " FROM trial_summary WHERE study = 'fashion-1' AND trial IN (3, 4) ORDER BY trial"),
      ElementsAre(ElementsAre("3", "succeeded", "", "0.875", "2.5", "NULL", "1", "mutation of 1: a",
                              "w2", "2023-11-14 22:13:23"),
                  ElementsAre("4", "infeasible", "out of memory twice", "NULL", "NULL", "NULL", "0",
                              "mutation of 1: a", "w2", "2023-11-14 22:13:24")));
}

TEST_P(ResultsTest, Measurement) {
  EXPECT_THAT(Ask("SELECT trial, metric, value, low, high FROM measurement "
                  "WHERE study = 'fashion-1' AND trial = 3 ORDER BY metric"),
              ElementsAre(ElementsAre("3", "accuracy", "0.875", "0.5", "0.95"),
                          ElementsAre("3", "latency_ms", "2.5", "2", "3"),
                          ElementsAre("3", "my score", "-1e-300", "NULL", "NULL")));
}

TEST_P(ResultsTest, Front) {
  EXPECT_THAT(Ask("SELECT study, trial, accuracy, macs, canonical_key FROM front ORDER BY study"),
              ElementsAre(ElementsAre("fashion-1", "3", "0.875", "NULL", "c3"),
                          ElementsAre("fashion-2", "3", "0.875", "NULL", "c3")));
}

TEST_P(ResultsTest, Attempt) {
  EXPECT_THAT(Ask("SELECT study, trial, attempt, token, worker, work, outcome, device_seconds, " +
                  Time("ended") + " FROM attempt ORDER BY attempt"),
              ElementsAre(ElementsAre("fashion-1", "3", "1", "7", "w1", "train", "lost", "1.5",
                                      "2023-11-14 22:13:22"),
                          ElementsAre("fashion-1", "3", "2", "9", "w2", "measure", "succeeded",
                                      "1.5", "2023-11-14 22:13:22")));
}

TEST_P(ResultsTest, Worker) {
  EXPECT_THAT(Ask("SELECT name, host, version, slots, devices, tags, targets, " +
                  Time("last_contact") + " FROM worker"),
              ElementsAre(ElementsAre("w1", "h", "1.0", "2", "[\"cpu\"]", "[\"gpu\",\"a100\"]",
                                      "[]", "2023-11-14 22:13:20")));
}

TEST_P(ResultsTest, EveryExampleOfTheDocumentationFindsSomething) {
  ASSERT_NE(getenv("CAMBRIAN_SOURCE"), nullptr);
  std::ifstream file(std::string(getenv("CAMBRIAN_SOURCE")) + "/docs/results-database.md");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  int examples = 0;
  for (size_t at = text.find("```sql\n"); at != text.npos; at = text.find("```sql\n", at + 1)) {
    const std::string sql = text.substr(at + 7, text.find("```", at + 7) - at - 7);
    EXPECT_THAT(Ask(sql), Not(SizeIs(0))) << sql;
    ++examples;
  }
  EXPECT_GE(examples, 10);
}

TEST_P(ResultsTest, AQueryCannotWrite) {
  for (const char* sql : {"DELETE FROM trial", "UPDATE study SET name = 'x'", "DROP TABLE trial",
                          "CREATE TABLE t (a INT)", "INSERT INTO server SELECT * FROM server"}) {
    const absl::Status status = RunQuery(url_, sql).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << sql << "\n" << status;
  }
  EXPECT_THAT(store_->Trials(1, 0, 10).value(), SizeIs(5));
}

TEST_P(ResultsTest, AQueryIsOneStatement) {
  const absl::Status status = RunQuery(url_, "SELECT 1; DELETE FROM trial").status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(Ask("SELECT 1; -- and a comment"), ElementsAre(ElementsAre("1")));
  EXPECT_THAT(Ask("SELECT ';' AS text"), ElementsAre(ElementsAre(";")));
  EXPECT_THAT(store_->Trials(1, 0, 10).value(), SizeIs(5));
}

TEST_P(ResultsTest, AnErrorSaysWhatTheDatabaseSays) {
  const absl::Status status = RunQuery(url_, "SELECT acuracy FROM front").status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("acuracy"));
  EXPECT_TRUE(absl::IsInvalidArgument(RunQuery(url_, "SELEC 1").status()));
}

TEST_P(ResultsTest, RowsAndTimeAreLimited) {
  const char* kEndless =
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
  const QueryResult some = RunQuery(url_, kEndless, {.row_limit = 3}).value();
  EXPECT_THAT(some.rows, SizeIs(3));
  EXPECT_TRUE(some.is_truncated);
  EXPECT_FALSE(RunQuery(url_, "SELECT 1", {.row_limit = 1})->is_truncated);
  const absl::Status status =
      RunQuery(url_, std::string("SELECT count(*) FROM (") + kEndless + ") AS endless",
               {.timeout = absl::Milliseconds(200)})
          .status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
}

}  // namespace cambrian
