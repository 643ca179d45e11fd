#include "client/format/text.h"

#include "gtest/gtest.h"

namespace cambrian {
namespace {

TEST(TextTest, WidthCountsCodePointsWithoutColours) {
  EXPECT_EQ(DisplayWidth("▂▅▆▇ ab"), 7);
  EXPECT_EQ(DisplayWidth("\x1b[31mred\x1b[0m"), 3);
}

TEST(TextTest, CutTextEndsInAnEllipsisAndKeepsTheReset) {
  EXPECT_EQ(Truncate("conv3x3", 7), "conv3x3");
  EXPECT_EQ(Truncate("conv3x3", 5), "conv…");
  EXPECT_EQ(Truncate("●──●──●", 3), "●─…");
  EXPECT_EQ(Truncate("\x1b[31mabcdef\x1b[0m", 3), "\x1b[31mab…\x1b[0m");
  EXPECT_EQ(Truncate("abc", 1), "…");
}

TEST(TextTest, PartsGoWhole) {
  const std::string text = "digits-1 · 27 architectures · 2 slots";
  EXPECT_EQ(FitParts(text, 0), text);
  EXPECT_EQ(FitParts(text, 36), "digits-1 · 27 architectures");
  EXPECT_EQ(FitParts(text, 12), "digits-1");
  EXPECT_EQ(FitParts(text, 5), "digi…");
}

TEST(TextTest, PadsToAWidth) {
  EXPECT_EQ(PadLeft("±5", 4), "  ±5");
  EXPECT_EQ(PadRight("±5", 4), "±5  ");
  EXPECT_EQ(PadRight("long", 2), "long");
}

TEST(TextTest, ControlCharactersCannotSteerATerminal) {
  EXPECT_EQ(Printable("a\x1b[2Jb\n\tc"), "a�[2Jb\n\tc");
  EXPECT_EQ(OneLine("a\x1b[2Jb\n\tc"), "a�[2Jb  c");
}

}  // namespace
}  // namespace cambrian
