#include "server/query_command.h"

#include <memory>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/sqlite.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

class QueryCommandTest : public ::testing::Test {
 protected:
  // What it prints, on both.
  std::string Print(const std::string& sql, const std::string& output, int64_t limit = 100) {
    std::ostringstream out, err;
    code_ = QueryCommand("sqlite:" + path_, {.sql = sql, .output = output, .row_limit = limit}, out,
                         err);
    return out.str() + err.str();
  }

  testing::TemporaryFolder folder_;
  const std::string path_ = folder_ / "cambrian.db";
  const std::unique_ptr<TrialStore> store_ = OpenSqliteStore(path_).value();
  int code_ = -1;
};

constexpr char kRows[] =
    "SELECT 'ü' AS name, 0.1 AS accuracy, 12 AS n, NULL AS none "
    "UNION ALL SELECT 'a,\"b\"' || char(10) || char(27), 1e300, 3, NULL";

TEST_F(QueryCommandTest, ATableIsAlignedAndCannotTalkToTheTerminal) {
  EXPECT_EQ(Print(kRows, "table"),
            "name         accuracy   n  none\n"
            "ü                 0.1  12\n"
            "a,\"b\"\\n\\x1b    1e+300   3\n");
  EXPECT_EQ(code_, 0);
}

TEST_F(QueryCommandTest, JsonIsAnObjectALine) {
  EXPECT_EQ(Print(kRows, "json"),
            "{\"name\":\"ü\",\"accuracy\":0.1,\"n\":12,\"none\":null}\n"
            "{\"name\":\"a,\\\"b\\\"\\n\\u001b\",\"accuracy\":1e+300,\"n\":3,\"none\":null}\n");
}

TEST_F(QueryCommandTest, CsvQuotesWhatNeedsIt) {
  EXPECT_EQ(Print(kRows, "csv"),
            "name,accuracy,n,none\r\nü,0.1,12,\r\n\"a,\"\"b\"\"\n\x1b\",1e+300,3,\r\n");
}

TEST_F(QueryCommandTest, SaysThatThereIsMore) {
  EXPECT_THAT(Print(kRows, "json", 1), HasSubstr("only the first 1 rows"));
  EXPECT_EQ(code_, 0);
}

TEST_F(QueryCommandTest, TellsTheCallersMistakesFromOthers) {
  EXPECT_THAT(Print("SELEC 1", "table"), HasSubstr("error: SQLite: near \"SELEC\""));
  EXPECT_EQ(code_, 2);
  EXPECT_THAT(Print("SELECT 1", "xml"), HasSubstr("table, json or csv"));
  EXPECT_EQ(code_, 2);
  std::ostringstream out, err;
  EXPECT_EQ(QueryCommand("sqlite:" + (folder_ / "none.db"), {.sql = "SELECT 1"}, out, err), 1);
  EXPECT_THAT(err.str(), HasSubstr("none.db"));
}

}  // namespace
}  // namespace cambrian
