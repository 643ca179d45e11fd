#include "client/format/facts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/format/terminal.h"
#include "client/format/text.h"

namespace cambrian {

void Facts::Add(absl::string_view name, absl::string_view value) {
  if (!value.empty()) facts_.emplace_back(name, OneLine(value));
}

std::string Facts::Render(int descriptor) const {
  const Terminal terminal = Terminal::Of(descriptor);
  int widest = 0;
  for (const auto& [name, value] : facts_) widest = std::max(widest, DisplayWidth(name));
  std::string out;
  for (const auto& [name, value] : facts_) {
    const std::string line = absl::StrCat(
        " ", Coloured(PadRight(name, widest), Colour::kDim, terminal.colour), "  ", value);
    absl::StrAppend(&out, terminal.width > 0 ? Truncate(line, terminal.width) : line, "\n");
  }
  return out;
}

}  // namespace cambrian
