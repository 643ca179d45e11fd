#include "client/live/screen.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "client/format/text.h"

namespace cambrian {

std::string Screen::Home(int width) const {
  int rows = 0;
  for (const std::string& line : lines_) {
    rows += width > 0 ? std::max((DisplayWidth(line) + width - 1) / width, 1) : 1;
  }
  return rows == 0 ? "\r" : absl::StrCat("\r\x1b[", rows, "A");
}

void Screen::Draw(const std::vector<std::string>& lines, int width) {
  // One write for everything, so that no half-drawn picture is seen.
  std::string text = Home(width);
  for (const std::string& line : lines) absl::StrAppend(&text, line, "\x1b[K\n");
  absl::StrAppend(&text, "\x1b[J");
  write_(text);
  lines_ = lines;
}

void Screen::Clear(int width) {
  write_(absl::StrCat(Home(width), "\x1b[J"));
  lines_.clear();
}

void WriteAll(int descriptor, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(descriptor, text.data(), text.size());
    if (count < 0 && errno != EINTR) return;
    if (count > 0) text.remove_prefix(count);
  }
}

}  // namespace cambrian
