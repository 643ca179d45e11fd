#include "client/live/screen.h"

#include "gtest/gtest.h"

namespace cambrian {
namespace {

class ScreenTest : public testing::Test {
 protected:
  std::string Take() { return std::exchange(written_, ""); }

  std::string written_;
  Screen screen_{[this](absl::string_view text) { written_.append(text.data(), text.size()); }};
};

TEST_F(ScreenTest, DrawsInPlace) {
  screen_.Draw({"one", "two"}, 80);
  EXPECT_EQ(Take(), "\rone\x1b[K\ntwo\x1b[K\n\x1b[J");
  screen_.Draw({"three"}, 80);
  EXPECT_EQ(Take(), "\r\x1b[2Athree\x1b[K\n\x1b[J");
  screen_.Clear(80);
  EXPECT_EQ(Take(), "\r\x1b[1A\x1b[J");
  screen_.Clear(80);
  EXPECT_EQ(Take(), "\r\x1b[J");
}

TEST_F(ScreenTest, FindsItsFirstLineAfterTheTerminalWrapped) {
  screen_.Draw({"123456789", "\x1b[2mab\x1b[0m", ""}, 10);
  Take();
  screen_.Draw({}, 4);  // 3 + 1 + 1 rows now
  EXPECT_EQ(Take(), "\r\x1b[5A\x1b[J");
}

}  // namespace
}  // namespace cambrian
