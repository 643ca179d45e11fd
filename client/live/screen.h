// A few lines of a terminal that are written again and again in the same place.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cambrian {

// Writes to stderr. It changes nothing of the terminal's state (the cursor stays visible, the line
// wrap on), so there is nothing to restore whatever ends the program. Not thread-safe.
class Screen {
 public:
  // Replaces the lines of the last call.
  void Draw(const std::vector<std::string>& lines);
  // A lasting line above them.
  void Print(absl::string_view line);
  // Removes them.
  void Clear();

 private:
  std::vector<std::string> lines_;
};

}  // namespace cambrian
