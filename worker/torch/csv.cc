// CSV tables: a header line, then numbers and a label a line. Fields may be quoted.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/table/csv_reader.h"
#include "worker/torch/dataset.h"

namespace cambrian {
namespace {

constexpr size_t kMaxColumns = 1'000'000;
constexpr size_t kMaxClasses = 10'000;

absl::StatusOr<std::string> ReadFile(const std::string& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return absl::NotFoundError("no such file");
  std::ifstream stream(file, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream) return absl::NotFoundError("cannot be read");
  return text.str();
}

// The table as text: rows of numbers, and the words of the label column.
struct Table {
  std::vector<float> values;
  std::vector<std::string> labels;
};

absl::Status AppendRow(const std::vector<std::string>& header,
                       const std::vector<std::string>& fields, size_t label_column, Table& table) {
  if (fields.size() != header.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(fields.size(), " fields, the header has ", header.size()));
  }
  for (size_t c = 0; c < fields.size(); ++c) {
    if (c == label_column) {
      if (fields[c].empty()) return absl::InvalidArgumentError("the label is empty");
      table.labels.push_back(fields[c]);
      continue;
    }
    float value = 0;
    if (!absl::SimpleAtof(fields[c], &value) || !std::isfinite(value)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "column \"", header[c], "\": \"", fields[c].substr(0, 40), "\" is not a finite number"));
    }
    table.values.push_back(value);
  }
  return absl::OkStatus();
}

// Numbers the distinct labels: by value if all are whole numbers, else by the alphabet.
absl::Status NumberLabels(const std::vector<std::string>& labels, DataSet& data) {
  std::vector<std::string> names(labels);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  int64_t number = 0;
  double real = 0;
  const bool whole = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return absl::SimpleAtoi(name, &number);
  });
  if (whole) {
    std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
      return std::stoll(a) < std::stoll(b);
    });
  }
  std::map<std::string, int32_t> numbers;
  for (const std::string& name : names) {
    if (!whole && absl::SimpleAtod(name, &real) && !absl::SimpleAtoi(name, &number)) {
      return absl::InvalidArgumentError(
          absl::StrCat("label \"", name, "\" is neither a whole number nor a word"));
    }
    numbers.emplace(name, static_cast<int32_t>(numbers.size()));
  }
  if (numbers.size() > kMaxClasses) {
    return absl::InvalidArgumentError(
        absl::StrCat(WithCommas(numbers.size()), " different labels; is it the right column?"));
  }
  for (const std::string& label : labels) data.train.labels.push_back(numbers[label]);
  data.classes = static_cast<int64_t>(numbers.size());
  return absl::OkStatus();
}

// Row-major [channels, positions] to channels innermost.
std::vector<float> ChannelsInnermost(const std::vector<float>& values, const Shape& shape) {
  const int64_t elements = shape.Elements();
  const int64_t positions = elements / shape.channels;
  std::vector<float> moved(values.size());
  for (size_t start = 0; start < values.size(); start += elements) {
    for (int64_t c = 0; c < shape.channels; ++c) {
      for (int64_t p = 0; p < positions; ++p) {
        moved[start + p * shape.channels + c] = values[start + c * positions + p];
      }
    }
  }
  return moved;
}

absl::StatusOr<DataSet> ParseCsv(absl::string_view text, const std::string& label,
                                 const std::vector<int64_t>& shape) {
  CsvReader reader(text);
  std::vector<std::string> header, fields;
  ASSIGN_OR_RETURN(const bool any, reader.Next(header));
  if (!any) return absl::InvalidArgumentError("the file is empty");
  if (header.size() > kMaxColumns) return absl::InvalidArgumentError("too many columns");
  const auto found = std::find(header.begin(), header.end(), label);
  if (found == header.end()) {
    return absl::InvalidArgumentError(absl::StrCat("no column \"", label, "\" in the header"));
  }
  if (header.size() < 2) return absl::InvalidArgumentError("no column besides the label");

  DataSet data;
  const int64_t features = static_cast<int64_t>(header.size()) - 1;
  data.train.shape = {features, {}};
  if (!shape.empty()) data.train.shape = {shape[0], {shape.begin() + 1, shape.end()}};
  if (data.train.shape.Elements() != features) {
    return absl::InvalidArgumentError(absl::StrCat("a row has ", features, " values, the shape ",
                                                   data.train.shape.ToString(), " needs ",
                                                   data.train.shape.Elements()));
  }
  Table table;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(fields));
    if (!more) break;
    RETURN_IF_ERROR(Annotate(AppendRow(header, fields, found - header.begin(), table),
                             absl::StrCat("line ", WithCommas(reader.line()))));
  }
  RETURN_IF_ERROR(NumberLabels(table.labels, data));
  data.train.floats = ChannelsInnermost(table.values, data.train.shape);
  return data;
}

}  // namespace

absl::StatusOr<DataSet> ReadCsv(const std::string& file, const std::string& label,
                                const std::vector<int64_t>& shape) {
  const std::string name = std::filesystem::path(file).filename();
  absl::StatusOr<std::string> text = ReadFile(file);
  if (!text.ok()) return Annotate(text.status(), file);
  absl::StatusOr<DataSet> data = ParseCsv(*text, label, shape);
  if (!data.ok()) return Annotate(data.status(), name);
  return data;
}

}  // namespace cambrian
