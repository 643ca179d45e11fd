// What a study makes of a benchmark table: part of the study file.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "nlohmann/json.hpp"

namespace cambrian {

// A column's value times a factor; without a column, the factor itself.
struct TableValue {
  std::string column;
  double times = 1;

  bool operator==(const TableValue&) const = default;
};

// Plain data.
struct TableSpec {
  // What trials report, by the names that objectives and constraints use. Empty: every column under
  // its own name, but for the judge's and those of a test set.
  std::map<std::string, TableValue> metrics;
  // What a search is judged by once it is over, which it never sees; nothing: its first objective.
  std::optional<TableValue> judge;
  // How long an evaluation takes; nothing: a second.
  std::optional<TableValue> seconds;

  // As in a study file, without `file`.
  nlohmann::ordered_json ToJson() const;
  bool operator==(const TableSpec&) const = default;
};

}  // namespace cambrian
