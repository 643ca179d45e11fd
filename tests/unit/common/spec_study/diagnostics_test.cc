#include "common/spec/diagnostics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

constexpr char kText[] = "study: x\n\tobjectivs: [ü]\nlast";

TEST(DiagnosticsTest, ShowsTheLineAndUnderlinesThePlace) {
  Diagnostics diagnostics("study.yaml", kText);
  diagnostics.Error({2, 2, 9}, "unknown key \"objectivs\"", "did you mean \"objectives\"?");
  EXPECT_EQ(diagnostics.Render(),
            "error: study.yaml:2:2: unknown key \"objectivs\"\n"
            "  2 | \tobjectivs: [ü]\n"
            "    | \t^^^^^^^^^ did you mean \"objectives\"?\n");
  EXPECT_FALSE(diagnostics.ok());
  EXPECT_EQ(diagnostics.ToStatus().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(diagnostics.ToStatus().message(), diagnostics.Render());
}

TEST(DiagnosticsTest, CountsCharactersNotBytes) {
  Diagnostics diagnostics("f", "ä: öö\n");
  diagnostics.Error({1, 4, 2}, "no");
  EXPECT_THAT(diagnostics.Render(), HasSubstr("  1 | ä: öö\n    |    ^^\n"));
}

TEST(DiagnosticsTest, WithoutALineTheSuggestionStandsAlone) {
  Diagnostics diagnostics("f", "");
  diagnostics.Error({}, "empty", "write something");
  EXPECT_EQ(diagnostics.Render(), "error: f: empty\n     write something\n");
}

TEST(DiagnosticsTest, SortsByPlaceAndSaysNothingTwice) {
  Diagnostics diagnostics("f", kText);
  diagnostics.Error({3, 1}, "third");
  diagnostics.Error({1, 4}, "second");
  diagnostics.Error({1, 1}, "first");
  diagnostics.Error({3, 1}, "third");
  EXPECT_EQ(diagnostics.errors(), 3);
  const std::string text = diagnostics.Render();
  EXPECT_LT(text.find("first"), text.find("second"));
  EXPECT_LT(text.find("second"), text.find("third"));
}

TEST(DiagnosticsTest, WarningsAreNoErrors) {
  Diagnostics diagnostics("f", kText);
  diagnostics.Warning({1, 1}, "odd");
  EXPECT_TRUE(diagnostics.ok());
  EXPECT_TRUE(diagnostics.ToStatus().ok());
  EXPECT_THAT(diagnostics.Render(), HasSubstr("warning: f:1:1: odd"));
}

TEST(DiagnosticsTest, FindingsOfAnotherFileComeAfterItsOwn) {
  Diagnostics space("a_space.yaml", "network: x\n");
  space.Error({1, 10}, "bad step");
  Diagnostics study("study.yaml", kText);
  study.Append(space);
  study.Error({3, 1}, "bad end");
  EXPECT_EQ(study.errors(), 2);
  const std::string text = study.Render();
  EXPECT_LT(text.find("bad end"), text.find("bad step"));
  EXPECT_THAT(text, HasSubstr("a_space.yaml:1:10"));
  EXPECT_THAT(text, HasSubstr("network: x"));
}

TEST(DiagnosticsTest, ALongLineIsCutAroundThePlace) {
  const std::string line = absl::StrCat(std::string(5000, 'a'), "X", std::string(5000, 'b'));
  Diagnostics diagnostics("f", line);
  diagnostics.Error({1, 5001}, "here");
  const std::string text = diagnostics.Render();
  EXPECT_LT(text.size(), 400u);
  const size_t quote = text.find("  1 | ");
  const size_t caret = text.find('^');
  const size_t second = text.find('\n', quote) + 1;
  EXPECT_EQ(text[quote + (caret - second)], 'X');
}

TEST(DiagnosticsTest, ManyErrorsAreCountedNotKept) {
  Diagnostics diagnostics("f", "x");
  for (int i = 1; i <= 1000; ++i) diagnostics.Error({1, 1}, absl::StrCat("error ", i));
  EXPECT_EQ(diagnostics.errors(), 1000);
  EXPECT_EQ(diagnostics.all().size(), 100u);
  EXPECT_THAT(diagnostics.Render(), HasSubstr("and 900 more errors"));
}

TEST(DiagnosticsTest, AnErrorThatIsOnlyCountedSurvivesAppending) {
  Diagnostics space("g", "x");
  for (int i = 1; i <= 100; ++i) space.Warning({1, 1}, absl::StrCat("warning ", i));
  space.Error({1, 1}, "bad");
  Diagnostics study("f", "x");
  study.Append(space);
  EXPECT_EQ(study.errors(), 1);
  EXPECT_FALSE(study.ok());
}

TEST(DiagnosticsTest, NothingReachesTheTerminalThatItWouldObey) {
  Diagnostics diagnostics("f", "a\x1b[31mb");
  diagnostics.Error({1, 1}, "key \x1b[2J", "\x07");
  EXPECT_EQ(diagnostics.Render().find('\x1b'), std::string::npos);
  EXPECT_EQ(diagnostics.Render().find('\x07'), std::string::npos);
}

TEST(NearestTest, FindsTypingErrors) {
  const std::vector<std::string> keys = {"objectives", "budget", "lr", "seed"};
  EXPECT_EQ(Nearest("objectivs", keys), "objectives");
  EXPECT_EQ(Nearest("ojbectives", keys), "objectives");  // swapped neighbours count once
  EXPECT_EQ(Nearest("budgets", keys), "budget");
  EXPECT_EQ(Nearest("lf", keys), "lr");
  EXPECT_EQ(Nearest("sede", keys), "seed");
}

TEST(NearestTest, LeavesOtherWordsAlone) {
  const std::vector<std::string> keys = {"objectives", "lr", "x"};
  EXPECT_EQ(Nearest("parameters", keys), "");
  EXPECT_EQ(Nearest("y", keys), "");
  EXPECT_EQ(Nearest("", keys), "");
  EXPECT_EQ(Nearest(std::string(1 << 20, 'a'), keys), "");
  EXPECT_EQ(DidYouMean("lrr", keys), "did you mean \"lr\"?");
  EXPECT_EQ(DidYouMean("parameters", keys), "");
}

}  // namespace
}  // namespace cambrian
