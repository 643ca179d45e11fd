#include "client/format/table.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/format/terminal.h"
#include "client/format/text.h"

namespace cambrian {
namespace {

constexpr int kGap = 2;

// The columns that stay, each with its width.
struct Layout {
  std::vector<size_t> columns;
  std::vector<int> widths;  // by column of the table

  int Total() const {
    int total = 1;
    for (const size_t c : columns) total += widths[c] + kGap;
    return columns.empty() ? 0 : total - kGap;
  }
};

Layout NaturalLayout(const Table& table) {
  Layout layout;
  for (size_t c = 0; c < table.columns.size(); ++c) {
    int widest = 0;
    for (const auto& row : table.rows) widest = std::max(widest, DisplayWidth(row[c]));
    layout.widths.push_back(std::max(widest, DisplayWidth(table.columns[c].title)));
    if (widest > 0 || table.rows.empty()) layout.columns.push_back(c);
  }
  return layout;
}

// Cuts flexible columns, then drops columns, until the table fits into `width`.
void Fit(const Table& table, int width, Layout& layout) {
  while (layout.Total() > width) {
    int excess = layout.Total() - width;
    size_t spare = 0;
    for (const size_t c : layout.columns) {
      if (table.columns[c].flexible)
        spare += std::max(layout.widths[c] - table.columns[c].least, 0);
    }
    if (spare >= static_cast<size_t>(excess)) {
      for (const size_t c : layout.columns) {
        if (!table.columns[c].flexible) continue;
        const int cut = std::clamp(layout.widths[c] - table.columns[c].least, 0, excess);
        layout.widths[c] -= cut;
        excess -= cut;
      }
      return;
    }
    // Of columns with the same rank the rightmost goes first.
    const auto last = std::max_element(
        layout.columns.rbegin(), layout.columns.rend(),
        [&](size_t a, size_t b) { return table.columns[a].drop < table.columns[b].drop; });
    if (table.columns[*last].drop == 0) return;
    layout.columns.erase(std::next(last).base());
  }
}

std::string Line(const Table& table, const Layout& layout, const std::vector<std::string>& cells) {
  std::string line = " ";
  for (size_t i = 0; i < layout.columns.size(); ++i) {
    const size_t c = layout.columns[i];
    const std::string cell = Truncate(cells[c], layout.widths[c]);
    if (i > 0) line += std::string(kGap, ' ');
    line +=
        table.columns[c].right ? PadLeft(cell, layout.widths[c]) : PadRight(cell, layout.widths[c]);
  }
  return std::string(absl::StripTrailingAsciiWhitespace(line));
}

std::vector<std::string> Titles(const Table& table) {
  std::vector<std::string> titles;
  for (const Table::Column& column : table.columns) titles.push_back(column.title);
  return titles;
}

}  // namespace

std::string Table::Render(int width, bool colour) const {
  Table table = *this;
  for (auto& row : table.rows) {
    for (std::string& cell : row) cell = OneLine(cell);
  }
  Layout layout = NaturalLayout(table);
  if (width > 0) Fit(table, width, layout);
  const auto line = [&](const std::vector<std::string>& cells) {
    const std::string text = Line(table, layout, cells);
    return width > 0 ? Truncate(text, width) : text;
  };
  std::string out = absl::StrCat(Coloured(line(Titles(table)), Colour::kDim, colour), "\n");
  for (const auto& row : table.rows) absl::StrAppend(&out, line(row), "\n");
  return out;
}

std::string Table::Csv() const {
  std::string out = CsvLine(Titles(*this));
  for (const auto& row : rows) out += CsvLine(row);
  return out;
}

std::string CsvLine(const std::vector<std::string>& fields) {
  std::string line = absl::StrJoin(fields, ",", [](std::string* out, const std::string& field) {
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
      absl::StrAppend(out, field);
    } else {
      absl::StrAppend(out, "\"", absl::StrReplaceAll(field, {{"\"", "\"\""}}), "\"");
    }
  });
  return line + "\n";
}

}  // namespace cambrian
