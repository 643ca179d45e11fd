// Evaluates architectures by looking them up.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/nas/architecture.h"
#include "common/nas/objective.h"
#include "common/table/benchmark_table.h"
#include "common/table/table_spec.h"

namespace cambrian {

// Immutable and thread-safe.
class TableEstimator {
 public:
  // Equal for architectures that are the same work. Thread-safe.
  using KeyOf = std::function<std::string(const Architecture& architecture)>;

  // \error kInvalidArgument for a column that the table lacks, with a suggestion
  //
  // With `key_of`, an architecture that has no row is looked up by its key: a row of the same key
  // stands for it. An empty key is nobody's.
  static absl::StatusOr<std::shared_ptr<const TableEstimator>> Make(
      std::shared_ptr<const BenchmarkTable> table, const TableSpec& spec, KeyOf key_of = nullptr);

  struct Answer {
    Metrics metrics;     // those that the row knows
    double judged = 0;   // NaN: the row does not know it, or there is no judge
    double seconds = 1;  // that the evaluation would have taken
  };
  // \error kNotFound: the table has no such row
  absl::StatusOr<Answer> Look(const Architecture& architecture) const;

  const BenchmarkTable& table() const { return *table_; }
  // Of what trials report.
  std::vector<std::string> metric_names() const;
  // The judge's column; empty: there is no judge.
  const std::string& judge() const { return judge_; }

 private:
  // A column's position, or none, and a factor.
  struct Value {
    std::optional<size_t> column;
    double times = 1;
  };

  TableEstimator() = default;
  absl::StatusOr<Value> Resolve(const TableValue& value) const;
  double ValueOf(const Value& value, size_t row) const;
  std::optional<size_t> FindRow(const Architecture& architecture) const;

  std::shared_ptr<const BenchmarkTable> table_;
  std::vector<std::pair<std::string, Value>> metrics_;
  std::optional<Value> judged_;
  std::string judge_;
  Value seconds_;
  KeyOf key_of_;
  // Made when it is first needed: a complete table never needs it.
  mutable std::once_flag has_keys_;
  mutable absl::flat_hash_map<std::string, size_t> by_key_;  // the first row of each
};

}  // namespace cambrian
