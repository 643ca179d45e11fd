#include <zlib.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/torch/test_files.h"
#include "worker/torch/dataset.h"

namespace cambrian {
namespace {

using testing::HasSubstr;

std::string BigEndian(uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift);
  return bytes;
}

std::string Header(std::initializer_list<uint32_t> sizes) {
  std::string header = {0, 0, 8, static_cast<char>(sizes.size())};
  for (const uint32_t size : sizes) header += BigEndian(size);
  return header;
}

std::string Gzip(const std::string& path, const std::string& content) {
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  return path;
}

class IdxTest : public testing::Test {
 protected:
  // Three 2 × 2 images of pixels 0 … 11, labels 1, 0, 1.
  void WriteTrain() {
    std::string pixels;
    for (char i = 0; i < 12; ++i) pixels += i;
    folder_.Write("train-images-idx3-ubyte", Header({3, 2, 2}) + pixels);
    folder_.Write("train-labels-idx1-ubyte", Header({3}) + std::string("\1\0\1", 3));
  }
  std::string Failure() {
    const absl::StatusOr<DataSet> data = ReadIdx(folder_.path());
    return data.ok() ? "no error" : std::string(data.status().message());
  }

  TestFolder folder_;
};

TEST_F(IdxTest, ReadsPlainFiles) {
  WriteTrain();
  const absl::StatusOr<DataSet> data = ReadIdx(folder_.path());
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train.shape, (Shape{1, {2, 2}}));
  EXPECT_THAT(data->train.labels, testing::ElementsAre(1, 0, 1));
  EXPECT_THAT(data->train.bytes, testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  EXPECT_EQ(data->classes, 2);
  EXPECT_EQ(data->test.Count(), 0);
}

TEST_F(IdxTest, ReadsGzipToTheSameHash) {
  WriteTrain();
  const absl::StatusOr<DataSet> plain =
      LoadDataSet({.format = DataRequest::Format::kIdx, .path = folder_.path()});
  ASSERT_TRUE(plain.ok()) << plain.status();
  TestFolder packed;
  std::string pixels;
  for (char i = 0; i < 12; ++i) pixels += i;
  Gzip(packed.At("train-images-idx3-ubyte.gz"), Header({3, 2, 2}) + pixels);
  Gzip(packed.At("train-labels-idx1-ubyte.gz"), Header({3}) + std::string("\1\0\1", 3));
  const absl::StatusOr<DataSet> zipped =
      LoadDataSet({.format = DataRequest::Format::kIdx, .path = packed.path()});
  ASSERT_TRUE(zipped.ok()) << zipped.status();
  EXPECT_EQ(zipped->sha256, plain->sha256);
  EXPECT_EQ(zipped->sha256.size(), 64u);
}

TEST_F(IdxTest, NamesTheRecordAtWhichTheFileEnds) {
  WriteTrain();
  Gzip(folder_.At("train-images-idx3-ubyte.gz"), Header({3, 2, 2}) + std::string(7, 'x'));
  std::filesystem::remove(folder_.At("train-images-idx3-ubyte"));
  EXPECT_THAT(Failure(),
              HasSubstr("train-images-idx3-ubyte.gz: record 2: file ends after 3 of 4 bytes"));
}

TEST_F(IdxTest, ATruncatedGzipIsAnError) {
  WriteTrain();
  const std::string path = folder_.At("train-images-idx3-ubyte.gz");
  std::string noise;
  for (uint32_t i = 0, x = 1; i < 4000; ++i, x = x * 1664525 + 1013904223) {
    noise += static_cast<char>(x >> 24);
  }
  Gzip(path, Header({1000, 2, 2}) + noise);
  std::filesystem::remove(folder_.At("train-images-idx3-ubyte"));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  folder_.Write("train-labels-idx1-ubyte", Header({1000}) + std::string(1000, '\0'));
  EXPECT_THAT(Failure(), HasSubstr("train-images-idx3-ubyte.gz: record "));
}

TEST_F(IdxTest, ReportsADamagedGzip) {
  WriteTrain();
  const std::string path = folder_.At("train-images-idx3-ubyte.gz");
  Gzip(path, Header({3, 2, 2}) + std::string(12, 'x'));
  std::filesystem::remove(folder_.At("train-images-idx3-ubyte"));
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(12);
  file << "\xff\xff\xff\xff";
  file.close();
  EXPECT_THAT(Failure(), HasSubstr("train-images-idx3-ubyte.gz: "));
}

TEST_F(IdxTest, RefusesAHostileSizeBeforeAllocating) {
  WriteTrain();
  folder_.Write("train-images-idx3-ubyte", Header({0xffffffff, 0xffffffff, 0xffffffff}));
  EXPECT_THAT(Failure(), HasSubstr("size 4,294,967,295 of axis 0"));
  // Sizes that pass by themselves do not allocate a terabyte for a file of 20 bytes.
  folder_.Write("train-images-idx3-ubyte", Header({3, 60000, 60000}) + "abcd");
  EXPECT_THAT(Failure(), HasSubstr("record 1: file ends after 4 of 3,600,000,000 bytes"));
}

TEST_F(IdxTest, RefusesAnotherKindOfFile) {
  WriteTrain();
  folder_.Write("train-labels-idx1-ubyte", "hello, world");
  EXPECT_THAT(Failure(), HasSubstr("train-labels-idx1-ubyte: not an IDX file"));
}

TEST_F(IdxTest, RefusesDifferentCounts) {
  WriteTrain();
  folder_.Write("train-labels-idx1-ubyte", Header({2}) + std::string("\1\0", 2));
  EXPECT_THAT(Failure(), HasSubstr("2 labels for 3 images"));
}

TEST_F(IdxTest, RefusesBytesAfterTheLastRecord) {
  WriteTrain();
  folder_.Write("train-labels-idx1-ubyte", Header({3}) + std::string("\1\0\1\1", 4));
  EXPECT_THAT(Failure(), HasSubstr("goes on after its last record"));
}

TEST_F(IdxTest, RefusesATestLabelThatTrainingDoesNotHave) {
  WriteTrain();
  folder_.Write("t10k-images-idx3-ubyte", Header({1, 2, 2}) + "abcd");
  folder_.Write("t10k-labels-idx1-ubyte", Header({1}) + "\7");
  EXPECT_THAT(Failure(), HasSubstr("t10k-labels: record 1: label 7 is out of range"));
}

TEST_F(IdxTest, SaysWhichFileIsMissing) {
  EXPECT_THAT(Failure(), HasSubstr("no file train-images-idx3-ubyte"));
}

}  // namespace
}  // namespace cambrian
