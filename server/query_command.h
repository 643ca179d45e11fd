// `cambrian-server query`: SQL over the results, printed.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

namespace cambrian {

struct QueryFlags {
  std::string sql;
  std::string output = "table";  // "table", "json": an object a line, "csv": RFC 4180 with a header
  int64_t row_limit = 10'000;
  double timeout_seconds = 60;
};

// Prints the answer of the database at `url` (as `DatabaseUrl` gives it) on `out`, and on `err`
// what is wrong, or that there are more rows than the limit. Returns the program's exit code: 2 if
// the caller's words are wrong, 1 for another error.
int QueryCommand(const std::string& url, const QueryFlags& flags, std::ostream& out,
                 std::ostream& err);

}  // namespace cambrian
