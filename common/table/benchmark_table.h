// A tabular benchmark: what every architecture of a space (or many of them) came to, as a CSV file.
//
// A header line names the columns. One whose name is that of a decision, or an unambiguous tail of
// it ("edge_0_1" of "cell.edge_0_1"), is part of the key: options by their labels, sets as "0+2",
// numbers as numbers; empty where the decision does not exist. Every decision of the space has its
// column. The others are metrics: numbers, or empty where a row does not know one. A column without
// a single number (names, say) is ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/nas/architecture.h"
#include "common/nas/search_space.h"

namespace cambrian {

// Immutable and thread-safe.
class BenchmarkTable {
 public:
  // Errors say file, line, column, and what to do.
  // \error kNotFound; kInvalidArgument for a text that is no such table of the space: a decision
  // without a column, an architecture that the space does not have, one that comes twice
  static absl::StatusOr<std::shared_ptr<const BenchmarkTable>> Read(const std::string& file,
                                                                    const SearchSpace& space);
  // The same for a text; `name` stands for the file in errors.
  static absl::StatusOr<std::shared_ptr<const BenchmarkTable>> Parse(absl::string_view text,
                                                                     absl::string_view name,
                                                                     const SearchSpace& space);

  // Of the text, in hexadecimal.
  const std::string& sha256() const { return sha256_; }
  size_t rows() const { return architectures_.size(); }
  // In the file's order.
  const std::vector<std::string>& metrics() const { return metrics_; }
  const std::vector<std::string>& ignored() const { return ignored_; }
  // \error kInvalidArgument with a suggestion
  absl::StatusOr<size_t> FindMetric(absl::string_view name) const;

  const Architecture& architecture(size_t row) const { return architectures_[row]; }
  // NaN if the row does not know it.
  double Value(size_t row, size_t metric) const { return values_[row * metrics_.size() + metric]; }

  // The row of an architecture of the space; nothing if the table lacks it. Numbers of real-valued
  // decisions are compared exactly.
  std::optional<size_t> Find(const Architecture& architecture) const;

 private:
  friend class TableParser;
  struct Hash {
    size_t operator()(const Architecture& architecture) const;
  };

  BenchmarkTable() = default;

  std::string name_;
  std::string sha256_;
  std::vector<std::string> metrics_;
  std::vector<std::string> ignored_;
  std::vector<Architecture> architectures_;
  std::vector<double> values_;  // [rows, metrics]
  absl::flat_hash_map<Architecture, size_t, Hash> by_architecture_;
};

}  // namespace cambrian
