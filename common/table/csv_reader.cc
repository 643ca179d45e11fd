#include "common/table/csv_reader.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace cambrian {

CsvReader::CsvReader(absl::string_view text) : text_(text) {
  absl::ConsumePrefix(&text_, "\xef\xbb\xbf");  // a byte-order mark
}

absl::StatusOr<bool> CsvReader::Next(std::vector<std::string>& fields) {
  do {
    if (at_ >= text_.size()) return false;
    line_ = next_line_;
    fields.clear();
    RETURN_IF_ERROR(ReadRow(fields));
  } while (fields.size() == 1 && fields[0].empty());
  return true;
}

absl::Status CsvReader::ReadRow(std::vector<std::string>& fields) {
  std::string field;
  bool quoted = false;
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '\n') ++next_line_;
    if (quoted && c == '"' && at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
      field += '"';
      ++at_;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (quoted || (c != ',' && c != '\n')) {
      field += c;
    } else {
      fields.emplace_back(absl::StripAsciiWhitespace(field));
      field.clear();
      if (c == '\n') {
        ++at_;
        return absl::OkStatus();
      }
    }
  }
  if (quoted) {
    return absl::InvalidArgumentError(absl::StrCat("line ", line_, ": a quote is not closed"));
  }
  fields.emplace_back(absl::StripAsciiWhitespace(field));
  return absl::OkStatus();
}

}  // namespace cambrian
