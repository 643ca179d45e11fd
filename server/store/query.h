// SQL by people, over the views that docs/results-database.md describes. Reads only.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cambrian {

// NULL, boolean (PostgreSQL only), integer, real, text. What is of another type comes as text,
// bytes as "\x" and hexadecimal digits.
using QueryValue = std::variant<std::monostate, bool, int64_t, double, std::string>;

struct QueryResult {
  std::vector<std::string> columns;
  std::vector<std::vector<QueryValue>> rows;
  bool is_truncated = false;  // there were more rows than the limit
};

struct QueryOptions {
  int64_t row_limit = 10'000;
  absl::Duration timeout = absl::Minutes(1);
};

// Runs one statement in a transaction that cannot write, under the caller's own login. `database`
// is "sqlite:PATH", a path, or a URL of PostgreSQL; a server may be using it. \error
// kInvalidArgument with what the database says of the statement, or if there are several;
// kDeadlineExceeded; kUnavailable
absl::StatusOr<QueryResult> RunQuery(const std::string& database, const std::string& sql,
                                     const QueryOptions& options = {});

}  // namespace cambrian
