#include "common/table/benchmark_table.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/nearest.h"
#include "common/base/status.h"
#include "common/nas/decision_values.h"
#include "common/table/csv_reader.h"

namespace cambrian {
namespace {

constexpr size_t kMaxColumns = 10'000;
constexpr size_t kMaxValueBytes = 1'000;  // of a decision
constexpr size_t kMaxQuotedBytes = 40;
constexpr size_t kMaxNamed = 5;
constexpr uintmax_t kMaxFileBytes = uintmax_t{4} << 30;
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// A field in an error: in quotes, short, without what a terminal would obey.
std::string Quoted(absl::string_view field) {
  const bool is_long = field.size() > kMaxQuotedBytes;
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(field.substr(0, kMaxQuotedBytes)),
                      is_long ? "…" : "", "\"");
}

bool ReadNumber(absl::string_view field, double& number) {
  return absl::SimpleAtod(field, &number) && std::isfinite(number);
}

absl::Status Wrong(int64_t line, absl::string_view column, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("line ", line, ", column ", Quoted(column), ": ", what));
}

std::string Sha256(absl::string_view text) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(hash), sizeof(hash)));
}

absl::StatusOr<std::string> ReadText(const std::string& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    return absl::NotFoundError("there is no such file");
  }
  if (const uintmax_t bytes = std::filesystem::file_size(file, error); bytes > kMaxFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat(bytes, " bytes are too much for a table"));
  }
  std::ifstream stream(file, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream) return absl::NotFoundError("it is empty, or cannot be read");
  return std::move(text).str();
}

}  // namespace

// Reads one text. What is wrong with it carries the line and the column.
class TableParser {
 public:
  explicit TableParser(const SearchSpace& space) : space_(space) {}

  absl::StatusOr<std::shared_ptr<const BenchmarkTable>> Parse(absl::string_view text,
                                                              absl::string_view name) {
    table_ = std::shared_ptr<BenchmarkTable>(new BenchmarkTable);
    table_->name_ = std::string(name);
    table_->sha256_ = Sha256(text);
    CsvReader reader(text);
    std::vector<std::string> fields;
    ASSIGN_OR_RETURN(const bool any, reader.Next(fields));
    if (!any) return absl::InvalidArgumentError("the file is empty; its first line names columns");
    RETURN_IF_ERROR(ReadHeader(std::move(fields), reader.line()));
    while (true) {
      ASSIGN_OR_RETURN(const bool more, reader.Next(fields));
      if (!more) break;
      RETURN_IF_ERROR(ReadRow(fields, reader.line()));
    }
    if (lines_.empty()) return absl::InvalidArgumentError("there are no rows below the header");
    RETURN_IF_ERROR(KeepMetrics());
    return std::shared_ptr<const BenchmarkTable>(std::move(table_));
  }

 private:
  struct Column {
    std::string name;
    std::optional<size_t> decision;
    // Of a decision: values that were read before.
    absl::flat_hash_map<std::string, double> known;
    // Of a metric.
    std::vector<double> values;
    bool has_number = false;
    int64_t bad_line = 0;  // the first field that is no number
    std::string bad;
  };

  absl::Status ReadHeader(std::vector<std::string> header, int64_t line);
  absl::StatusOr<std::optional<size_t>> DecisionOf(const std::string& name, int64_t line);
  absl::Status CheckDecisions(const std::vector<bool>& has_column, int64_t line) const;
  absl::Status ReadRow(const std::vector<std::string>& fields, int64_t line);
  absl::StatusOr<double> ReadDecision(Column& column, const std::string& field, int64_t line);
  static void ReadMetric(Column& column, const std::string& field, int64_t line);
  absl::Status KeepMetrics();

  const SearchSpace& space_;
  std::shared_ptr<BenchmarkTable> table_;
  std::vector<Column> columns_;
  std::vector<int64_t> lines_;  // of each row
};

absl::Status TableParser::ReadHeader(std::vector<std::string> header, int64_t line) {
  if (header.size() > kMaxColumns) {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", line, ": ", header.size(), " columns; at most ", kMaxColumns));
  }
  std::vector<bool> has_column(space_.decisions().size(), false);
  absl::flat_hash_map<std::string, size_t> seen;
  for (std::string& name : header) {
    if (name.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", line, ": column ", columns_.size() + 1, " has no name"));
    }
    if (!seen.emplace(name, columns_.size()).second) {
      return Wrong(line, name, "there are two columns of this name; remove one");
    }
    ASSIGN_OR_RETURN(const std::optional<size_t> decision, DecisionOf(name, line));
    if (decision && has_column[*decision]) {
      return Wrong(line, name,
                   absl::StrCat("decision \"", space_.decisions()[*decision].name,
                                "\" has a column already; remove one"));
    }
    if (decision) has_column[*decision] = true;
    Column& column = columns_.emplace_back();
    column.name = std::move(name);
    column.decision = decision;
  }
  return CheckDecisions(has_column, line);
}

absl::StatusOr<std::optional<size_t>> TableParser::DecisionOf(const std::string& name,
                                                              int64_t line) {
  const std::vector<Decision>& decisions = space_.decisions();
  const std::vector<size_t> found = DecisionsCalled(decisions, name);
  if (found.empty()) return std::optional<size_t>();
  if (found.size() == 1) return std::optional<size_t>(found[0]);
  return Wrong(line, name,
               absl::StrCat("this may be decision \"", decisions[found[0]].name, "\" or \"",
                            decisions[found[1]].name, "\"; write more of its name"));
}

