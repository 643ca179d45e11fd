#include "common/spec/diagnostics.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace cambrian {
namespace {

constexpr char kByteOrderMark[] = "\xEF\xBB\xBF";
constexpr size_t kMaxFindings = 100;
constexpr int kMaxQuote = 120;       // characters of a long line that are shown
constexpr int kQuotedBefore = 60;    // of them before the place
constexpr int kMaxMarkLength = 100;  // characters underlined

bool StartsCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

// Byte offset of the character number `index`, or the end.
size_t ByteOffset(absl::string_view text, int index) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if (StartsCharacter(text[at]) && index-- == 0) break;
  }
  return at;
}

int Characters(absl::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), StartsCharacter));
}

absl::string_view LineOf(absl::string_view text, int line) {
  for (; line > 1; --line) {
    const size_t end = text.find('\n');
    if (end == absl::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  return text;
}

// What a terminal would obey rather than show becomes a space.
std::string Printable(absl::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < ' ' && c != '\t') || byte == 0x7F) c = ' ';
  }
  return out;
}

// Spaces as wide as what stands before the caret; tabs stay, so that the caret stands right below.
std::string Indent(const Diagnostic& d) {
  std::string indent;
  for (const char byte : absl::string_view(d.quote).substr(0, ByteOffset(d.quote, d.caret))) {
    if (StartsCharacter(byte)) indent += byte == '\t' ? '\t' : ' ';
  }
  return indent;
}

std::string RenderOne(const Diagnostic& d) {
  std::string out = d.severity == Diagnostic::Severity::kError ? "error: " : "warning: ";
  absl::StrAppend(&out, d.file);
  if (d.mark.line > 0) absl::StrAppend(&out, ":", d.mark.line, ":", d.mark.column);
  absl::StrAppend(&out, ": ", d.message, "\n");
  if (d.quote.empty()) {
    if (!d.suggestion.empty()) absl::StrAppend(&out, "     ", d.suggestion, "\n");
    return out;
  }
  const std::string number = absl::StrCat(d.mark.line);
  const int room = std::max(1, Characters(d.quote) - d.caret);
  const std::string carets(std::clamp(d.mark.length, 1, std::min(room, kMaxMarkLength)), '^');
  absl::StrAppend(&out, "  ", number, " | ", d.quote, "\n");
  absl::StrAppend(&out, "  ", std::string(number.size(), ' '), " | ", Indent(d), carets);
  absl::StrAppend(&out, d.suggestion.empty() ? "" : " ", d.suggestion, "\n");
  return out;
}

}  // namespace

Diagnostics::Diagnostics(std::string file, std::string text)
    : file_(std::move(file)),
      text_(absl::StartsWith(text, kByteOrderMark) ? text.substr(sizeof(kByteOrderMark) - 1)
                                                   : std::move(text)) {}

Diagnostic Diagnostics::Make(Mark mark, absl::string_view message,
                             absl::string_view suggestion) const {
  Diagnostic made;
  made.file = file_;
  made.mark = mark;
  made.message = Printable(message);
  made.suggestion = Printable(suggestion);
  const absl::string_view line = mark.line > 0 ? LineOf(text_, mark.line) : absl::string_view();
  made.caret = std::clamp(mark.column - 1, 0, Characters(line));
  const int cut = Characters(line) > kMaxQuote ? std::max(0, made.caret - kQuotedBefore) : 0;
  const size_t from = ByteOffset(line, cut);
  made.quote = Printable(line.substr(from, ByteOffset(line.substr(from), kMaxQuote)));
  made.caret -= cut;
  return made;
}

void Diagnostics::Add(Diagnostic diagnostic) {
  const bool known = std::any_of(all_.begin(), all_.end(), [&](const Diagnostic& d) {
    return d.file == diagnostic.file && d.mark == diagnostic.mark &&
           d.message == diagnostic.message;
  });
  if (known) return;
  if (diagnostic.severity == Diagnostic::Severity::kError) ++errors_;
  if (all_.size() < kMaxFindings) all_.push_back(std::move(diagnostic));
}

void Diagnostics::Error(Mark mark, absl::string_view message, absl::string_view suggestion) {
  if (all_.size() < kMaxFindings) {
    Add(Make(mark, message, suggestion));
  } else {
    ++errors_;
  }
}

void Diagnostics::Warning(Mark mark, absl::string_view message, absl::string_view suggestion) {
  if (all_.size() == kMaxFindings) return;
  Diagnostic made = Make(mark, message, suggestion);
  made.severity = Diagnostic::Severity::kWarning;
  Add(std::move(made));
}

void Diagnostics::Append(const Diagnostics& other) {
  if (&other == this) return;
  for (const Diagnostic& d : other.all_) Add(d);
  errors_ += other.errors_ - other.ShownErrors();
}

int Diagnostics::ShownErrors() const {
  return static_cast<int>(std::count_if(all_.begin(), all_.end(), [](const Diagnostic& d) {
    return d.severity == Diagnostic::Severity::kError;
  }));
}

std::string Diagnostics::Render() const {
  std::vector<const Diagnostic*> sorted;
  for (const Diagnostic& d : all_) sorted.push_back(&d);
  std::stable_sort(sorted.begin(), sorted.end(), [this](const Diagnostic* a, const Diagnostic* b) {
    const auto place = [this](const Diagnostic& d) {
      return std::make_tuple(d.file != file_, d.file, d.mark.line, d.mark.column);
    };
    return place(*a) < place(*b);
  });
  std::string out;
  for (const Diagnostic* d : sorted) out += RenderOne(*d);
  const int shown = ShownErrors();
  if (errors_ > shown) absl::StrAppend(&out, "and ", errors_ - shown, " more errors\n");
  return out;
}

absl::Status Diagnostics::ToStatus() const {
  if (ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(Render());
}

}  // namespace cambrian
