#include "server/query_command.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "nlohmann/json.hpp"
#include "server/store/query.h"

namespace cambrian {
namespace {

bool IsNumber(const QueryValue& value) {
  return std::holds_alternative<int64_t>(value) || std::holds_alternative<double>(value);
}

// The shortest text that reads back as the same number.
std::string RealText(double value) {
  const std::string text = absl::StrFormat("%.15g", value);
  return std::strtod(text.c_str(), nullptr) == value ? text : absl::StrFormat("%.17g", value);
}

std::string TextOf(const QueryValue& value) {
  struct Visitor {
    std::string operator()(std::monostate) const { return ""; }
    std::string operator()(bool truth) const { return truth ? "true" : "false"; }
    std::string operator()(int64_t integer) const { return absl::StrCat(integer); }
    std::string operator()(double real) const { return RealText(real); }
    std::string operator()(const std::string& text) const { return text; }
  };
  return std::visit(Visitor(), value);
}

// One line that cannot talk to the terminal.
std::string Plain(const std::string& text) {
  std::string plain;
  for (const char c : text) {
    if (c == '\n') {
      plain += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      absl::StrAppend(&plain, absl::StrFormat("\\x%02x", static_cast<unsigned char>(c)));
    } else {
      plain += c;
    }
  }
  return plain;
}

// Characters, not bytes.
size_t WidthOf(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

void PrintTable(const QueryResult& result, std::ostream& out) {
  std::vector<std::vector<std::string>> cells = {{}};
  std::vector<bool> is_right(result.columns.size(), true);  // numbers, and nothing else
  for (const std::string& column : result.columns) cells[0].push_back(Plain(column));
  for (const std::vector<QueryValue>& row : result.rows) {
    std::vector<std::string>& line = cells.emplace_back();
    for (size_t i = 0; i < row.size(); ++i) {
      line.push_back(Plain(TextOf(row[i])));
      if (!IsNumber(row[i]) && !std::holds_alternative<std::monostate>(row[i])) is_right[i] = false;
    }
  }
  std::vector<size_t> widths(result.columns.size(), 0);
  for (const auto& line : cells) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], WidthOf(line[i]));
  }
  for (const auto& line : cells) {
    std::string text;
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string space(widths[i] - WidthOf(line[i]), ' ');
      absl::StrAppend(&text, i == 0 ? "" : "  ", is_right[i] ? space : "", line[i],
                      is_right[i] ? "" : space);
    }
    out << text.substr(0, text.find_last_not_of(' ') + 1) << "\n";
  }
}

nlohmann::ordered_json JsonOf(const QueryValue& value) {
  if (const bool* truth = std::get_if<bool>(&value)) return *truth;
  if (const int64_t* integer = std::get_if<int64_t>(&value)) return *integer;
  if (const double* real = std::get_if<double>(&value)) return *real;  // null if it is not finite
  if (const std::string* text = std::get_if<std::string>(&value)) return *text;
  return nullptr;
}

void PrintJson(const QueryResult& result, std::ostream& out) {
  for (const std::vector<QueryValue>& row : result.rows) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (size_t i = 0; i < row.size(); ++i) object[result.columns[i]] = JsonOf(row[i]);
    out << object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
  }
}

void PrintCsvLine(const std::vector<std::string>& fields, std::ostream& out) {
  for (size_t i = 0; i < fields.size(); ++i) {
    const bool quotes = fields[i].find_first_of(",\"\r\n") != std::string::npos;
    out << (i == 0 ? "" : ",")
        << (quotes ? absl::StrCat("\"", absl::StrReplaceAll(fields[i], {{"\"", "\"\""}}), "\"")
                   : fields[i]);
  }
  out << "\r\n";
}

void PrintCsv(const QueryResult& result, std::ostream& out) {
  PrintCsvLine(result.columns, out);
  for (const std::vector<QueryValue>& row : result.rows) {
    std::vector<std::string> fields;
    for (const QueryValue& value : row) fields.push_back(TextOf(value));
    PrintCsvLine(fields, out);
  }
}

}  // namespace

int QueryCommand(const std::string& url, const QueryFlags& flags, std::ostream& out,
                 std::ostream& err) {
  void (*print)(const QueryResult&, std::ostream&) = flags.output == "table"  ? &PrintTable
                                                     : flags.output == "json" ? &PrintJson
                                                     : flags.output == "csv"  ? &PrintCsv
                                                                              : nullptr;
  if (print == nullptr || flags.row_limit < 1 || !(flags.timeout_seconds > 0)) {
    err << "error: --output is table, json or csv; --limit and --timeout are above 0\n";
    return 2;
  }
  const absl::StatusOr<QueryResult> result =
      RunQuery(url, flags.sql,
               {.row_limit = flags.row_limit, .timeout = absl::Seconds(flags.timeout_seconds)});
  if (!result.ok()) {
    err << "error: " << std::string(result.status().message()) << "\n";
    return absl::IsInvalidArgument(result.status()) ? 2 : 1;
  }
  print(*result, out);
  if (result->is_truncated) {
    err << "only the first " << flags.row_limit << " rows; --limit N gives more\n";
  }
  return 0;
}

}  // namespace cambrian
