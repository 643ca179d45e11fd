#include "common/table/benchmark_table.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/spaces.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Decisions: conv.out (numbers), conv.kernel (numbers), deep (true or false).
constexpr char kPlain[] = R"(
network:
  - conv: {out: {choose: [8, 16]}, kernel: {choose: [1, 3]}}
  - relu
  - head
)";
constexpr char kRows[] =
    "out,kernel,name,accuracy,seconds\n"
    "8,1,a,0.5,10\n"
    "8,3,b,0.6,\n"
    "16,1,c,0.7,30\n"
    "16,3,d,0.8,40\n";

absl::StatusOr<std::shared_ptr<const BenchmarkTable>> Parse(absl::string_view text,
                                                            absl::string_view space = kPlain) {
  const testing::ReadSpace read = testing::Read(space);
  EXPECT_NE(read.space, nullptr) << read.errors;
  return BenchmarkTable::Parse(text, "t.csv", *read.space);
}

std::string ErrorOf(absl::string_view text, absl::string_view space = kPlain) {
  const auto table = Parse(text, space);
  EXPECT_EQ(table.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(table.status().message());
}

TEST(BenchmarkTableTest, ColumnsAreDecisionsOrMetrics) {
  const auto table = Parse(kRows);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ((*table)->rows(), 4u);
  EXPECT_THAT((*table)->metrics(), ElementsAre("accuracy", "seconds"));
  EXPECT_THAT((*table)->ignored(), ElementsAre("name"));
}

TEST(BenchmarkTableTest, FindsTheRowOfAnArchitecture) {
  const auto read = testing::Read(kPlain);
  const auto table = BenchmarkTable::Parse(kRows, "t.csv", *read.space);
  ASSERT_TRUE(table.ok()) << table.status();
  const auto row = (*table)->Find(*read.space->FromJson({{"conv.out", 16}, {"conv.kernel", 1}}));
  ASSERT_EQ(row, 2u);
  EXPECT_EQ((*table)->Value(*row, *(*table)->FindMetric("accuracy")), 0.7);
  EXPECT_EQ((*table)->Value(*row, *(*table)->FindMetric("seconds")), 30);
}

TEST(BenchmarkTableTest, AnEmptyFieldIsNotKnown) {
  const auto table = Parse(kRows);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_TRUE(std::isnan((*table)->Value(1, *(*table)->FindMetric("seconds"))));
}

TEST(BenchmarkTableTest, ATableMayLackArchitectures) {
  const auto read = testing::Read(kPlain);
  const auto table = BenchmarkTable::Parse("out,kernel,m\n8,1,1\n", "t.csv", *read.space);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ((*table)->Find(*read.space->FromJson({{"out", 16}, {"kernel", 1}})), std::nullopt);
}

TEST(BenchmarkTableTest, SetsAreReadInAnyOrder) {
  const auto space = testing::Builtin("darts");
  std::string header = "m";
  std::string row = "1";
  int turned = 0;
  Random random(1);
  const Architecture drawn = space->Sample(random);
  const nlohmann::ordered_json json = space->ToJson(drawn);
  for (const Decision& decision : space->decisions()) {
    std::string value = json.value(decision.name, "");
    const size_t plus = value.find('+');
    if (decision.is_set && plus != std::string::npos) {
      value = absl::StrCat(value.substr(plus + 1), "+", value.substr(0, plus));
      ++turned;
    }
    absl::StrAppend(&header, ",", decision.name);
    absl::StrAppend(&row, ",", value);
  }
  const auto table = BenchmarkTable::Parse(absl::StrCat(header, "\n", row), "t.csv", *space);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_GT(turned, 0);
  EXPECT_EQ((*table)->Find(drawn), 0u);
}

TEST(BenchmarkTableTest, ADecisionThatDoesNotExistIsEmpty) {
  constexpr char kConditional[] = R"(
network:
  - choose: {plain: [{conv: {kernel: {choose: [1, 3]}, out: 8}}], none: []}
    name: first
  - head
)";
  const auto read = testing::Read(kConditional);
  ASSERT_NE(read.space, nullptr) << read.errors;
  std::vector<std::string> names;
  for (const Decision& decision : read.space->decisions()) names.push_back(decision.name);
  ASSERT_EQ(names.size(), 2u);
  const std::string header = absl::StrCat(names[0], ",", names[1], ",m\n");
  const auto table = BenchmarkTable::Parse(absl::StrCat(header, "plain,1,1\nplain,3,2\nnone,,3\n"),
                                           "t.csv", *read.space);
  ASSERT_TRUE(table.ok()) << table.status();
  Random random(1);
  std::set<size_t> rows;
  for (int i = 0; i < 100; ++i) rows.insert(*(*table)->Find(read.space->Sample(random)));
  EXPECT_EQ(rows.size(), 3u);
  EXPECT_THAT(ErrorOf(absl::StrCat(header, "none,1,1\n"), kConditional), HasSubstr("line 2"));
  EXPECT_THAT(ErrorOf(absl::StrCat(header, "plain,,1\n"), kConditional), HasSubstr("line 2"));
}

