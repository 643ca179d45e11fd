#include "client/format/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace cambrian {
namespace {

absl::string_view Code(Colour colour) {
  switch (colour) {
    case Colour::kBold:
      return "1";
    case Colour::kDim:
      return "2";
    case Colour::kRed:
      return "31";
    case Colour::kGreen:
      return "32";
    case Colour::kYellow:
      return "33";
    case Colour::kCyan:
      return "36";
  }
  return "0";
}

bool IsSet(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

}  // namespace

Terminal Terminal::Of(int descriptor) {
  Terminal terminal;
  terminal.is_terminal = isatty(descriptor) == 1;
  if (!terminal.is_terminal) return terminal;
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || absl::string_view(term) == "dumb";
  terminal.colour = !dumb && !IsSet("NO_COLOR");
  winsize size = {};
  const bool known = ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  terminal.width = known ? size.ws_col : 80;
  return terminal;
}

std::string Coloured(absl::string_view text, Colour colour, bool enabled) {
  if (!enabled || text.empty()) return std::string(text);
  return absl::StrCat("\x1b[", Code(colour), "m", text, "\x1b[0m");
}

std::string ColourDiagnostics(absl::string_view text, bool enabled) {
  if (!enabled) return std::string(text);
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (std::string& line : lines) {
    if (absl::StartsWith(line, "error:")) {
      line = absl::StrCat(Coloured("error:", Colour::kRed, true), line.substr(6));
    } else if (absl::StartsWith(line, "warning:")) {
      line = absl::StrCat(Coloured("warning:", Colour::kYellow, true), line.substr(8));
    }
  }
  return absl::StrJoin(lines, "\n");
}

}  // namespace cambrian
