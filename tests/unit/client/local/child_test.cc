#include "client/local/child.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "gtest/gtest.h"

namespace cambrian {
namespace {

namespace fs = std::filesystem;

class ChildTest : public testing::Test {
 protected:
  ChildTest() {
    std::string name = testing::TempDir() + "cambrian-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~ChildTest() override { fs::remove_all(folder_); }

  // A program of one shell script, which is given `--parent-pipe 3`.
  std::string Script(const std::string& body) {
    const std::string path = folder_ + "/script";
    std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
    chmod(path.c_str(), 0700);
    return path;
  }
  std::string log() const { return folder_ + "/log"; }

  std::string folder_;
};

TEST_F(ChildTest, SaysHowItEndedAndWhatItPrinted) {
  std::ofstream(log()) << "from an earlier life\n";
  auto child = Child::Start(
      {.program = Script("echo one; echo $1 $2 >&2; exit 7"), .arguments = {}, .log = log()});
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_TRUE((*child)->Wait(absl::Seconds(30)));
  EXPECT_EQ((*child)->Epitaph(),
            "script ended with exit code 7; the end of " + log() + ":\n  one\n  --parent-pipe 3");
}

TEST_F(ChildTest, ThePipeClosesWhenItsOwnerLetsGo) {
  // The script waits for the end of its pipe, as our programs do, and leaves a mark.
  const std::string mark = folder_ + "/mark";
  auto child =
      Child::Start({.program = Script("trap '' TERM; echo ready; cat <&3; echo ended > " + mark),
                    .arguments = {},
                    .log = log()});
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_TRUE((*child)->Running());
  EXPECT_FALSE((*child)->Wait(absl::Milliseconds(1)));
  (*child)->Kill();
  EXPECT_TRUE((*child)->Wait(absl::Seconds(30)));
  EXPECT_NE((*child)->Epitaph().find("signal 9"), std::string::npos);
  EXPECT_FALSE(fs::exists(mark));
}

TEST_F(ChildTest, IsAskedToEnd) {
  auto child = Child::Start({.program = "/bin/sleep", .arguments = {"1000"}, .log = log()});
  // sleep refuses --parent-pipe: it ends by itself, which is as good.
  ASSERT_TRUE(child.ok()) << child.status();
  (*child)->Terminate();
  EXPECT_TRUE((*child)->Wait(absl::Seconds(30)));
}

TEST_F(ChildTest, AMissingProgramIsAnError) {
  EXPECT_TRUE(absl::IsNotFound(
      Child::Start({.program = folder_ + "/none", .arguments = {}, .log = log()}).status()));
}

TEST_F(ChildTest, NothingRunsOnAfterItsEnd) {
  pid_t pid = 0;
  {
    auto child = Child::Start({.program = Script("cat <&3"), .arguments = {}, .log = log()});
    ASSERT_TRUE(child.ok()) << child.status();
    pid = (*child)->pid();
    ASSERT_EQ(kill(pid, 0), 0);
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

}  // namespace
}  // namespace cambrian
