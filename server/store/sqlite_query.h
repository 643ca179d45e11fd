// `RunQuery` on SQLite.
#pragma once

#include <string>

#include "server/store/query.h"

namespace cambrian {

absl::StatusOr<QueryResult> RunSqliteQuery(const std::string& path, const std::string& sql,
                                           const QueryOptions& options);

}  // namespace cambrian
