// What the other end of stdout or stderr is: colours and redrawing only on a terminal.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace cambrian {

// Plain data. In a pipe nothing is coloured, redrawn or cut to a width.
struct Terminal {
  bool is_terminal = false;
  bool colour = false;  // a terminal, NO_COLOR unset, TERM not "dumb"
  int width = 0;        // columns; 0 = no limit

  // Of the descriptor (1 or 2), as it is now: a window may have been resized.
  static Terminal Of(int descriptor);
};

enum class Colour { kBold, kDim, kRed, kGreen, kYellow, kCyan };

// `text` in that colour, if `enabled`.
std::string Coloured(absl::string_view text, Colour colour, bool enabled);

// "error: …" and "warning: …" at the start of lines in red and yellow, if `enabled`.
std::string ColourDiagnostics(absl::string_view text, bool enabled);

}  // namespace cambrian
