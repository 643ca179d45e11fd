// What the SQLite store promises beyond the common contract.
#include "server/store/sqlite.h"

#include <sqlite3.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/query.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

class SqliteTest : public ::testing::Test {
 protected:
  // The first column of the first row, as people's tools would see it.
  std::string Ask(const std::string& sql) {
    sqlite3* database = nullptr;
    sqlite3_open(path_.c_str(), &database);
    std::string answer;
    char* error = nullptr;
    sqlite3_exec(
        database, sql.c_str(),
        [](void* out, int, char** values, char**) {
          *static_cast<std::string*>(out) = values[0] ? values[0] : "NULL";
          return 1;  // one row is enough
        },
        &answer, &error);
    sqlite3_free(error);
    sqlite3_close(database);
    return answer;
  }
  void Write() {
    const auto store = OpenSqliteStore(path_).value();
    Batch batch;
    batch.marker = {store->StartEpoch("a", absl::Seconds(10)).value().number, 1};
    StudyRecord study;
    study.id = 1;
    study.name = "fashion-1";
    TrialRecord trial;
    trial.study = trial.number = 1;
    trial.state = v1::TRIAL_SUCCEEDED;
    trial.metrics = {{"accuracy", {0.75, {}, {}}}, {"latency_ms", {2.5, 2, 3}}};
    trial.on_front = true;
    AttemptRecord attempt;
    attempt.study = attempt.trial = attempt.token = 1;
    attempt.end = v1::ATTEMPT_PREEMPTED;
    attempt.seconds = 1.5;
    WorkerRecord worker;
    worker.name = "w";
    worker.host = "h";
    worker.tags = {"gpu"};
    worker.last_contact = absl::FromUnixSeconds(1'700'000'000);
    TrialRecord told = trial;  // its row tells its attempt
    told.number = 2;
    told.on_front = false;
    told.token = 7;
    told.worker = "w";
    told.started = absl::FromUnixSeconds(1'700'000'000);
    told.ended = absl::FromUnixSeconds(1'700'000'002);
    told.seconds = 2;
    AttemptRecord success;
    success.study = 1;
    success.trial = 2;
    success.token = told.token;
    success.worker = told.worker;
    success.started = *told.started;
    success.ended = *told.ended;
    success.end = v1::ATTEMPT_SUCCEEDED;
    success.seconds = told.seconds;
    batch.attempts = {attempt, success};
    batch.workers = {worker};
    batch.studies = {study};
    batch.trials = {trial, told};
    ASSERT_TRUE(store->Commit(batch).ok());
  }

  testing::TemporaryFolder folder_;
  const std::string path_ = folder_ / "cambrian.db";
};

TEST_F(SqliteTest, WhatIsCommittedIsThereAfterOpeningAgain) {
  Write();
  const auto store = OpenSqliteStore(path_).value();
  EXPECT_EQ(store->Trial(1, 1)->metrics.at("accuracy").value, 0.75);
  EXPECT_EQ(store->StartEpoch("a", absl::Seconds(10))->number, 2);
}

TEST_F(SqliteTest, ASecondServerIsKeptOut) {
  const auto store = OpenSqliteStore(path_).value();
  const auto second = OpenSqliteStore(path_);
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status()));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("another cambrian-server"));
}

TEST_F(SqliteTest, OpensForReadingBesideAServerAndWritesNothing) {
  EXPECT_FALSE(OpenSqliteStoreForReading(path_).ok());  // makes no database
  Write();
  const auto server = OpenSqliteStore(path_).value();
  const auto reader = OpenSqliteStoreForReading(path_).value();
  EXPECT_EQ(reader->Trial(1, 1)->metrics.at("accuracy").value, 0.75);
  EXPECT_FALSE(reader->StartEpoch("reader", absl::Seconds(10)).ok());
  EXPECT_EQ(server->StartEpoch("server", absl::Seconds(10))->number, 2);
  Ask("PRAGMA user_version = 1");
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenSqliteStoreForReading(path_).status()));
}

