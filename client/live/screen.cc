#include "client/live/screen.h"

#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace cambrian {
namespace {

// One write for everything, so that no half-drawn screen is seen.
void WriteAll(absl::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(STDERR_FILENO, text.data(), text.size());
    if (count < 0 && errno != EINTR) return;
    if (count > 0) text.remove_prefix(count);
  }
}

// To the start of the block that is `lines` lines high.
std::string Home(size_t lines) { return lines == 0 ? "\r" : absl::StrCat("\r\x1b[", lines, "A"); }

std::string Block(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) absl::StrAppend(&text, line, "\x1b[K\n");
  return text;
}

}  // namespace

void Screen::Draw(const std::vector<std::string>& lines) {
  WriteAll(absl::StrCat(Home(lines_.size()), Block(lines), "\x1b[J"));
  lines_ = lines;
}

void Screen::Print(absl::string_view line) {
  WriteAll(absl::StrCat(Home(lines_.size()), line, "\x1b[K\n", Block(lines_), "\x1b[J"));
}

void Screen::Clear() {
  WriteAll(absl::StrCat(Home(lines_.size()), "\x1b[J"));
  lines_.clear();
}

}  // namespace cambrian
