// A batch as one SQL statement.
#pragma once

#include <string>
#include <vector>

#include "server/store/records.h"

namespace cambrian {

// Its result is one row: 1 if the epoch was the batch's and the fence `fence`, and everything was
// written; else 0, and nothing was.
struct PostgresStatement {
  std::string sql;                      // the same for batches with rows of the same tables
  std::vector<std::string> parameters;  // $1 …, as text
  std::vector<std::string> arrays;      // those after them, in PostgreSQL's binary format
};
PostgresStatement WriteStatement(const Batch& batch, int64_t fence);

}  // namespace cambrian
