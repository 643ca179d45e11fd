#include "client/commands/completion.h"

#include "client/commands/command.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() {
    AddFront(app_, action_);
    AddExplain(app_, action_);
    AddRun(app_, action_);
    AddSpaces(app_, action_);
    AddCompletion(app_, action_);
  }

  std::vector<std::string> Complete(const std::vector<std::string>& words) {
    return Completions(app_, words, [](const std::string& argument) {
      return argument == "study" ? std::vector<std::string>{"fashion-1", "digits-1"}
                                 : std::vector<std::string>{};
    });
  }

  CLI::App app_;
  Action action_;
};

TEST_F(CompletionTest, VerbsFirst) {
  EXPECT_THAT(Complete({"fr"}), ElementsAre("front"));
  EXPECT_THAT(Complete({""}), Contains("run"));
  EXPECT_THAT(Complete({""}), Not(Contains("complete")));  // hidden
  EXPECT_THAT(Complete({"spaces", "s"}), ElementsAre("show", "sample"));
}

TEST_F(CompletionTest, FlagsOfTheVerb) {
  EXPECT_THAT(Complete({"run", "--w"}), ElementsAre("--workers"));
  EXPECT_THAT(Complete({"front", "--w"}), IsEmpty());
  EXPECT_THAT(Complete({"explain", "--ob"}), ElementsAre("--objective"));
}

TEST_F(CompletionTest, ValuesOfAFlag) {
  EXPECT_THAT(Complete({"front", "--output", "j"}), ElementsAre("json"));
  EXPECT_THAT(Complete({"front", "--state", ""}), IsEmpty());  // a folder: bash knows them
}

TEST_F(CompletionTest, NamesOfStudies) {
  EXPECT_THAT(Complete({"front", "fa"}), ElementsAre("fashion-1"));
  EXPECT_THAT(Complete({"front", "--quiet", ""}), ElementsAre("fashion-1", "digits-1"));
  EXPECT_THAT(Complete({"explain", "fa"}), ElementsAre("fashion-1"));
  EXPECT_THAT(Complete({"run", ""}), IsEmpty());  // a file
}

}  // namespace
}  // namespace cambrian
