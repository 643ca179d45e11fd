#include "client/commands/command.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using testing::HasSubstr;

std::vector<v1::Study> Studies(
    const std::vector<std::pair<std::string, std::string>>& names_and_parents) {
  std::vector<v1::Study> studies;
  for (const auto& [name, parent] : names_and_parents) {
    studies.emplace_back().set_name(name);
    studies.back().set_parent(parent);
  }
  return studies;
}

TEST(ResolveStudyTest, TheOnlyOneNeedsNoName) {
  EXPECT_EQ(*ResolveStudy(Studies({{"digits-1", ""}, {"digits-retrain-1", "digits-1"}}), ""),
            "digits-1");
  EXPECT_TRUE(absl::IsNotFound(ResolveStudy({}, "").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      ResolveStudy(Studies({{"digits-1", ""}, {"digits-2", ""}}), "").status()));
}

TEST(ResolveStudyTest, ABeginningWillDo) {
  const auto studies =
      Studies({{"digits-1", ""}, {"digits-retrain-1", "digits-1"}, {"fashion-1", ""}});
  EXPECT_EQ(*ResolveStudy(studies, "digits"), "digits-1");
  EXPECT_EQ(*ResolveStudy(studies, "digits-r"), "digits-retrain-1");
  EXPECT_EQ(*ResolveStudy(studies, "f"), "fashion-1");
}

TEST(ResolveStudyTest, AWholeNameIsNoBeginning) {
  EXPECT_EQ(*ResolveStudy(Studies({{"digits-12", ""}, {"digits-1", ""}}), "digits-1"), "digits-1");
}

TEST(ResolveStudyTest, AMistypedNameGetsASuggestion) {
  const auto name = ResolveStudy(Studies({{"fashion-1", ""}, {"digits-1", ""}}), "fasion-1");
  EXPECT_TRUE(absl::IsNotFound(name.status()));
  EXPECT_THAT(std::string(name.status().message()), HasSubstr("did you mean \"fashion-1\""));
}

TEST(TrialNameTest, HasANumberAndPerhapsAStudy) {
  EXPECT_EQ(ParseTrialName("fashion-1/17")->study, "fashion-1");
  EXPECT_EQ(ParseTrialName("fashion-1/17")->number, 17);
  EXPECT_EQ(ParseTrialName("17")->study, "");
  EXPECT_FALSE(ParseTrialName("fashion-1").ok());
  EXPECT_FALSE(ParseTrialName("fashion-1/0").ok());
  EXPECT_FALSE(ParseTrialName("fashion-1/x").ok());
}

TEST(VerbFirstTest, OptionsBeforeTheVerbGoBehindIt) {
  CLI::App app;
  ServerFlags flags;
  AddServerOptions(app, flags);
  using Words = std::vector<std::string>;
  EXPECT_EQ(VerbFirst(app, {"--server", "a:1", "submit", "x.yaml", "--quiet"}),
            (Words{"submit", "x.yaml", "--quiet", "--server", "a:1"}));
  EXPECT_EQ(VerbFirst(app, {"--context=lab", "--token-file", "t", "list"}),
            (Words{"list", "--context=lab", "--token-file", "t"}));
  EXPECT_EQ(VerbFirst(app, {"list", "--server", "a:1"}), (Words{"list", "--server", "a:1"}));
  EXPECT_EQ(VerbFirst(app, {"--help"}), (Words{"--help"}));
  EXPECT_EQ(VerbFirst(app, {"--server"}), (Words{"--server"}));
  EXPECT_EQ(VerbFirst(app, {"--unknown", "list"}), (Words{"--unknown", "list"}));
}

}  // namespace
}  // namespace cambrian
