#include "server/store/sqlite_query.h"

#include <sqlite3.h>

#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/clock.h"

namespace cambrian {
namespace {

using Database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;
using Statement = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;

constexpr int kStepsBetweenLooks = 10'000;
constexpr int kBusyMilliseconds = 5000;

// Nothing but reading: no other file, no setting, no extension. `denied` says that there was more;
// SQLite's own code for that is not always the same.
int Authorize(void* denied, int action, const char*, const char*, const char*, const char*) {
  if (action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_FUNCTION ||
      action == SQLITE_RECURSIVE) {
    return SQLITE_OK;
  }
  *static_cast<bool*>(denied) = true;
  return SQLITE_DENY;
}

absl::Status ErrorOf(sqlite3* database, int code) {
  const std::string message = absl::StrCat("SQLite: ", sqlite3_errmsg(database));
  switch (code & 0xFF) {
    case SQLITE_INTERRUPT:
      return absl::DeadlineExceededError("the query took longer than its timeout");
    case SQLITE_ERROR:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
      return absl::InvalidArgumentError(message);
    default:
      return absl::UnavailableError(message);
  }
}

absl::StatusOr<Statement> Prepare(sqlite3* database, const std::string& sql) {
  sqlite3_stmt* handle = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v2(database, sql.c_str(), -1, &handle, &rest);
  Statement statement(handle, &sqlite3_finalize);
  if (code != SQLITE_OK) return ErrorOf(database, code);
  if (statement == nullptr) return absl::InvalidArgumentError("there is no statement");
  // What remains may be a comment, but not another statement.
  while (*rest != '\0') {
    const char* const before = rest;
    sqlite3_stmt* second = nullptr;
    const int second_code = sqlite3_prepare_v2(database, before, -1, &second, &rest);
    const Statement owned(second, &sqlite3_finalize);
    if (second_code != SQLITE_OK || second != nullptr) {
      return absl::InvalidArgumentError("only one statement at a time");
    }
    if (rest == before) break;
  }
  return statement;
}

QueryValue ValueOf(sqlite3_stmt* row, int column) {
  switch (sqlite3_column_type(row, column)) {
    case SQLITE_NULL:
      return std::monostate();
    case SQLITE_INTEGER:
      return int64_t{sqlite3_column_int64(row, column)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(row, column);
  }
  const bool is_blob = sqlite3_column_type(row, column) == SQLITE_BLOB;
  const char* bytes = static_cast<const char*>(sqlite3_column_blob(row, column));
  const std::string text(bytes == nullptr ? "" : bytes, sqlite3_column_bytes(row, column));
  return is_blob ? absl::StrCat("\\x", absl::BytesToHexString(text)) : text;
}

}  // namespace

absl::StatusOr<QueryResult> RunSqliteQuery(const std::string& path, const std::string& sql,
                                           const QueryOptions& options) {
  sqlite3* handle = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READONLY, nullptr);
  const Database database(handle, &sqlite3_close);
  if (code != SQLITE_OK) {
    return absl::UnavailableError(absl::StrCat(path, ": ", sqlite3_errstr(code)));
  }
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  sqlite3_exec(handle, "PRAGMA query_only = ON", nullptr, nullptr, nullptr);
  bool denied = false;
  sqlite3_set_authorizer(handle, &Authorize, &denied);
  absl::Duration deadline = Clock::System().Monotonic() + options.timeout;
  sqlite3_progress_handler(
      handle, kStepsBetweenLooks,
      [](void* end) {
        return Clock::System().Monotonic() > *static_cast<absl::Duration*>(end) ? 1 : 0;
      },
      &deadline);

  absl::StatusOr<Statement> prepared = Prepare(handle, sql);
  if (denied) return absl::InvalidArgumentError("a query can only read");
  if (!prepared.ok()) return prepared.status();
  sqlite3_stmt* const row = prepared->get();
  QueryResult result;
  const int columns = sqlite3_column_count(row);
  for (int i = 0; i < columns; ++i) result.columns.push_back(sqlite3_column_name(row, i));
  while ((code = sqlite3_step(row)) == SQLITE_ROW) {
    if (static_cast<int64_t>(result.rows.size()) >= options.row_limit) {
      result.is_truncated = true;
      return result;
    }
    std::vector<QueryValue>& values = result.rows.emplace_back();
    for (int i = 0; i < columns; ++i) values.push_back(ValueOf(row, i));
  }
  if (code != SQLITE_DONE) return ErrorOf(handle, code);
  return result;
}

}  // namespace cambrian
