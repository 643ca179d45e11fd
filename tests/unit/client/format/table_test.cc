#include "client/format/table.h"

#include "absl/strings/str_split.h"
#include "client/format/text.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

Table Example() {
  Table table;
  table.columns = {{.title = "trial", .right = true},
                   {.title = "accuracy", .right = true, .drop = 10},
                   {.title = "±95 %", .right = true, .drop = 30},
                   {.title = "cell", .drop = 40, .flexible = true, .least = 8}};
  table.rows = {{"19", "0.874", "0.006", "conv3x3 ·skip ·none"},
                {"8", "0.8", "0.01", "skip ·skip ·conv1x1"}};
  return table;
}

TEST(TableTest, NumbersAreRightAligned) {
  EXPECT_EQ(Example().Render(0, false),
            " trial  accuracy  ±95 %  cell\n"
            "    19     0.874  0.006  conv3x3 ·skip ·none\n"
            "     8       0.8   0.01  skip ·skip ·conv1x1\n");
}

TEST(TableTest, LongTextIsCutBeforeColumnsGo) {
  EXPECT_EQ(Example().Render(36, false),
            " trial  accuracy  ±95 %  cell\n"
            "    19     0.874  0.006  conv3x3 ·s…\n"
            "     8       0.8   0.01  skip ·skip…\n");
}

TEST(TableTest, ColumnsGoByRank) {
  EXPECT_EQ(Example().Render(24, false),
            " trial  accuracy  ±95 %\n"
            "    19     0.874  0.006\n"
            "     8       0.8   0.01\n");
  EXPECT_EQ(Example().Render(20, false),
            " trial  accuracy\n"
            "    19     0.874\n"
            "     8       0.8\n");
}

TEST(TableTest, NothingIsEverWider) {
  for (int width = 3; width < 60; ++width) {
    const std::string text = Example().Render(width, true);
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      EXPECT_LE(DisplayWidth(line), width);
    }
  }
}

TEST(TableTest, ACellIsOneLine) {
  Table table = Example();
  table.rows = {{"1", "0.5", "0.1", "two\nlines\x1b[2J"}};
  EXPECT_EQ(table.Render(0, false),
            " trial  accuracy  ±95 %  cell\n"
            "     1       0.5    0.1  two lines�[2J\n");
}

TEST(TableTest, EmptyColumnsAreLeftOut) {
  Table table = Example();
  for (auto& row : table.rows) row[2].clear();
  EXPECT_EQ(table.Render(0, false),
            " trial  accuracy  cell\n"
            "    19     0.874  conv3x3 ·skip ·none\n"
            "     8       0.8  skip ·skip ·conv1x1\n");
}

TEST(TableTest, CsvQuotesWhatNeedsIt) {
  EXPECT_EQ(CsvLine({"a", "b,c", "say \"x\"", ""}), "a,\"b,c\",\"say \"\"x\"\"\",\n");
}

}  // namespace
}  // namespace cambrian