TEST_F(SqliteTest, ANewerDatabaseIsRefused) {
  Write();
  Ask("PRAGMA user_version = 99");
  const auto store = OpenSqliteStore(path_);
  EXPECT_TRUE(absl::IsFailedPrecondition(store.status()));
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("older than the database"));
  EXPECT_EQ(Ask("SELECT count(*) FROM trial"), "2");
}

TEST_F(SqliteTest, WhatIsNoDatabaseIsRefused) {
  FILE* file = fopen(path_.c_str(), "w");
  fputs("this is a letter to my grandmother, not a database at all", file);
  fclose(file);
  EXPECT_TRUE(absl::IsUnavailable(OpenSqliteStore(path_).status()));
  EXPECT_TRUE(absl::IsUnavailable(OpenSqliteStore(folder_ / "no/such/folder/x.db").status()));
}

TEST_F(SqliteTest, IsDurableAndChecksReferences) {
  Write();
  EXPECT_EQ(Ask("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(Ask("PRAGMA user_version"), "5");
}

TEST_F(SqliteTest, ViewsArePlainForPeople) {
  Write();
  EXPECT_EQ(Ask("SELECT latency_ms FROM trial_summary WHERE study = 'fashion-1'"), "2.5");
  EXPECT_EQ(Ask("SELECT test_accuracy FROM trial_summary"), "NULL");
  EXPECT_EQ(Ask("SELECT state FROM study_summary WHERE name = 'fashion-1'"), "active");
  EXPECT_EQ(Ask("SELECT high FROM measurement WHERE study = 'fashion-1' AND trial = 1 AND "
                "metric = 'latency_ms'"),
            "3.0");
  EXPECT_EQ(Ask("SELECT count(*) FROM front"), "1");
  EXPECT_EQ(
      Ask("SELECT work || ' ' || outcome || ' ' || device_seconds FROM attempt WHERE trial = 1"),
      "train preempted 1.5");
  EXPECT_EQ(Ask("SELECT attempt || work || outcome || token || worker || started || ended || "
                "device_seconds FROM attempt WHERE trial = 2"),
            "1trainsucceeded7w2023-11-14 22:13:202023-11-14 22:13:222.0");
  EXPECT_EQ(Ask("SELECT count(*) FROM trial_attempt"), "1");
  EXPECT_EQ(Ask("SELECT host || tags || last_contact FROM worker"),
            "h[\"gpu\"]2023-11-14 22:13:20");
}

TEST_F(SqliteTest, ResultsAreReadWithAndWithoutAServer) {
  Write();
  EXPECT_EQ(RunQuery("sqlite:" + path_, "SELECT * FROM front")->rows.size(), 1u);
  const auto store = OpenSqliteStore(path_).value();
  EXPECT_EQ(RunQuery(path_, "SELECT * FROM front")->rows.size(), 1u);
  EXPECT_TRUE(absl::IsUnavailable(RunQuery(folder_ / "none.db", "SELECT 1").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      RunQuery(path_, "ATTACH '" + (folder_ / "other.db") + "' AS other").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(RunQuery(path_, "PRAGMA query_only = OFF").status()));
}

TEST_F(SqliteTest, ADatabaseThatSomebodyChangedGivesErrors) {
  Write();
  const auto store = OpenSqliteStore(path_).value();
  const int64_t epoch = store->StartEpoch("a", absl::Seconds(10)).value().number;
  Ask("ALTER TABLE event RENAME COLUMN number TO other");
  EXPECT_TRUE(absl::IsUnavailable(store->Events(1, 0, 9).status()));
  EXPECT_TRUE(absl::IsUnavailable(store->Curve(1, 1).status()));
  EXPECT_EQ(store->Trial(1, 1)->number, 1);
  Ask("ALTER TABLE trial RENAME COLUMN number TO other");
  EXPECT_TRUE(absl::IsUnavailable(store->Trial(1, 1).status()));
  Batch batch;
  batch.marker = {epoch, 1};
  batch.trials.emplace_back().study = 1;
  EXPECT_TRUE(absl::IsUnavailable(store->Commit(batch)));
}

TEST_F(SqliteTest, ADatabaseOfTheFirstSchemaIsBroughtForward) {
  ASSERT_NE(getenv("CAMBRIAN_SOURCE"), nullptr);
  std::ifstream stream(std::string(getenv("CAMBRIAN_SOURCE")) +
                       "/server/store/migrations/sqlite/0001_initial.sql");
  std::string sql((std::istreambuf_iterator<char>(stream)), {});
  ASSERT_FALSE(sql.empty());
  sql +=
      "PRAGMA user_version = 1;"
      "INSERT INTO study VALUES (1,'','old-1','','text','active','',0,NULL,0,'','',1,0,0,1,0,0,0,0,"
      "'accuracy',1,10,NULL,0,3,NULL,'[]');"
      "INSERT INTO trial VALUES (1,1,'succeeded','','{}','c','e','random',"
      "'{\"accuracy\":{\"value\":0.5}}',0,0,5,6,7,1,3,2,0,0,9,'w',1,'',1,x'');"
      "INSERT INTO study VALUES "
      "(2,'','old-2','','other','active','',0,NULL,0,'','',0,0,0,0,0,0,0,0,"
      "'accuracy',1,10,NULL,0,0,NULL,'[]');"
      "INSERT INTO event VALUES (1,3,6,1,x'');"
      "INSERT INTO log VALUES (1,1,1,'first');"
      "INSERT INTO log VALUES (1,1,2,'second');";
  Ask(sql);
  const auto store = OpenSqliteStore(path_).value();
  EXPECT_EQ(store->Study("old-1")->succeeded, 1);
  EXPECT_EQ(store->StudyText(1).value(), "text");
  EXPECT_EQ(store->Trial(1, 1)->metrics.at("accuracy").value, 0.5);
  EXPECT_EQ(store->Log(1, 1).value(), "second");
  const std::vector<AttemptRecord> attempts = store->Attempts(1, 1).value();
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts[0].token, 8);  // below the newest, whose token is known
  EXPECT_EQ(attempts[0].end, v1::ATTEMPT_END_UNSPECIFIED);
  EXPECT_EQ(attempts[1].token, 9);
  EXPECT_EQ(attempts[1].end, v1::ATTEMPT_SUCCEEDED);
  EXPECT_EQ(attempts[1].worker, "w");
  EXPECT_EQ(Ask("PRAGMA user_version"), "5");
  EXPECT_EQ(Ask("SELECT accuracy FROM front"), "0.5");
  // The proposal and the end of the trial are in its row.
  const std::vector<EventRecord> events = store->Events(1, 0, 9).value();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].number, 1);
  EXPECT_EQ(events[0].kind, EventKind::kProposed);
  EXPECT_EQ(events[1].number, 3);
  EXPECT_EQ(events[1].kind, EventKind::kEnded);
  // It is written to, and what belongs to a study goes with it.
  Batch batch;
  batch.marker = {store->StartEpoch("a", absl::Seconds(10)).value().number, 1};
  TrialRecord trial;
  trial.study = 2;
  trial.number = 1;
  batch.trials = {trial};
  batch.deleted = {1};
  ASSERT_TRUE(store->Commit(batch).ok());
  EXPECT_EQ(store->Studies()->size(), 1u);
  EXPECT_EQ(store->StudyText(2).value(), "other");
  EXPECT_EQ(store->Trials(2, 0, 9)->size(), 1u);
  for (const char* table :
       {"trial WHERE study_id = 1", "event", "trial_attempt", "study_text WHERE study_id = 1"}) {
    EXPECT_EQ(Ask(std::string("SELECT count(*) FROM ") + table), "0") << table;
  }
}

}  // namespace
}  // namespace cambrian
