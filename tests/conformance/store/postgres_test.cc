// The PostgreSQL store: the common contract, and what it promises beyond.
#include "server/store/postgres.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <pqxx/pqxx>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "tests/conformance/store/store_home.h"
#include "tests/testing/postgres.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// One cluster for the whole program. Null, and why, if there is none.
testing::Postgres* Cluster(std::string* reason) {
  static std::string kept_reason;
  static const std::unique_ptr<testing::Postgres> cluster = testing::Postgres::Start(&kept_reason);
  *reason = kept_reason;
  return cluster.get();
}

// A database of its own for each test.
class PostgresHome : public StoreHome {
 public:
  static std::unique_ptr<PostgresHome> Make(std::string* reason) {
    testing::Postgres* const cluster = Cluster(reason);
    if (cluster == nullptr) return nullptr;
    static int made = 0;
    std::unique_ptr<PostgresHome> home(new PostgresHome(*cluster));
    const std::string name = "test_" + std::to_string(++made);
    pqxx::connection connection(cluster->Url());
    pqxx::nontransaction(connection).exec("CREATE DATABASE " + name);
    home->url_ = cluster->Url(name);
    return home;
  }

  std::unique_ptr<TrialStore> Open() override { return OpenPostgresStore(url_).value(); }
  TrialStore* Second(TrialStore&) override {
    second_ = Open();
    return second_.get();
  }
  std::string Url() override { return url_; }
  void Pass(absl::Duration duration) override {
    Ask("UPDATE server SET term_ends = term_ends - interval '" +
        std::to_string(absl::ToInt64Milliseconds(duration)) + " milliseconds' RETURNING 1");
  }

  // The first column of the first row, as people's tools would see it.
  std::string Ask(const std::string& sql) {
    pqxx::connection connection(url_);
    const pqxx::result result = pqxx::nontransaction(connection).exec(sql);
    if (result.empty()) return "no row";
    return result[0].size() == 0 || result[0][0].is_null() ? "NULL" : result[0][0].c_str();
  }
  testing::Postgres& cluster() { return cluster_; }
  const std::string& url() const { return url_; }

 private:
  explicit PostgresHome(testing::Postgres& cluster) : cluster_(cluster) {}

  testing::Postgres& cluster_;
  std::string url_;
  std::unique_ptr<TrialStore> second_;
};

const StoreKind kPostgres = {"Postgres",
                             [](std::string* reason) { return PostgresHome::Make(reason); }};
std::string NameOf(const ::testing::TestParamInfo<StoreKind>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformanceTest, ::testing::Values(kPostgres), NameOf);
INSTANTIATE_TEST_SUITE_P(Stores, SharedStoreTest, ::testing::Values(kPostgres), NameOf);
INSTANTIATE_TEST_SUITE_P(Stores, ResultsTest, ::testing::Values(kPostgres), NameOf);

class PostgresTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    home_ = PostgresHome::Make(&reason);
    if (home_ == nullptr) GTEST_SKIP() << reason;
  }
  void Open(PostgresOptions options = {}) {
    store_ = OpenPostgresStore(home_->url(), options).value();
    epoch_ = store_->StartEpoch("a", absl::Minutes(1)).value().number;
    commits_ = 0;
  }
  // A batch with the trial of this number, and the study that it belongs to.
  Batch Next(int64_t number) {
    Batch batch;
    batch.marker = {epoch_, ++commits_};
    StudyRecord study;
    study.id = 1;
    study.name = "fashion-1";
    study.created = absl::FromUnixMicros(1'700'000'000'500'000);
    study.ended = absl::FromUnixSeconds(1'700'000'100);
    study.elapsed = absl::Milliseconds(99'500);
    batch.studies = {study};
    TrialRecord trial;
    trial.study = 1;
    trial.number = number;
    trial.state = v1::TRIAL_SUCCEEDED;
    trial.architecture = "{}";
    trial.metrics = {{"accuracy", {0.75, {}, {}}}, {"latency_ms", {2.5, 2, 3}}};
    trial.on_front = number == 1;
    batch.trials = {trial};
    return batch;
  }

  std::unique_ptr<PostgresHome> home_;
  std::unique_ptr<TrialStore> store_;
  int64_t epoch_ = 0;
  int64_t commits_ = 0;
};

TEST_F(PostgresTest, ServersThatStartTogetherWaitForEachOther) {
  std::vector<std::thread> servers;
  std::vector<absl::Status> opened(8);
  for (absl::Status& status : opened) {
    servers.emplace_back([&] { status = OpenPostgresStore(home_->url()).status(); });
  }
  for (std::thread& server : servers) server.join();
  for (const absl::Status& status : opened) EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(home_->Ask("SELECT count(*) FROM schema_version"), "4");
}

TEST_F(PostgresTest, ADatabaseOfTheFirstSchemaIsBroughtForward) {
  ASSERT_NE(getenv("CAMBRIAN_SOURCE"), nullptr);
  std::ifstream stream(std::string(getenv("CAMBRIAN_SOURCE")) +
                       "/server/store/migrations/postgres/0001_initial.sql");
  const std::string sql((std::istreambuf_iterator<char>(stream)), {});
  ASSERT_FALSE(sql.empty());
  home_->Ask(sql);
  home_->Ask("CREATE TABLE schema_version (version INTEGER NOT NULL)");
  home_->Ask("INSERT INTO schema_version VALUES (1)");
  home_->Ask(
      "INSERT INTO study VALUES (1,'','old-1','','text','active','',0,NULL,0,'','','',1,0,0,1,0,0,"
      "0,0,'accuracy',true,10,NULL,0,3,NULL,'[]')");
  home_->Ask(
      "INSERT INTO trial VALUES (1,1,'succeeded','','{}','c','e','random',"
      "'{\"accuracy\":{\"value\":0.5}}',0,false,5,6,7,1,3,1,0,0,9,'w',1,'','',true,true,'')");
  home_->Ask("INSERT INTO event VALUES (1,3,6,1,'')");
  home_->Ask("INSERT INTO event VALUES (1,2,4,1,'')");
  home_->Ask("INSERT INTO trial_attempt VALUES (1,1,8,'w',false,5,6,'lost','',0,'')");
  // What people made of the views is still theirs.
  home_->Ask("GRANT SELECT ON attempt TO PUBLIC");
  home_->Ask("CREATE VIEW lost AS SELECT * FROM attempt WHERE outcome = 'lost'");
  Open();
  EXPECT_EQ(store_->Study("old-1")->succeeded, 1);
  // The proposal and the end of the trial are in its row.
  const std::vector<EventRecord> events = store_->Events(1, 0, 9).value();
  ASSERT_EQ(events.size(), 3u);
  const EventKind kinds[] = {EventKind::kProposed, EventKind::kProgress, EventKind::kEnded};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(events[i].number, i + 1);
    EXPECT_EQ(events[i].kind, kinds[i]);
  }
  // A server of before that is still active writes such a row once more.
  home_->Ask("INSERT INTO event VALUES (1,3,6,1,'')");
  EXPECT_EQ(store_->Events(1, 0, 9)->size(), 3u);
  EXPECT_EQ(store_->Study("old-1")->circumstances, "");
  EXPECT_EQ(store_->StudyText(1).value(), "text");
  EXPECT_EQ(store_->Trial(1, 1)->metrics.at("accuracy").value, 0.5);
  EXPECT_EQ(home_->Ask("SELECT max(version) FROM schema_version"), "4");
  EXPECT_EQ(home_->Ask("SELECT accuracy FROM front"), "0.5");
  // Its row tells the attempt that no row was written for.
  EXPECT_EQ(home_->Ask("SELECT string_agg(attempt || work || outcome || token || worker, ' ' "
                       "ORDER BY attempt) FROM attempt"),
            "1trainlost8w 2trainsucceeded9w");
  EXPECT_EQ(store_->Attempts(1, 1)->size(), 2u);
  EXPECT_EQ(store_->Attempts(1, 1)->back().token, 9);
  EXPECT_EQ(home_->Ask("SELECT has_table_privilege('public', 'attempt', 'SELECT')"), "t");
  EXPECT_EQ(home_->Ask("SELECT count(*) FROM lost"), "1");
  EXPECT_EQ(home_->Ask("SELECT 1 FROM pg_indexes WHERE indexname = 'trial_evaluation'"), "no row");
}

TEST_F(PostgresTest, ANewerDatabaseIsRefused) {
  Open();
  home_->Ask("UPDATE schema_version SET version = 99");
  const absl::Status status = OpenPostgresStore(home_->url()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("older than the database"));
}

TEST_F(PostgresTest, NoErrorSaysThePassword) {
  for (const std::string& url : {std::string("postgresql://me:hush%20me@127.0.0.1:1/none"),
                                 home_->cluster().Url("no_such_database") + "&password=hush%20me",
                                 std::string("postgresql://me:hush me@[/none"),
                                 std::string("postgresql://me@h/?hush me=1")}) {
    const absl::Status status = OpenPostgresStore(url).status();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hush"))) << url;
    EXPECT_FALSE(status.message().empty());
  }
}

TEST_F(PostgresTest, TextThatIsNotUtf8StopsNobody) {
  Open();
  Batch batch = Next(1);
  batch.trials[0].reason = std::string("a\0b\xff\xe2\x82", 6) + "\xed\xa0\x80 ü";
  ASSERT_TRUE(store_->Commit(batch).ok());
  EXPECT_EQ(store_->Trial(1, 1)->reason, "a\uFFFDb\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD ü");
}

TEST_F(PostgresTest, ADatabaseThatDiesIsAwayUntilItIsBack) {
  Open();
  ASSERT_TRUE(store_->Commit(Next(1)).ok());
  home_->cluster().Kill9();
  EXPECT_TRUE(absl::IsUnavailable(store_->Commit(Next(2))));
  EXPECT_TRUE(absl::IsUnavailable(store_->LastCommit().status()));
  EXPECT_TRUE(absl::IsUnavailable(store_->Trials(1, 0, 10).status()));
  home_->cluster().Restart();
  EXPECT_EQ(store_->LastCommit().value(), (CommitMarker{epoch_, 1}));
  EXPECT_EQ(store_->Trials(1, 0, 10)->size(), 1u);
  EXPECT_TRUE(store_->Commit(Next(2)).ok());
  EXPECT_EQ(store_->Trials(1, 0, 10)->size(), 2u);
}

TEST_F(PostgresTest, AReadNeedNotHearThatTheDatabaseWasAway) {
  Open();
  ASSERT_TRUE(store_->Commit(Next(1)).ok());
  ASSERT_TRUE(store_->Trial(1, 1).ok());
  home_->cluster().Restart();
  EXPECT_TRUE(store_->Trial(1, 1).ok());
}

TEST_F(PostgresTest, ACommitOfUnknownOutcomeIsSettledByOneRead) {
  Open();
  for (int round = 0; round < 3; ++round) {
    int64_t number = 0;
    absl::Status status;
    std::thread server([&] {
      do {
        number = commits_ + 1;
        status = store_->Commit(Next(number));
      } while (status.ok());
    });
    // Somewhere in the middle of a commit.
    const int64_t wanted = commits_ + 50;
    while (store_->Trials(1, wanted, 1)->empty()) std::this_thread::yield();
    home_->cluster().Kill9();
    server.join();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    home_->cluster().Restart();
    const int64_t last = store_->LastCommit()->number;
    EXPECT_GE(last, number - 1);
    EXPECT_LE(last, number);
    EXPECT_EQ(store_->Trials(1, 0, number + 1)->size(), static_cast<size_t>(last));
    commits_ = last;
  }
}

TEST_F(PostgresTest, ADatabaseThatStandsStillIsAwayAndItsLateCommitWritesNothing) {
  Open({.timeout = absl::Seconds(3)});
  ASSERT_TRUE(store_->Commit(Next(1)).ok());
  const std::string old = home_->Ask(
      "SELECT string_agg(pid::text, ', ') FROM pg_stat_activity WHERE application_name = "
      "'cambrian' AND datname = current_database()");
  home_->cluster().SignalConnections(SIGSTOP);
  EXPECT_TRUE(absl::IsUnavailable(store_->Commit(Next(2))));
  // The standing process has that commit before it still. A new one serves the question.
  EXPECT_EQ(store_->LastCommit().value(), (CommitMarker{epoch_, 1}));
  home_->cluster().SignalConnections(SIGCONT);
  // Until they have read what was sent to them, and that nobody waits for an answer.
  while (home_->Ask("SELECT count(*) FROM pg_stat_activity WHERE pid IN (" + old + ")") != "0") {
    std::this_thread::yield();
  }
  EXPECT_EQ(store_->Trials(1, 0, 10)->size(), 1u);
  EXPECT_EQ(store_->LastCommit().value(), (CommitMarker{epoch_, 1}));
  EXPECT_TRUE(store_->Commit(Next(2)).ok());
}

}  // namespace
}  // namespace cambrian