TEST(BenchmarkTableTest, EveryDecisionHasAColumn) {
  EXPECT_EQ(ErrorOf("out,m\n8,1\n"),
            "t.csv: line 1: no column for conv.kernel; a table has a column for every decision of "
            "the space");
}

TEST(BenchmarkTableTest, AnAmbiguousNameIsRefused) {
  constexpr char kTwo[] = R"(
network:
  - conv: {out: {choose: [8, 16]}}
    name: first
  - conv: {out: {choose: [8, 16]}}
    name: second
  - head
)";
  EXPECT_THAT(ErrorOf("out,second.out,m\n8,8,1\n", kTwo), HasSubstr("write more of its name"));
}

TEST(BenchmarkTableTest, HeadersThatCannotBeMeantAreRefused) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("the file is empty"));
  EXPECT_THAT(ErrorOf("out,kernel,m\n"), HasSubstr("no rows below the header"));
  EXPECT_THAT(ErrorOf("out,kernel,,m\n8,1,1,1\n"), HasSubstr("column 3 has no name"));
  EXPECT_THAT(ErrorOf("out,kernel,m,m\n8,1,1,1\n"), HasSubstr("two columns of this name"));
  EXPECT_THAT(ErrorOf("out,conv.out,kernel,m\n8,8,1,1\n"), HasSubstr("has a column already"));
}

TEST(BenchmarkTableTest, BrokenRowsNameLineAndColumn) {
  EXPECT_EQ(ErrorOf("out,kernel,m\n8,1,1\n8,3\n"), "t.csv: line 3: 2 fields, but the header has 3");
  EXPECT_EQ(ErrorOf("out,kernel,m\n8,1,1\n8,3,high\n"),
            "t.csv: line 3, column \"m\": \"high\" is not a finite number; leave a value that is "
            "not known empty");
  EXPECT_THAT(ErrorOf("out,kernel,m\n8,1,1\n8,3,nan\n"), HasSubstr("line 3, column \"m\""));
  EXPECT_THAT(ErrorOf("out,kernel,m\n8,5,1\n"), HasSubstr("line 2, column \"kernel\""));
  EXPECT_EQ(ErrorOf("out,kernel,m\n8,1,1\n16,1,1\n8,1,2\n"),
            "t.csv: line 4: the architecture of line 2 again; keep one of them");
  EXPECT_THAT(ErrorOf("out,kernel,m\n8,1,\"1\n"), HasSubstr("a quote is not closed"));
}

TEST(BenchmarkTableTest, HostileTextsAreErrors) {
  const std::string huge(2 << 20, 'x');
  EXPECT_THAT(ErrorOf(absl::StrCat("out,kernel,m\n8,", huge, ",1\n")), HasSubstr("no value"));
  EXPECT_THAT(ErrorOf(absl::StrCat("out,kernel,m\n8,1,", std::string(1 << 20, ','), "\n")),
              HasSubstr("fields"));
  EXPECT_THAT(ErrorOf(std::string(1 << 20, ',')), HasSubstr("columns"));
  const std::string escape = ErrorOf("out,kernel,m\n8,\x1b[2J\xff,1\n");
  EXPECT_EQ(escape.find('\x1b'), std::string::npos);
  EXPECT_LT(ErrorOf(absl::StrCat("out,kernel,m\n8,1,1\n8,3,", huge, "\n")).size(), 300u);
  ErrorOf(absl::string_view("\0\0\0", 3));
}

TEST(BenchmarkTableTest, AnUnknownMetricGetsASuggestion) {
  const auto table = Parse(kRows);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ((*table)->FindMetric("acuracy").status().message(),
            "t.csv: there is no column \"acuracy\"; did you mean \"accuracy\"?");
  EXPECT_THAT(std::string((*table)->FindMetric("f1").status().message()),
              HasSubstr("it has accuracy, seconds"));
}

TEST(BenchmarkTableTest, AFileThatIsNotThereIsNamed) {
  const auto read = testing::Read(kPlain);
  const auto table = BenchmarkTable::Read("/nowhere/t.csv", *read.space);
  EXPECT_EQ(table.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(table.status().message()), HasSubstr("/nowhere/t.csv"));
}

TEST(BenchmarkTableTest, ReadsNasBench201) {
  const char* const source = std::getenv("CAMBRIAN_SOURCE");
  const std::string file =
      absl::StrCat(source == nullptr ? "." : source, "/../shared/data/nasbench201/cifar10.csv");
  if (!std::filesystem::exists(file)) {
    GTEST_SKIP() << "shared/data/nasbench201/cifar10.csv is not here";
  }
  const auto space = testing::Builtin("nasbench201");
  const auto table = BenchmarkTable::Read(file, *space);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ((*table)->rows(), 15'625u);
  const size_t test = *(*table)->FindMetric("test_accuracy_200");
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE((*table)->Find(space->Sample(random)).has_value());
  }
  nlohmann::json skips;
  for (const Decision& decision : space->decisions()) skips[decision.name] = "skip";
  const auto row = (*table)->Find(*space->FromJson(skips));
  ASSERT_TRUE(row.has_value());
  EXPECT_NEAR((*table)->Value(*row, test), 54.30, 0.005);
}

}  // namespace
}  // namespace cambrian
