#include "common/table/csv_reader.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using Rows = std::vector<std::vector<std::string>>;

Rows AllRows(absl::string_view text) {
  CsvReader reader(text);
  Rows rows;
  std::vector<std::string> fields;
  while (true) {
    const absl::StatusOr<bool> more = reader.Next(fields);
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok() || !*more) return rows;
    rows.push_back(fields);
  }
}

TEST(CsvReaderTest, CutsRowsAndFields) {
  EXPECT_THAT(AllRows("a,b\r\n1, 2 \n\n3,\n"),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("1", "2"), ElementsAre("3", "")));
}

TEST(CsvReaderTest, SkipsAByteOrderMark) {
  EXPECT_THAT(AllRows("\xef\xbb\xbfx\n1"), ElementsAre(ElementsAre("x"), ElementsAre("1")));
}

TEST(CsvReaderTest, QuotedFieldsHoldCommasQuotesAndLineEnds) {
  EXPECT_THAT(AllRows("\"a,\"\"b\"\"\",\"c\nd\"\n"), ElementsAre(ElementsAre("a,\"b\"", "c\nd")));
}

TEST(CsvReaderTest, SaysWhereARowBegins) {
  CsvReader reader("a\n\"b\nc\"\nd");
  std::vector<std::string> fields;
  for (const int line : {1, 2, 4}) {
    ASSERT_TRUE(*reader.Next(fields));
    EXPECT_EQ(reader.line(), line);
  }
}

TEST(CsvReaderTest, RefusesAQuoteThatIsNotClosed) {
  CsvReader reader("a\n\"b\nc");
  std::vector<std::string> fields;
  ASSERT_TRUE(*reader.Next(fields));
  const absl::StatusOr<bool> more = reader.Next(fields);
  EXPECT_EQ(more.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(more.status().message(), "line 2: a quote is not closed");
}

TEST(CsvReaderTest, NothingHasNoRows) { EXPECT_TRUE(AllRows("").empty()); }

}  // namespace
}  // namespace cambrian
