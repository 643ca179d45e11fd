// `RunQuery` on PostgreSQL.
#pragma once

#include <string>

#include "server/store/query.h"

namespace cambrian {

absl::StatusOr<QueryResult> RunPostgresQuery(const std::string& url, const std::string& sql,
                                             const QueryOptions& options);

}  // namespace cambrian