absl::Status TableParser::CheckDecisions(const std::vector<bool>& has_column, int64_t line) const {
  std::vector<std::string> missing;
  for (size_t d = 0; d < has_column.size(); ++d) {
    if (has_column[d]) continue;
    if (missing.size() == kMaxNamed) {
      missing.push_back("…");
      break;
    }
    missing.push_back(space_.decisions()[d].name);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("line ", line, ": no column for ", absl::StrJoin(missing, ", "),
                   "; a table has a column for every decision of the space"));
}

absl::Status TableParser::ReadRow(const std::vector<std::string>& fields, int64_t line) {
  if (fields.size() != columns_.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "line ", line, ": ", fields.size(), " fields, but the header has ", columns_.size()));
  }
  Architecture architecture;
  architecture.values.assign(space_.decisions().size(), Architecture::kInactive);
  for (size_t c = 0; c < fields.size(); ++c) {
    Column& column = columns_[c];
    if (!column.decision) {
      ReadMetric(column, fields[c], line);
    } else if (!fields[c].empty()) {
      ASSIGN_OR_RETURN(architecture.values[*column.decision],
                       ReadDecision(column, fields[c], line));
    }
  }
  RETURN_IF_ERROR(Annotate(space_.Validate(architecture), absl::StrCat("line ", line)));
  const auto [there, is_new] =
      table_->by_architecture_.try_emplace(architecture, table_->architectures_.size());
  if (!is_new) {
    return absl::InvalidArgumentError(absl::StrCat("line ", line, ": the architecture of line ",
                                                   lines_[there->second],
                                                   " again; keep one of them"));
  }
  table_->architectures_.push_back(std::move(architecture));
  lines_.push_back(line);
  return absl::OkStatus();
}

absl::StatusOr<double> TableParser::ReadDecision(Column& column, const std::string& field,
                                                 int64_t line) {
  const auto known = column.known.find(field);
  if (known != column.known.end()) return known->second;
  const Decision& decision = space_.decisions()[*column.decision];
  if (field.size() > kMaxValueBytes) {
    return Wrong(line, column.name,
                 absl::StrCat(field.size(), " bytes are no value of a decision"));
  }
  const bool is_categorical = decision.kind == Decision::Kind::kCategorical;
  double number = 0;
  nlohmann::json value = field;
  if ((!is_categorical || decision.ordered) && ReadNumber(field, number)) value = number;
  if (!is_categorical && !value.is_number()) {
    return Wrong(line, column.name, absl::StrCat(Quoted(field), " is not a number"));
  }
  const absl::StatusOr<double> read = ReadValue(decision, value);
  if (!read.ok()) {
    const bool is_plain = std::none_of(field.begin(), field.end(), absl::ascii_iscntrl);
    return Wrong(line, column.name,
                 is_plain ? std::string(read.status().message())
                          : absl::StrCat(Quoted(field), " is no value of the decision"));
  }
  column.known.emplace(field, *read);
  return *read;
}

void TableParser::ReadMetric(Column& column, const std::string& field, int64_t line) {
  double number = kMissing;
  if (!field.empty()) {
    if (ReadNumber(field, number)) {
      column.has_number = true;
    } else {
      number = kMissing;
      if (column.bad_line == 0) {
        column.bad_line = line;
        column.bad = field.substr(0, kMaxQuotedBytes + 1);
      }
    }
  }
  column.values.push_back(number);
}

absl::Status TableParser::KeepMetrics() {
  std::vector<const Column*> kept;
  for (const Column& column : columns_) {
    if (column.decision) continue;
    if (!column.has_number) {
      table_->ignored_.push_back(column.name);
      continue;
    }
    if (column.bad_line > 0) {
      return Wrong(column.bad_line, column.name,
                   absl::StrCat(Quoted(column.bad),
                                " is not a finite number; leave a value that is not known empty"));
    }
    table_->metrics_.push_back(column.name);
    kept.push_back(&column);
  }
  table_->values_.reserve(kept.size() * lines_.size());
  for (size_t row = 0; row < lines_.size(); ++row) {
    for (const Column* column : kept) table_->values_.push_back(column->values[row]);
  }
  return absl::OkStatus();
}

size_t BenchmarkTable::Hash::operator()(const Architecture& architecture) const {
  size_t hash = architecture.values.size();
  for (const double value : architecture.values) {
    hash = absl::HashOf(hash, std::isnan(value) ? -1e308 : value);  // NaNs are all alike
  }
  return hash;
}

absl::StatusOr<std::shared_ptr<const BenchmarkTable>> BenchmarkTable::Read(
    const std::string& file, const SearchSpace& space) {
  const absl::StatusOr<std::string> text = ReadText(file);
  if (!text.ok()) return Annotate(text.status(), file);
  return Parse(*text, file, space);
}

absl::StatusOr<std::shared_ptr<const BenchmarkTable>> BenchmarkTable::Parse(
    absl::string_view text, absl::string_view name, const SearchSpace& space) {
  absl::StatusOr<std::shared_ptr<const BenchmarkTable>> table =
      TableParser(space).Parse(text, name);
  if (!table.ok()) return Annotate(table.status(), name);
  return table;
}

absl::StatusOr<size_t> BenchmarkTable::FindMetric(absl::string_view name) const {
  const auto found = std::find(metrics_.begin(), metrics_.end(), name);
  if (found != metrics_.end()) return static_cast<size_t>(found - metrics_.begin());
  const std::string suggestion = DidYouMean(name, metrics_);
  return absl::InvalidArgumentError(absl::StrCat(
      name_, ": there is no column ", Quoted(name), "; ",
      suggestion.empty() ? absl::StrCat("it has ", absl::StrJoin(metrics_, ", ")) : suggestion));
}

std::optional<size_t> BenchmarkTable::Find(const Architecture& architecture) const {
  const auto found = by_architecture_.find(architecture);
  if (found == by_architecture_.end()) return std::nullopt;
  return found->second;
}

}  // namespace cambrian
