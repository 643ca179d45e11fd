#include <opencv2/imgcodecs.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/torch/test_files.h"
#include "worker/torch/dataset.h"

namespace cambrian {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A PNG of one colour, blue, green, red.
void WriteImage(const TestFolder& folder, const std::string& name, int height, int width,
                cv::Vec3b colour) {
  folder.Write(name, "");
  cv::imwrite(folder.At(name), cv::Mat(height, width, CV_8UC3, cv::Scalar(colour)));
}

void WriteGrey(const TestFolder& folder, const std::string& name, int value) {
  folder.Write(name, "");
  cv::imwrite(folder.At(name), cv::Mat(2, 2, CV_8UC1, cv::Scalar(value)));
}

TEST(ImagesTest, ReadsAFolderAClassAsRgb) {
  const TestFolder folder;
  WriteImage(folder, "train/dog/1.png", 1, 2, {3, 2, 1});
  WriteImage(folder, "train/cat/1.png", 1, 2, {6, 5, 4});
  WriteImage(folder, "test/dog/1.png", 1, 2, {9, 8, 7});
  WriteImage(folder, "test/cat/1.png", 1, 2, {0, 0, 0});
  const absl::StatusOr<DataSet> data = ReadImages(folder.path(), {});
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train.shape, (Shape{3, {1, 2}}));
  EXPECT_THAT(data->train.labels, ElementsAre(0, 1));  // cat, dog
  EXPECT_THAT(data->train.bytes, ElementsAre(4, 5, 6, 4, 5, 6, 1, 2, 3, 1, 2, 3));
  EXPECT_EQ(data->test.Count(), 2);
}

TEST(ImagesTest, KeepsGreyImagesGreyAndWorksWithoutATestFolder) {
  const TestFolder folder;
  WriteGrey(folder, "a/1.png", 10);
  WriteGrey(folder, "b/1.png", 20);
  const absl::StatusOr<DataSet> data = ReadImages(folder.path(), {});
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train.shape, (Shape{1, {2, 2}}));
  EXPECT_THAT(data->train.bytes, ElementsAre(10, 10, 10, 10, 20, 20, 20, 20));
  EXPECT_EQ(data->test.Count(), 0);
}

TEST(ImagesTest, NamesTheImageOfAnotherSize) {
  const TestFolder folder;
  WriteImage(folder, "a/1.png", 4, 4, {});
  WriteImage(folder, "b/7.png", 4, 5, {});
  EXPECT_THAT(ReadImages(folder.path(), {}).status().message(),
              HasSubstr("b/7.png: 4×5, the others are 4×4"));
  EXPECT_THAT(ReadImages(folder.path(), {3, 8, 8}).status().message(),
              HasSubstr("a/1.png: 4×4, the others are 8×8"));
}

TEST(ImagesTest, NamesTheFileThatIsNoImage) {
  const TestFolder folder;
  WriteImage(folder, "a/1.png", 4, 4, {});
  folder.Write("b/1.jpg", "not an image");
  EXPECT_THAT(ReadImages(folder.path(), {}).status().message(), HasSubstr("b/1.jpg: not a PNG"));
}

TEST(ImagesTest, RefusesMissingClasses) {
  const TestFolder folder;
  EXPECT_THAT(ReadImages(folder.path(), {}).status().message(), HasSubstr("two or more classes"));
  WriteImage(folder, "train/a/1.png", 4, 4, {});
  WriteImage(folder, "train/b/1.png", 4, 4, {});
  WriteImage(folder, "test/a/1.png", 4, 4, {});
  WriteImage(folder, "test/c/1.png", 4, 4, {});
  EXPECT_THAT(ReadImages(folder.path(), {}).status().message(),
              HasSubstr("train and test differ in classes"));
  const TestFolder empty;
  WriteImage(empty, "a/1.png", 4, 4, {});
  std::filesystem::create_directory(empty.At("b"));
  EXPECT_THAT(ReadImages(empty.path(), {}).status().message(), HasSubstr("b: no PNG or JPEG"));
}

}  // namespace
}  // namespace cambrian
