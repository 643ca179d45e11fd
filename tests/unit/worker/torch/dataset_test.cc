#include "worker/torch/dataset.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/torch/test_files.h"

namespace cambrian {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// A hundred rows (i, 5), label i mod 4.
DataRequest Hundred(const TestFolder& folder) {
  std::string text = "x,constant,label\n";
  for (int i = 0; i < 100; ++i) absl::StrAppend(&text, i, ",5,", i % 4, "\n");
  DataRequest request;
  request.format = DataRequest::Format::kCsv;
  request.path = folder.Write("t.csv", text);
  request.label = "label";
  return request;
}

TEST(DataSetTest, NormalisesByChannelOverTheTrainingExamples) {
  const TestFolder folder;
  const absl::StatusOr<DataSet> data = LoadDataSet(Hundred(folder));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_NEAR(data->mean[0], 49.5, 1e-4);
  EXPECT_NEAR(data->deviation[0], 28.866, 1e-3);
  EXPECT_EQ(data->mean[1], 5);
  EXPECT_EQ(data->deviation[1], 1);  // a constant column is not divided by zero
}

TEST(DataSetTest, KeepsAStratifiedTestSetThatNoSeedMoves) {
  const TestFolder folder;
  DataRequest request = Hundred(folder);
  request.test = 0.2;
  const absl::StatusOr<DataSet> data = LoadDataSet(request);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train.Count(), 80);
  EXPECT_EQ(data->test.Count(), 20);
  for (int label = 0; label < 4; ++label) {
    EXPECT_EQ(std::count(data->test.labels.begin(), data->test.labels.end(), label), 5);
  }
  EXPECT_EQ(LoadDataSet(request)->sha256, data->sha256);
}

TEST(DataSetTest, NoticesOtherData) {
  const TestFolder folder;
  DataRequest request = Hundred(folder);
  request.sha256 = LoadDataSet(request)->sha256;
  EXPECT_TRUE(LoadDataSet(request).ok());
  folder.Write("t.csv", "x,constant,label\n1,2,0\n1,2,1\n");
  EXPECT_THAT(LoadDataSet(request).status().message(),
              HasSubstr("not the data that the study was made with"));
}

TEST(DataSetTest, RefusesTooFewClassesAndNoExamples) {
  const TestFolder folder;
  DataRequest request = Hundred(folder);
  folder.Write("t.csv", "x,label\n1,0\n2,0\n");
  EXPECT_THAT(LoadDataSet(request).status().message(), HasSubstr("fewer than two classes"));
  folder.Write("t.csv", "x,label\n");
  EXPECT_THAT(LoadDataSet(request).status().message(), HasSubstr("no training examples"));
}

TEST(DataSetTest, NamesAClassWithoutExamples) {
  const TestFolder folder;
  std::string record(3073, '\0');
  folder.Write("data_batch_1.bin", record);
  DataRequest request;
  request.format = DataRequest::Format::kCifar10;
  request.path = folder.path();
  EXPECT_THAT(LoadDataSet(request).status().message(),
              HasSubstr("no training example of class 1 of 0 … 9"));
}

TEST(DataRequestTest, ReadsWhatAStudySays) {
  const absl::StatusOr<DataRequest> request =
      ParseDataRequest(json::parse(R"({"csv": {"file": "/d.csv", "label": "y", "shape": [1, 8, 8]},
                      "validation": 0.2, "test": 0.1, "sha256": "ab"})"));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->format, DataRequest::Format::kCsv);
  EXPECT_EQ(request->path, "/d.csv");
  EXPECT_EQ(request->label, "y");
  EXPECT_THAT(request->shape, testing::ElementsAre(1, 8, 8));
  EXPECT_EQ(request->validation, 0.2);
  EXPECT_EQ(request->test, 0.1);
  EXPECT_EQ(request->sha256, "ab");
}

TEST(DataRequestTest, RefusesWhatItDoesNotUnderstand) {
  for (const char* text :
       {"null", "[]", "{}", R"({"idx": 3})", R"({"idx": {}})", R"({"idx": {"folder": 3}})",
        R"({"csv": {"file": "a", "shape": [1, -8]}})", R"({"csv": {"file": "a", "shape": 8}})",
        R"({"idx": {"folder": "a"}, "validation": 1})",
        R"({"idx": {"folder": "a"}, "validation": "x"})"}) {
    EXPECT_FALSE(ParseDataRequest(json::parse(text)).ok()) << text;
  }
}

TEST(WithCommasTest, GroupsThousands) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(31002), "31,002");
  EXPECT_EQ(WithCommas(-1234567), "-1,234,567");
}

}  // namespace
}  // namespace cambrian
