#include "common/table/table_estimator.h"

#include <cmath>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

constexpr char kTestPrefix[] = "test_";  // of columns that no search may see

nlohmann::ordered_json ValueJson(const TableValue& value) {
  if (value.column.empty()) return value.times;
  if (value.times == 1) return value.column;
  return {{"column", value.column}, {"times", value.times}};
}

}  // namespace

nlohmann::ordered_json TableSpec::ToJson() const {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, value] : metrics) json["metrics"][name] = ValueJson(value);
  if (judge) json["judge"] = ValueJson(*judge);
  if (seconds) json["seconds"] = ValueJson(*seconds);
  return json;
}

absl::StatusOr<std::shared_ptr<const TableEstimator>> TableEstimator::Make(
    std::shared_ptr<const BenchmarkTable> table, const TableSpec& spec, KeyOf key_of) {
  std::shared_ptr<TableEstimator> estimator(new TableEstimator);
  estimator->key_of_ = std::move(key_of);
  estimator->table_ = std::move(table);
  for (const auto& [name, value] : spec.metrics) {
    ASSIGN_OR_RETURN(Value resolved, estimator->Resolve(value));
    estimator->metrics_.emplace_back(name, resolved);
  }
  if (spec.metrics.empty()) {
    for (const std::string& column : estimator->table_->metrics()) {
      if (absl::StartsWith(column, kTestPrefix) || (spec.judge && spec.judge->column == column)) {
        continue;
      }
      ASSIGN_OR_RETURN(Value resolved, estimator->Resolve({column, 1}));
      estimator->metrics_.emplace_back(column, resolved);
    }
  }
  if (spec.judge) {
    ASSIGN_OR_RETURN(estimator->judged_, estimator->Resolve(*spec.judge));
    estimator->judge_ = spec.judge->column;
  }
  if (spec.seconds) {
    ASSIGN_OR_RETURN(estimator->seconds_, estimator->Resolve(*spec.seconds));
  }
  return std::shared_ptr<const TableEstimator>(std::move(estimator));
}

absl::StatusOr<TableEstimator::Value> TableEstimator::Resolve(const TableValue& value) const {
  Value resolved{std::nullopt, value.times};
  if (!value.column.empty()) {
    ASSIGN_OR_RETURN(resolved.column, table_->FindMetric(value.column));
  }
  return resolved;
}

double TableEstimator::ValueOf(const Value& value, size_t row) const {
  return value.column ? table_->Value(row, *value.column) * value.times : value.times;
}

std::optional<size_t> TableEstimator::FindRow(const Architecture& architecture) const {
  const std::optional<size_t> row = table_->Find(architecture);
  if (row || !key_of_) return row;
  std::call_once(has_keys_, [this] {
    for (size_t i = 0; i < table_->rows(); ++i) {
      std::string key = key_of_(table_->architecture(i));
      if (!key.empty()) by_key_.try_emplace(std::move(key), i);
    }
  });
  const auto found = by_key_.find(key_of_(architecture));
  if (found == by_key_.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<TableEstimator::Answer> TableEstimator::Look(
    const Architecture& architecture) const {
  const std::optional<size_t> row = FindRow(architecture);
  if (!row) return absl::NotFoundError("the table has no row for this architecture");
  Answer answer;
  for (const auto& [name, value] : metrics_) {
    const double number = ValueOf(value, *row);
    if (!std::isnan(number)) answer.metrics[name].value = number;
  }
  answer.judged = judged_ ? ValueOf(*judged_, *row) : std::numeric_limits<double>::quiet_NaN();
  const double seconds = ValueOf(seconds_, *row);
  answer.seconds = seconds > 0 ? seconds : 0;
  return answer;
}

std::vector<std::string> TableEstimator::metric_names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : metrics_) names.push_back(name);
  return names;
}

}  // namespace cambrian
