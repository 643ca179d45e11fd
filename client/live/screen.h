// A few lines of a terminal that are written again and again in the same place.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace cambrian {

// It changes nothing of the terminal's state (the cursor stays visible, the line wrap on), so there
// is nothing to restore whatever ends the program. Not thread-safe.
class Screen {
 public:
  // `write` gets the terminal's next bytes.
  explicit Screen(std::function<void(absl::string_view)> write) : write_(std::move(write)) {}

  // Replaces the lines of the last call. `width`: columns of the terminal now; where it has become
  // narrower, it has wrapped what it shows.
  void Draw(const std::vector<std::string>& lines, int width);
  // Removes them.
  void Clear(int width);

 private:
  // To the first line of what was drawn.
  std::string Home(int width) const;

  const std::function<void(absl::string_view)> write_;
  std::vector<std::string> lines_;
};

// Writes all of it to the descriptor, at once where it can.
void WriteAll(int descriptor, absl::string_view text);

}  // namespace cambrian
