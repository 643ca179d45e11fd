// UTF-8 text in columns of a terminal.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace cambrian {

// Columns that `text` takes on a terminal: one for each code point; colour sequences (ESC […m) take
// none.
int DisplayWidth(absl::string_view text);

// `text` cut to `width` columns, with "…" as the last one if anything was cut. Colour sequences are
// kept.
std::string Truncate(absl::string_view text, int width);

// `text` without its last parts, which " · " divides, until it fits into `width` columns; 0 = no
// limit. The first part is cut if need be.
std::string FitParts(absl::string_view text, int width);

std::string PadLeft(absl::string_view text, int width);
std::string PadRight(absl::string_view text, int width);

// What came from elsewhere, safe for a terminal: control characters become "�".
std::string Printable(absl::string_view text);
// The same in one line: what breaks lines becomes a space.
std::string OneLine(absl::string_view text);

}  // namespace cambrian
