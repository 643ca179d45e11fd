#include "client/format/trial_table.h"

#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/format/number.h"
#include "common/wire/convert.h"
#include "nlohmann/json.hpp"

namespace cambrian {
namespace {

using nlohmann::ordered_json;

constexpr char kRecipe[] = "recipe.";

std::string ValueText(const ordered_json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string LastSegment(const std::string& name) {
  const size_t dot = name.rfind('.');
  return dot == std::string::npos ? name : name.substr(dot + 1);
}

std::optional<Measurement> Find(const v1::Trial& trial, absl::string_view metric) {
  for (const v1::Measurement& m : trial.metrics()) {
    if (m.metric() != metric) continue;
    Measurement measurement{.value = m.value(), .low = std::nullopt, .high = std::nullopt};
    if (m.has_low()) measurement.low = m.low();
    if (m.has_high()) measurement.high = m.high();
    return measurement;
  }
  return std::nullopt;
}

// The metrics that a person wants to see, in order.
std::vector<std::string> ShownMetrics(const StudySpec& study) {
  std::vector<std::string> metrics;
  const auto add = [&metrics](const std::string& metric) {
    if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) {
      metrics.push_back(metric);
    }
  };
  if (study.test) add("test_accuracy");
  for (const Objective& objective : study.objectives) add(objective.metric);
  for (const Constraint& constraint : study.constraints) add(constraint.metric);
  add("parameters");
  return metrics;
}

// Appends the column of `metric`, and one for its spread.
void AddMetric(const std::string& metric, int drop, absl::Span<const v1::Trial> trials,
               Table& table) {
  std::vector<std::optional<Measurement>> values;
  std::vector<Measurement> known;
  for (const v1::Trial& trial : trials) {
    values.push_back(Find(trial, metric));
    if (values.back()) known.push_back(*values.back());
  }
  const MetricFormat format(metric, known);
  table.columns.push_back({.title = metric, .right = true, .drop = drop});
  for (size_t i = 0; i < values.size(); ++i) {
    table.rows[i].push_back(values[i] ? format.Value(*values[i]) : "");
  }
  if (!format.has_spread()) return;
  table.columns.push_back(
      {.title = std::string(format.SpreadTitle()), .right = true, .drop = drop + 20});
  for (size_t i = 0; i < values.size(); ++i) {
    table.rows[i].push_back(values[i] ? format.Spread(*values[i]) : "");
  }
}

template <typename Cell>
void AddColumn(Table::Column column, absl::Span<const v1::Trial> trials, Table& table, Cell cell) {
  table.columns.push_back(std::move(column));
  for (size_t i = 0; i < trials.size(); ++i) table.rows[i].push_back(cell(trials[i]));
}

// As many digits as bring the same number back.
std::string ValueOrEmpty(const std::optional<double>& value) {
  return value ? ordered_json(*value).dump() : "";
}

}  // namespace

std::string ArchitectureTitle(const SearchSpace& space) {
  std::optional<std::vector<std::string>> common;
  for (const Decision& decision : space.decisions()) {
    if (decision.recipe) continue;
    std::vector<std::string> segments = absl::StrSplit(decision.name, '.');
    segments.pop_back();
    if (!common) common = segments;
    size_t same = 0;
    while (same < std::min(common->size(), segments.size()) && (*common)[same] == segments[same]) {
      ++same;
    }
    common->resize(same);
  }
  return common && !common->empty() ? absl::StrJoin(*common, ".") : "architecture";
}

std::string ShortArchitecture(const std::string& architecture_json) {
  const ordered_json json =
      ordered_json::parse(architecture_json, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return "";
  std::vector<std::string> parts;
  for (const auto& [name, value] : json.items()) {
    parts.push_back(absl::StartsWith(name, kRecipe)
                        ? absl::StrCat(LastSegment(name), " ", ValueText(value))
                        : ValueText(value));
  }
  return absl::StrJoin(parts, " ·");
}

Table TrialTable(const StudySpec& study, absl::Span<const v1::Trial> trials,
                 const TrialTableOptions& options) {
  Table table;
  table.rows.resize(trials.size());
  AddColumn({.title = "trial", .right = true}, trials, table,
            [](const v1::Trial& trial) { return absl::StrCat(trial.number()); });
  if (options.state) {
    AddColumn({.title = "state", .drop = 5}, trials, table, [](const v1::Trial& trial) {
      return absl::StrCat(TrialStateName(trial.state()), trial.on_front() ? " ●" : "");
    });
  }
  int drop = 10;
  for (const std::string& metric : ShownMetrics(study)) AddMetric(metric, drop++, trials, table);
  if (options.state) {
    AddColumn({.title = "reason", .drop = 50, .flexible = true, .least = 20}, trials, table,
              [](const v1::Trial& trial) { return trial.reason(); });
  }
  AddColumn({.title = ArchitectureTitle(*study.space), .drop = 40, .flexible = true}, trials, table,
            [](const v1::Trial& trial) { return ShortArchitecture(trial.architecture()); });
  return table;
}

std::string TrialsCsv(const StudySpec& study, absl::Span<const v1::Trial> trials) {
  std::set<std::string> metrics;
  for (const v1::Trial& trial : trials) {
    for (const v1::Measurement& m : trial.metrics()) metrics.insert(m.metric());
  }
  std::vector<std::string> header = {"study", "trial", "state", "on_front"};
  for (const std::string& metric : metrics) {
    header.insert(header.end(), {metric, metric + "_low", metric + "_high"});
  }
  for (const Decision& decision : study.space->decisions()) header.push_back(decision.name);
  std::string out = CsvLine(header);
  for (const v1::Trial& trial : trials) {
    std::vector<std::string> row = {trial.study(), absl::StrCat(trial.number()),
                                    std::string(TrialStateName(trial.state())),
                                    trial.on_front() ? "true" : "false"};
    for (const std::string& metric : metrics) {
      const std::optional<Measurement> m = Find(trial, metric);
      row.push_back(ValueOrEmpty(m ? std::optional<double>(m->value) : std::nullopt));
      row.push_back(ValueOrEmpty(m ? m->low : std::nullopt));
      row.push_back(ValueOrEmpty(m ? m->high : std::nullopt));
    }
    const ordered_json architecture =
        ordered_json::parse(trial.architecture(), nullptr, /*allow_exceptions=*/false);
    for (const Decision& decision : study.space->decisions()) {
      const bool active = architecture.is_object() && architecture.contains(decision.name);
      row.push_back(active ? ValueText(architecture[decision.name]) : "");
    }
    out += CsvLine(row);
  }
  return out;
}

}  // namespace cambrian
