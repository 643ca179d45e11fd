#include "server/artifact/files.h"

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {
namespace {

constexpr char kHello[] = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

class ArtifactFilesTest : public ::testing::Test {
 protected:
  ArtifactFilesTest() : store_(OpenArtifactFiles(folder_ / "artifacts").value()) {}

  absl::Status Store(absl::string_view text, const std::string& sha256) {
    auto writer = store_->Create(static_cast<int64_t>(text.size()), sha256);
    if (!writer.ok()) return writer.status();
    for (char byte : text) {
      if (absl::Status status = (*writer)->Write(std::string(1, byte)); !status.ok()) return status;
    }
    return (*writer)->Finish();
  }
  size_t Files() const {
    size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "artifacts")) {
      files += entry.is_regular_file();
    }
    return files;
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<ArtifactStore> store_;
};

TEST_F(ArtifactFilesTest, WhatIsStoredIsReadInPieces) {
  ASSERT_TRUE(Store("hello", kHello).ok());
  auto reader = store_->Open(kHello).value();
  EXPECT_EQ(reader->Read(2).value(), "he");
  EXPECT_EQ(reader->Read(100).value(), "llo");
  EXPECT_EQ(reader->Read(100).value(), "");
}

TEST_F(ArtifactFilesTest, TheSameContentTwiceIsOneFile) {
  ASSERT_TRUE(Store("hello", kHello).ok());
  ASSERT_TRUE(Store("hello", kHello).ok());
  EXPECT_EQ(Files(), 1);
}

TEST_F(ArtifactFilesTest, OtherContentThanAnnouncedLeavesNothing) {
  EXPECT_TRUE(absl::IsInvalidArgument(Store("hullo", kHello)));
  EXPECT_EQ(Files(), 0);
  EXPECT_TRUE(absl::IsNotFound(store_->Open(kHello).status()));
}

TEST_F(ArtifactFilesTest, OtherSizesThanAnnouncedAreRefused) {
  auto longer = store_->Create(4, kHello).value();
  EXPECT_TRUE(absl::IsInvalidArgument(longer->Write("hello")));
  auto shorter = store_->Create(6, kHello).value();
  ASSERT_TRUE(shorter->Write("hello").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(shorter->Finish()));
}

TEST_F(ArtifactFilesTest, AnUploadThatEndsHalfwayLeavesNothing) {
  {
    auto writer = store_->Create(5, kHello).value();
    ASSERT_TRUE(writer->Write("hel").ok());
    EXPECT_EQ(Files(), 1);
  }
  EXPECT_EQ(Files(), 0);
}

TEST_F(ArtifactFilesTest, WhatACrashLeftIsRemovedAtTheNextStart) {
  ASSERT_TRUE(Store("hello", kHello).ok());
  fclose(fopen((folder_ / "artifacts/incoming/7").c_str(), "w"));
  ASSERT_EQ(Files(), 2);
  store_ = OpenArtifactFiles(folder_ / "artifacts").value();
  EXPECT_EQ(Files(), 1);
  EXPECT_TRUE(store_->Open(kHello).ok());
}

TEST_F(ArtifactFilesTest, OnlyHashesAreNames) {
  for (const std::string name : {"", "../../../etc/passwd", "2CF24D", "xyz"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Open(name).status())) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Create(1, name).status())) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Remove(name))) << name;
  }
}

TEST_F(ArtifactFilesTest, RemovingTwiceIsFine) {
  ASSERT_TRUE(Store("hello", kHello).ok());
  EXPECT_TRUE(store_->Remove(kHello).ok());
  EXPECT_TRUE(store_->Remove(kHello).ok());
  EXPECT_TRUE(absl::IsNotFound(store_->Open(kHello).status()));
}

}  // namespace
}  // namespace cambrian
