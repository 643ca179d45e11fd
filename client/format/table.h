// Tables for people, and the same rows as CSV.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cambrian {

// A table that is never wider than it may be: columns go before lines wrap. Plain data.
struct Table {
  struct Column {
    std::string title;
    bool right = false;  // align right: numbers
    // Who goes first where space is short: the largest; 0 never goes.
    int drop = 0;
    // Cut to what is left (but to no less than `least` columns) before anything goes.
    bool flexible = false;
    int least = 12;
  };

  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  // one cell for each column

  // One space in front, two between columns, no space at the end of a line; `width` 0 = no limit.
  // Titles are dim if `colour`. A cell is one line, whatever it holds. Columns without any text are
  // left out.
  std::string Render(int width, bool colour) const;
  // All columns, titles first.
  std::string Csv() const;
};

// One line of a CSV file (RFC 4180), with '\n'.
std::string CsvLine(const std::vector<std::string>& fields);

}  // namespace cambrian
