// Cuts the text of a CSV file into rows of fields (RFC 4180).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cambrian {

// Fields may be quoted, then hold commas and line ends, and "" for a quote. Blanks around fields, a
// byte-order mark and blank lines do not count; lines end with LF or CRLF. Not thread-safe.
class CsvReader {
 public:
  // `text` outlives it.
  explicit CsvReader(absl::string_view text);

  // The next row; false at the end. \error kInvalidArgument for a quote that is not closed
  absl::StatusOr<bool> Next(std::vector<std::string>& fields);

  // Where the row begins, from 1.
  int64_t line() const { return line_; }

 private:
  absl::Status ReadRow(std::vector<std::string>& fields);

  absl::string_view text_;
  size_t at_ = 0;
  int64_t line_ = 1;
  int64_t next_line_ = 1;
};

}  // namespace cambrian
