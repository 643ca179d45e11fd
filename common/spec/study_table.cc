// `estimator: {table: …}`: results that are looked up.
#include "common/spec/study_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/nas/canonical_key.h"
#include "common/spec/map_reader.h"
#include "common/spec/study_sections.h"

namespace cambrian {
namespace {

constexpr double kLargestFactor = 1e12;
constexpr NumberRange kFactor = {-kLargestFactor, true, kLargestFactor, true,
                                 "a number such as 0.01 or 6 %"};

// A column's name, `{column: NAME, times: FACTOR}` or, where that means something, a number.
std::optional<TableValue> ReadTableValue(const MapReader& outer, absl::string_view key,
                                         const Node& node, bool may_be_number,
                                         Diagnostics& diagnostics) {
  const std::string path = outer.PathOf(key);
  TableValue value;
  if (node.IsMap()) {
    const MapReader reader(node, path, {"column", "times"}, diagnostics);
    if (!reader.Require("column", "write \"column: NAME\"")) return std::nullopt;
    reader.Text("column", value.column);
    reader.Number("times", kFactor, value.times);
    return value;
  }
  const std::optional<double> number = node.AsNumber();
  if (may_be_number && number && *number >= 0) {
    value.times = *number;
    return value;
  }
  if (node.IsScalar() && !node.scalar.empty() && !number) {
    value.column = node.scalar;
    return value;
  }
  outer.Wrong(key, node, may_be_number ? "a column, or a number of seconds" : "a column",
              "write \"{column: NAME, times: 1 %}\"");
  return std::nullopt;
}

// Of the network, and of what the recipe decides.
TableEstimator::KeyOf NetworkKey(const StudySpec& study) {
  return [space = study.space, task = *study.data.task](const Architecture& architecture) {
    const absl::StatusOr<Network> network = space->Lower(architecture, task);
    if (!network.ok()) return std::string();
    std::string key = KeyOf(*network).ToString();
    for (size_t d = 0; d < space->decisions().size(); ++d) {
      if (space->decisions()[d].recipe) absl::StrAppend(&key, " ", architecture.values[d]);
    }
    return key;
  };
}

absl::Status NoMetric(const std::string& metric, const TableEstimator& estimator) {
  const std::vector<std::string> names = estimator.metric_names();
  const std::string suggestion = DidYouMean(metric, names);
  return absl::InvalidArgumentError(
      absl::StrCat("the table gives no \"", metric, "\"; ",
                   suggestion.empty() ? absl::StrCat("it gives ", absl::StrJoin(names, ", "),
                                                     " (estimator.table.metrics names others)")
                                      : suggestion));
}

}  // namespace

void MoveTableFile(Node& file) {
  Node* const estimator = file.Find("estimator");
  Node* const table = estimator == nullptr ? nullptr : estimator->Find("table");
  Node* const name = table == nullptr ? nullptr : table->Find("file");
  if (name == nullptr) return;
  Node source;
  source.kind = Node::Kind::kMap;
  source.mark = name->mark;
  source.Set("file", std::move(*name));
  table->Remove("file");
  Node* data = file.Find("data");
  if (data == nullptr) {
    Node empty;
    empty.kind = Node::Kind::kMap;
    empty.mark = source.mark;
    file.Set("data", std::move(empty));
    data = file.Find("data");
  }
  if (data->IsMap()) data->Set("table", std::move(source));
}

TableSpec ReadTable(const Node& node, Diagnostics& diagnostics) {
  const MapReader reader(node, "estimator.table", {"file", "metrics", "judge", "seconds"},
                         diagnostics);
  TableSpec table;
  if (const Node* const metrics = reader.Find("metrics")) {
    if (!metrics->IsMap() || metrics->entries.empty()) {
      reader.Wrong("metrics", *metrics, "a map of metrics",
                   "write \"metrics: {accuracy: {column: NAME, times: 1 %}}\"");
    }
    for (const Node::Entry& entry : metrics->entries) {
      const auto value = ReadTableValue(reader, absl::StrCat("metrics.", entry.key), entry.value,
                                        /*may_be_number=*/false, diagnostics);
      if (value) table.metrics[entry.key] = *value;
    }
  }
  if (const Node* const judge = reader.Find("judge")) {
    table.judge = ReadTableValue(reader, "judge", *judge, /*may_be_number=*/false, diagnostics);
  }
  if (const Node* const seconds = reader.Find("seconds")) {
    table.seconds =
        ReadTableValue(reader, "seconds", *seconds, /*may_be_number=*/true, diagnostics);
  }
  return table;
}

void CheckTable(const StudySpec& study, const Node& file, Diagnostics& diagnostics) {
  const Mark estimator = Section(file, "estimator").mark;
  const bool is_table = study.data.format == DataSpec::Format::kTable && !study.data.path.empty();
  if (!study.estimator.table) {
    if (is_table) {
      diagnostics.Error(Section(file, "data").mark, "data.table is for a table's estimator",
                        "write \"estimator: table\"");
    }
    if (study.dedupe == Dedupe::kArchitecture) {
      diagnostics.Error(Section(file, "dedupe").mark,
                        "dedupe by architecture is for tables: equal networks are trained once",
                        "remove it");
    }
    return;
  }
  if (!is_table) {
    diagnostics.Error(estimator, "estimator.table does not say which table",
                      "write \"estimator: {table: {file: PATH}}\"");
  }
  if (!study.data.task) {
    diagnostics.Error(Section(file, "data").mark,
                      "a table does not say what its networks take in and tell apart",
                      "write \"data: {task: {input: [3, 32, 32], classes: 10}}\"");
  }
  if ((study.finish || study.test) && !study.estimator.table->judge) {
    diagnostics.Error(estimator, "the end of a search in a table reads the judge: there is none",
                      "write \"estimator: {table: {judge: COLUMN}}\"");
  }
}

absl::StatusOr<std::shared_ptr<const TableEstimator>> OpenTable(const StudySpec& study,
                                                                const std::string& path) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const BenchmarkTable> table,
                   BenchmarkTable::Read(path, *study.space));
  const auto estimator =
      TableEstimator::Make(table, *study.estimator.table,
                           study.dedupe == Dedupe::kNetwork ? NetworkKey(study) : nullptr);
  if (!estimator.ok()) return Annotate(estimator.status(), "estimator.table");
  std::vector<std::string> wanted;
  for (const Objective& objective : study.objectives) wanted.push_back(objective.metric);
  for (const Constraint& constraint : study.constraints) wanted.push_back(constraint.metric);
  const std::vector<std::string> names = (*estimator)->metric_names();
  for (const std::string& metric : wanted) {
    const bool is_known = study.dedupe == Dedupe::kNetwork && IsAnalytic(metric);
    if (!is_known && std::count(names.begin(), names.end(), metric) == 0) {
      return NoMetric(metric, **estimator);
    }
  }
  return *estimator;
}

}  // namespace cambrian
