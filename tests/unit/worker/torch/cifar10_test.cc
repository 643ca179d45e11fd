#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/torch/test_files.h"
#include "worker/torch/dataset.h"

namespace cambrian {
namespace {

using testing::HasSubstr;

// A record whose planes are red = r, green = g, blue = b.
std::string Record(char label, char r, char g, char b) {
  return std::string(1, label) + std::string(1024, r) + std::string(1024, g) + std::string(1024, b);
}

TEST(Cifar10Test, ReadsEveryBatchChannelsInnermost) {
  const TestFolder folder;
  folder.Write("data_batch_1.bin", Record(3, 1, 2, 3) + Record(4, 4, 5, 6));
  folder.Write("data_batch_2.bin", Record(5, 7, 8, 9));
  folder.Write("test_batch.bin", Record(9, 0, 0, 0));
  const absl::StatusOr<DataSet> data = ReadCifar10(folder.path());
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train.shape, (Shape{3, {32, 32}}));
  EXPECT_THAT(data->train.labels, testing::ElementsAre(3, 4, 5));
  EXPECT_THAT(data->test.labels, testing::ElementsAre(9));
  EXPECT_EQ(data->classes, 10);
  const std::vector<uint8_t> second(data->train.bytes.begin() + 3072,
                                    data->train.bytes.begin() + 3078);
  EXPECT_THAT(second, testing::ElementsAre(4, 5, 6, 4, 5, 6));
}

TEST(Cifar10Test, NamesFileAndRecord) {
  const TestFolder folder;
  folder.Write("data_batch_1.bin", Record(3, 1, 2, 3) + Record(10, 4, 5, 6));
  EXPECT_THAT(ReadCifar10(folder.path()).status().message(),
              HasSubstr("data_batch_1.bin: record 2: label 10 is out of range 0 … 9"));
  folder.Write("data_batch_1.bin", Record(3, 1, 2, 3) + "abc");
  EXPECT_THAT(ReadCifar10(folder.path()).status().message(),
              HasSubstr("data_batch_1.bin: record 2: file ends after 3 of 3,073 bytes"));
}

TEST(Cifar10Test, NeedsTheFirstBatch) {
  const TestFolder folder;
  EXPECT_THAT(ReadCifar10(folder.path()).status().message(), HasSubstr("data_batch_1.bin"));
}

}  // namespace
}  // namespace cambrian
