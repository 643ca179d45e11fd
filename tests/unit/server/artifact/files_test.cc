#include "server/artifact/files.h"

#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/artifact/orphans.h"
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
  // Locks are none.
  size_t Files() const {
    size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "artifacts")) {
      files += entry.is_regular_file() && entry.path().extension() != ".lock";
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
  // A life whose lock nobody holds any longer.
  std::filesystem::create_directory(folder_ / "artifacts/incoming/dead");
  fclose(fopen((folder_ / "artifacts/incoming/dead.lock").c_str(), "w"));
  fclose(fopen((folder_ / "artifacts/incoming/dead/1").c_str(), "w"));
  ASSERT_EQ(Files(), 3);
  const auto again = OpenArtifactFiles(folder_ / "artifacts").value();
  EXPECT_EQ(Files(), 1);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "artifacts/incoming/dead.lock"));
  EXPECT_TRUE(store_->Open(kHello).ok());
}

TEST_F(ArtifactFilesTest, ASecondServerLeavesTheUploadsOfTheFirstAlone) {
  auto writer = store_->Create(5, kHello).value();
  ASSERT_TRUE(writer->Write("hello").ok());
  const auto second = OpenArtifactFiles(folder_ / "artifacts").value();
  EXPECT_TRUE(writer->Finish().ok());
  EXPECT_TRUE(second->Open(kHello).ok());
}

// A limit on the size of files stands in for a full disk: writing fails in the same place.
TEST_F(ArtifactFilesTest, AFullDiskIsSaidAndLeavesNothing) {
  auto writer = store_->Create(1 << 20, kHello).value();
  rlimit old;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  const rlimit small = {64 << 10, old.rlim_max};
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = writer->Write(std::string(1 << 20, 'x'));
  setrlimit(RLIMIT_FSIZE, &old);
  signal(SIGXFSZ, handler);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  writer.reset();
  EXPECT_EQ(Files(), 0);
}

// The device that is always full: the error of a real disk.
TEST_F(ArtifactFilesTest, NoSpaceLeftIsResourceExhausted) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "this machine has no /dev/full";
  auto writer = store_->Create(5, kHello).value();
  std::filesystem::path temporary;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(folder_ / "artifacts/incoming")) {
    if (entry.path().filename() == "1") temporary = entry.path();
  }
  ASSERT_FALSE(temporary.empty());
  writer.reset();
  std::filesystem::create_symlink("/dev/full", temporary.parent_path() / "2");
  auto full = store_->Create(5, kHello).value();
  EXPECT_TRUE(absl::IsResourceExhausted(full->Write("hello")));
  full.reset();
  EXPECT_EQ(Files(), 0);
}

TEST_F(ArtifactFilesTest, OrphansGoOnceTheyAreOldAndWereSeenBefore) {
  constexpr char kWorld[] = "486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7";
  const absl::Time start = absl::Now() - absl::Seconds(1);
  ASSERT_TRUE(Store("hello", kHello).ok());
  ASSERT_TRUE(Store("world", kWorld).ok());
  const auto is_used = [&](absl::string_view name) -> absl::StatusOr<bool> {
    return name == kHello;
  };
  OrphanSweep sweep(*store_, is_used);
  EXPECT_EQ(sweep.Run(start).value(), 0);
  EXPECT_EQ(sweep.Run(start).value(), 0);
  EXPECT_EQ(sweep.Run(absl::Now() + absl::Seconds(1)).value(), 0);  // it looks old for once
  EXPECT_EQ(sweep.Run(start).value(), 0);
  EXPECT_EQ(sweep.Run(absl::Now() + absl::Seconds(1)).value(), 0);
  EXPECT_EQ(Files(), 2);
  EXPECT_EQ(sweep.Run(absl::Now() + absl::Seconds(1)).value(), 1);
  EXPECT_TRUE(store_->Open(kHello).ok());
  EXPECT_TRUE(absl::IsNotFound(store_->Open(kWorld).status()));
}

TEST_F(ArtifactFilesTest, AnOrphanThatIsStoredAnewMeanwhileStays) {
  ASSERT_TRUE(Store("hello", kHello).ok());
  const absl::Time before = absl::Now() + absl::Milliseconds(1);
  bool is_first = true;  // run, which only looks
  const auto stored_meanwhile = [&](absl::string_view) -> absl::StatusOr<bool> {
    if (std::exchange(is_first, false)) return false;
    while (absl::Now() <= before + absl::Milliseconds(20)) {  // files' times are coarse
    }
    EXPECT_TRUE(Store("hello", kHello).ok());
    return false;
  };
  OrphanSweep sweep(*store_, stored_meanwhile);
  EXPECT_EQ(sweep.Run(before).value(), 0);
  EXPECT_EQ(sweep.Run(before).value(), 0);
  EXPECT_TRUE(store_->Open(kHello).ok());
}

TEST_F(ArtifactFilesTest, AStoreThatDoesNotAnswerCostsNoFile) {
  ASSERT_TRUE(Store("hello", kHello).ok());
  const auto away = [](absl::string_view) -> absl::StatusOr<bool> {
    return absl::UnavailableError("away");
  };
  OrphanSweep sweep(*store_, away);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(absl::IsUnavailable(sweep.Run(absl::Now() + absl::Seconds(1)).status()));
  }
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
