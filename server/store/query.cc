#include "server/store/query.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "server/store/postgres_query.h"
#include "server/store/sqlite_query.h"

namespace cambrian {

absl::StatusOr<QueryResult> RunQuery(const std::string& database, const std::string& sql,
                                     const QueryOptions& options) {
  if (absl::StartsWith(database, "postgresql://") || absl::StartsWith(database, "postgres://")) {
    return RunPostgresQuery(database, sql, options);
  }
  return RunSqliteQuery(std::string(absl::StripPrefix(database, "sqlite:")), sql, options);
}

}  // namespace cambrian
