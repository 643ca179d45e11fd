#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/torch/test_files.h"
#include "worker/torch/dataset.h"

namespace cambrian {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CsvTest : public testing::Test {
 protected:
  absl::StatusOr<DataSet> Read(const std::string& text, const std::vector<int64_t>& shape = {}) {
    return ReadCsv(folder_.Write("t.csv", text), "label", shape);
  }
  std::string Failure(const std::string& text, const std::vector<int64_t>& shape = {}) {
    const absl::StatusOr<DataSet> data = Read(text, shape);
    return data.ok() ? "no error" : std::string(data.status().message());
  }

  TestFolder folder_;
};

TEST_F(CsvTest, ReadsRows) {
  const absl::StatusOr<DataSet> data = Read("a,label,b\n1,0,2.5\n-3,1,4e1\n");
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train.shape, (Shape{2, {}}));
  EXPECT_THAT(data->train.floats, ElementsAre(1, 2.5, -3, 40));
  EXPECT_THAT(data->train.labels, ElementsAre(0, 1));
  EXPECT_EQ(data->classes, 2);
}

TEST_F(CsvTest, ToleratesQuotesCarriageReturnsBlankLinesAndAByteOrderMark) {
  const absl::StatusOr<DataSet> data = Read(
      "\xef\xbb\xbf\"a\",\"label\"\r\n\"1\",\"the \"\"big\"\" one, red\"\r\n\r\n 2 ,small\r\n");
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->train.floats, ElementsAre(1, 2));
  EXPECT_THAT(data->train.labels, ElementsAre(1, 0));  // "small" sorts before "the …"
}

TEST_F(CsvTest, NumbersLabelsByValue) {
  const absl::StatusOr<DataSet> data = Read("a,label\n0,10\n0,9\n0,10\n0,-1\n");
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->train.labels, ElementsAre(2, 1, 2, 0));
  EXPECT_EQ(data->classes, 3);
}

TEST_F(CsvTest, PutsChannelsInnermost) {
  // Two channels of one row of three pixels.
  const absl::StatusOr<DataSet> data = Read("a,b,c,d,e,f,label\n1,2,3,4,5,6,0\n", {2, 1, 3});
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train.shape, (Shape{2, {1, 3}}));
  EXPECT_THAT(data->train.floats, ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST_F(CsvTest, NamesLineAndColumn) {
  EXPECT_THAT(Failure("a,label\n1,0\nnan,1\n"),
              HasSubstr("t.csv: line 3: column \"a\": \"nan\" is not a finite number"));
  EXPECT_THAT(Failure("a,label\n1,0\ninf,1\n"), HasSubstr("\"inf\" is not a finite number"));
  EXPECT_THAT(Failure("a,label\n,0\n"), HasSubstr("line 2: column \"a\": \"\""));
  EXPECT_THAT(Failure("a,label\n1,\n"), HasSubstr("line 2: the label is empty"));
  EXPECT_THAT(Failure("a,label\n1,0,7\n"), HasSubstr("line 2: 3 fields, the header has 2"));
  EXPECT_THAT(Failure("a,label\n1,\"0\n"), HasSubstr("line 2: a quote is not closed"));
}

TEST_F(CsvTest, RefusesWhatIsNoTable) {
  EXPECT_THAT(Failure(""), HasSubstr("t.csv: the file is empty"));
  EXPECT_THAT(Failure("a,b\n1,2\n"), HasSubstr("no column \"label\""));
  EXPECT_THAT(Failure("label\n1\n"), HasSubstr("no column besides the label"));
  EXPECT_THAT(Failure("a,label\n1,0.5\n2,1\n"), HasSubstr("neither a whole number nor a word"));
  EXPECT_THAT(Failure("a,b,label\n1,2,0\n", {1, 2, 2}), HasSubstr("a row has 2 values"));
  EXPECT_TRUE(absl::IsNotFound(ReadCsv(folder_.At("none.csv"), "label", {}).status()));
}

}  // namespace
}  // namespace cambrian
