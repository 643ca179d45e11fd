// What the SQLite store promises beyond the common contract.
#include "server/store/sqlite.h"

#include <sqlite3.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
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
    batch.marker = {store->StartEpoch().value().number, 1};
    StudyRecord study;
    study.id = 1;
    study.name = "fashion-1";
    TrialRecord trial;
    trial.study = trial.number = 1;
    trial.state = v1::TRIAL_SUCCEEDED;
    trial.metrics = {{"accuracy", {0.75, {}, {}}}, {"latency_ms", {2.5, 2, 3}}};
    batch.studies = {study};
    batch.trials = {trial};
    ASSERT_TRUE(store->Commit(batch).ok());
  }

  testing::TemporaryFolder folder_;
  const std::string path_ = folder_ / "cambrian.db";
};

TEST_F(SqliteTest, WhatIsCommittedIsThereAfterOpeningAgain) {
  Write();
  const auto store = OpenSqliteStore(path_).value();
  EXPECT_EQ(store->Trial(1, 1)->metrics.at("accuracy").value, 0.75);
  EXPECT_EQ(store->StartEpoch()->number, 2);
}

TEST_F(SqliteTest, ASecondServerIsKeptOut) {
  const auto store = OpenSqliteStore(path_).value();
  const auto second = OpenSqliteStore(path_);
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status()));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("another cambrian-server"));
}

TEST_F(SqliteTest, ANewerDatabaseIsRefused) {
  Write();
  Ask("PRAGMA user_version = 99");
  const auto store = OpenSqliteStore(path_);
  EXPECT_TRUE(absl::IsFailedPrecondition(store.status()));
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("older than the database"));
  EXPECT_EQ(Ask("SELECT count(*) FROM trial"), "1");
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
  EXPECT_EQ(Ask("PRAGMA user_version"), "1");
}

TEST_F(SqliteTest, ViewsArePlainForPeople) {
  Write();
  EXPECT_EQ(Ask("SELECT latency_ms FROM trial_summary WHERE study = 'fashion-1'"), "2.5");
  EXPECT_EQ(Ask("SELECT test_accuracy FROM trial_summary"), "NULL");
  EXPECT_EQ(Ask("SELECT state FROM study_summary WHERE name = 'fashion-1'"), "active");
}

}  // namespace
}  // namespace cambrian
