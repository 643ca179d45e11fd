#include "server/rpc/tokens.h"

#include <sys/stat.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// printf hello | sha256sum
constexpr char kHello[] = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

void Write(const std::string& path, const std::string& text) {
  std::ofstream(path + ".new") << text;
  rename((path + ".new").c_str(), path.c_str());
}

TEST(TokensTest, ALineSaysWhoAndWhat) {
  const auto callers =
      ParseTokens(absl::StrCat("# people\n\n", kHello, "  read,submit\tvision ada\n"));
  ASSERT_TRUE(callers.ok()) << callers.status();
  ASSERT_THAT(*callers, SizeIs(1));
  const Caller& caller = callers->front();
  EXPECT_EQ(caller.name, "ada");
  EXPECT_EQ(caller.roles, kReadRole | kSubmitRole);
  EXPECT_EQ(caller.scope.tenant, "vision");
  EXPECT_TRUE(caller.scope.Sees("vision"));
  EXPECT_FALSE(caller.scope.Sees("speech"));
}

TEST(TokensTest, AdministratorsAndTheTenantStarSeeEveryStudy) {
  EXPECT_TRUE(ParseTokens(absl::StrCat(kHello, " admin vision root"))->front().scope.all);
  const Caller shared = ParseTokens(absl::StrCat(kHello, " work * pool"))->front();
  EXPECT_TRUE(shared.scope.all);
  EXPECT_EQ(shared.scope.tenant, "");
}

TEST(TokensTest, BrokenLinesAreNamedByTheirNumberAndNotShown) {
  for (const std::string line : {"secret", "secret read vision ada", "2cf24d read vision ada",
                                 "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 "
                                 "read vision ada secret"}) {
    const absl::Status status = ParseTokens("# x\n" + line).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << line;
    EXPECT_THAT(std::string(status.message()), StartsWith("line 2: "));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
  }
  EXPECT_THAT(std::string(ParseTokens(absl::StrCat(kHello, " submti v n")).status().message()),
              HasSubstr("did you mean \"submit\""));
  const std::string twice = absl::StrCat(kHello, " read v a\n", kHello, " work v b\n");
  EXPECT_TRUE(absl::IsInvalidArgument(ParseTokens(twice).status()));
}

TEST(TokensTest, AMadeTokenFitsItsLine) {
  const testing::TemporaryFolder folder;
  const NewToken made = MakeToken("submit", "vision", "ada").value();
  EXPECT_THAT(made.line, Not(HasSubstr(made.token)));
  Write(folder / "tokens", made.line + "\n");
  const auto tokens = TokenFile::Open(folder / "tokens").value();
  ASSERT_TRUE(tokens->Find(made.token).has_value());
  EXPECT_EQ(tokens->Find(made.token)->name, "ada");
  EXPECT_FALSE(tokens->Find(made.token + "x").has_value());
  EXPECT_FALSE(tokens->Find("").has_value());
  EXPECT_NE(MakeToken("submit", "vision", "ada")->token, made.token);
  for (const char* wrong : {"", "two words", "#x"}) {
    EXPECT_FALSE(MakeToken("submit", "vision", wrong).ok()) << wrong;
    EXPECT_FALSE(MakeToken("submit", wrong, "ada").ok()) << wrong;
  }
}

TEST(TokensTest, AChangedFileIsReadAndABrokenOneIsNot) {
  const testing::TemporaryFolder folder;
  Write(folder / "tokens", absl::StrCat(kHello, " read vision ada\n"));
  const auto tokens = TokenFile::Open(folder / "tokens").value();
  EXPECT_FALSE(tokens->Refresh().value());
  EXPECT_TRUE(tokens->Find("hello").has_value());
  Write(folder / "tokens", "nonsense\n");
  EXPECT_TRUE(absl::IsInvalidArgument(tokens->Refresh().status()));
  EXPECT_TRUE(tokens->Find("hello").has_value());
  Write(folder / "tokens", "# nobody\n");
  EXPECT_TRUE(tokens->Refresh().value());
  EXPECT_FALSE(tokens->Find("hello").has_value());
  std::filesystem::remove(folder / "tokens");
  EXPECT_TRUE(absl::IsUnavailable(tokens->Refresh().status()));
}

TEST(TokensTest, AFileThatEverybodyMayWriteIsRefused) {
  const testing::TemporaryFolder folder;
  Write(folder / "tokens", absl::StrCat(kHello, " read vision ada\n"));
  chmod((folder / "tokens").c_str(), 0666);
  EXPECT_THAT(std::string(TokenFile::Open(folder / "tokens").status().message()),
              HasSubstr("chmod o-w"));
}

}  // namespace
}  // namespace cambrian
