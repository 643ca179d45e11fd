#include "client/format/text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace cambrian {
namespace {

// The length of the colour sequence at `position`, or 0.
size_t EscapeLength(absl::string_view text, size_t position) {
  if (text[position] != '\x1b') return 0;
  const size_t end = text.find('m', position);
  return end == absl::string_view::npos ? 1 : end - position + 1;
}

bool StartsCodePoint(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

std::string Spaces(int count) { return std::string(std::max(count, 0), ' '); }

}  // namespace

int DisplayWidth(absl::string_view text) {
  int width = 0;
  for (size_t i = 0; i < text.size();) {
    if (const size_t escape = EscapeLength(text, i); escape > 0) {
      i += escape;
      continue;
    }
    width += StartsCodePoint(text[i]);
    ++i;
  }
  return width;
}

std::string Truncate(absl::string_view text, int width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  std::string out;
  int used = 0;
  bool cut = false;
  for (size_t i = 0; i < text.size();) {
    if (const size_t escape = EscapeLength(text, i); escape > 0) {
      absl::StrAppend(&out, text.substr(i, escape));  // also after the cut: they may reset
      i += escape;
      continue;
    }
    if (!cut && StartsCodePoint(text[i]) && ++used >= width) {
      cut = true;
      if (width > 0) out += "…";
    }
    if (!cut) out += text[i];
    ++i;
  }
  return out;
}

std::string FitParts(absl::string_view text, int width) {
  if (width <= 0) return std::string(text);
  while (DisplayWidth(text) > width) {
    const size_t last = text.rfind(" · ");
    if (last == absl::string_view::npos) break;
    text = text.substr(0, last);
  }
  return Truncate(text, width);
}

std::string PadLeft(absl::string_view text, int width) {
  return absl::StrCat(Spaces(width - DisplayWidth(text)), text);
}

std::string PadRight(absl::string_view text, int width) {
  return absl::StrCat(text, Spaces(width - DisplayWidth(text)));
}

std::string Printable(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F) {
      out += "�";
    } else {
      out += c;
    }
  }
  return out;
}

std::string OneLine(absl::string_view text) {
  return absl::StrReplaceAll(Printable(text), {{"\n", " "}, {"\t", " "}});
}

}  // namespace cambrian
