#include "client/local/state_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "gtest/gtest.h"

namespace cambrian {
namespace {

namespace fs = std::filesystem;

class StateFolderTest : public testing::Test {
 protected:
  StateFolderTest() {
    std::string name = testing::TempDir() + "cambrian-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~StateFolderTest() override { fs::remove_all(path_); }

  std::string path_;
};

TEST_F(StateFolderTest, IsMadeForItsUserAlone) {
  const auto folder = StateFolder::Open(path_ + "/a/b");
  ASSERT_TRUE(folder.ok()) << folder.status();
  struct stat info;
  ASSERT_EQ(stat(folder->path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  EXPECT_TRUE(fs::is_directory(folder->path() + "/logs"));
  EXPECT_EQ(folder->Socket(), folder->path() + "/server.sock");
}

TEST_F(StateFolderTest, RefusesAFolderThatOthersMayEnter) {
  ASSERT_EQ(chmod(path_.c_str(), 0755), 0);
  EXPECT_TRUE(absl::IsPermissionDenied(StateFolder::Open(path_).status()));
}

TEST_F(StateFolderTest, RefusesAFile) {
  const std::string file = path_ + "/file";
  close(creat(file.c_str(), 0600));
  EXPECT_TRUE(absl::IsInvalidArgument(StateFolder::Open(file).status()));
}

TEST_F(StateFolderTest, ALongPathHasAShortSocket) {
  const std::string name(120, 'x');
  const auto folder = StateFolder::Open(path_ + "/" + name);
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_LE(folder->Socket().size(), 107u);
  // The link leads into the folder, and a second time to the same place.
  const fs::path link = fs::path(folder->Socket()).parent_path();
  EXPECT_EQ(fs::read_symlink(link), folder->path());
  EXPECT_EQ(StateFolder::Open(path_ + "/" + name)->Socket(), folder->Socket());
  // Somebody else's link to another place is not followed.
  fs::remove(link);
  fs::create_symlink("/elsewhere", link);
  EXPECT_TRUE(absl::IsPermissionDenied(StateFolder::Open(path_ + "/" + name).status()));
  fs::remove(link);
}

TEST_F(StateFolderTest, OneHoldsTheLockAtATime) {
  const std::string file = path_ + "/lock";
  auto first = FileLock::Try(file);
  ASSERT_TRUE(first.ok() && first->has_value());
  auto second = FileLock::Try(file);
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(second->has_value());
  first->reset();
  EXPECT_TRUE(FileLock::Try(file)->has_value());
}

TEST_F(StateFolderTest, AChildThatInheritsTheLockKeepsIt) {
  const std::string file = path_ + "/lock";
  auto lock = FileLock::Try(file);
  ASSERT_TRUE(lock.ok() && lock->has_value());
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[1]);
    char byte;
    _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
  }
  lock->reset();
  EXPECT_FALSE(FileLock::Try(file)->has_value());
  close(ends[0]);
  close(ends[1]);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(FileLock::Try(file)->has_value());
}

TEST_F(StateFolderTest, SizeCountsAllFiles) {
  const auto folder = StateFolder::Open(path_ + "/state");
  ASSERT_TRUE(folder.ok());
  ASSERT_EQ(folder->Size(), 0);
  const int file = creat((folder->path() + "/logs/x").c_str(), 0600);
  ASSERT_EQ(write(file, "12345", 5), 5);
  close(file);
  EXPECT_EQ(folder->Size(), 5);
}

}  // namespace
}  // namespace cambrian
