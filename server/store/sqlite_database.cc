#include "server/store/sqlite_database.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"

namespace cambrian {
namespace {

constexpr int kBusyMilliseconds = 5000;

absl::Status ErrorOf(sqlite3* database) {
  return absl::UnavailableError(absl::StrCat("SQLite: ", sqlite3_errmsg(database)));
}

}  // namespace

SqliteQuery::SqliteQuery(sqlite3* database, sqlite3_stmt* statement)
    : database_(database), statement_(statement) {}

SqliteQuery::~SqliteQuery() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

SqliteQuery& SqliteQuery::Bind(int64_t value) {
  sqlite3_bind_int64(statement_, ++parameter_, value);
  return *this;
}

SqliteQuery& SqliteQuery::Bind(std::optional<int64_t> value) {
  if (value) return Bind(*value);
  sqlite3_bind_null(statement_, ++parameter_);
  return *this;
}

SqliteQuery& SqliteQuery::Bind(double value) {
  sqlite3_bind_double(statement_, ++parameter_, value);  // NaN becomes NULL
  return *this;
}

SqliteQuery& SqliteQuery::Bind(absl::string_view text) { return BindText(text, SQLITE_STATIC); }
SqliteQuery& SqliteQuery::Bind(std::string&& text) { return BindText(text, SQLITE_TRANSIENT); }
SqliteQuery& SqliteQuery::BindBlob(absl::string_view bytes) {
  return BindBytes(bytes, SQLITE_STATIC);
}
SqliteQuery& SqliteQuery::BindBlob(std::string&& bytes) {
  return BindBytes(bytes, SQLITE_TRANSIENT);
}

SqliteQuery& SqliteQuery::BindText(absl::string_view text, sqlite3_destructor_type lifetime) {
  // A null pointer would bind NULL.
  const char* data = text.empty() ? "" : text.data();
  sqlite3_bind_text64(statement_, ++parameter_, data, text.size(), lifetime, SQLITE_UTF8);
  return *this;
}

SqliteQuery& SqliteQuery::BindBytes(absl::string_view bytes, sqlite3_destructor_type lifetime) {
  const char* data = bytes.empty() ? "" : bytes.data();
  sqlite3_bind_blob64(statement_, ++parameter_, data, bytes.size(), lifetime);
  return *this;
}

absl::StatusOr<bool> SqliteQuery::Step() {
  column_ = 0;
  if (statement_ == nullptr) return ErrorOf(database_);
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return ErrorOf(database_);
}

absl::Status SqliteQuery::Run() {
  while (true) {
    const absl::StatusOr<bool> row = Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
  }
}

bool SqliteQuery::IsNull() const { return sqlite3_column_type(statement_, column_) == SQLITE_NULL; }

int64_t SqliteQuery::Integer() { return sqlite3_column_int64(statement_, column_++); }

std::optional<int64_t> SqliteQuery::OptionalInteger() {
  if (!IsNull()) return Integer();
  ++column_;
  return std::nullopt;
}

double SqliteQuery::Real() {
  if (!IsNull()) return sqlite3_column_double(statement_, column_++);
  ++column_;
  return std::numeric_limits<double>::quiet_NaN();
}

std::string SqliteQuery::Text() {
  const void* data = sqlite3_column_blob(statement_, column_);
  const int size = sqlite3_column_bytes(statement_, column_);
  ++column_;
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

absl::StatusOr<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(const std::string& path,
                                                                     bool read_only) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_NOMUTEX |
                    (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(handle));
  if (code != SQLITE_OK) {
    return absl::UnavailableError(absl::StrCat(path, ": ", sqlite3_errstr(code)));
  }
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  return database;
}

SqliteDatabase::~SqliteDatabase() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

SqliteQuery SqliteDatabase::Query(const char* sql) {
  auto [it, is_new] = statements_.try_emplace(sql, nullptr);
  if (it->second == nullptr) {
    sqlite3_prepare_v3(database_, sql, -1, SQLITE_PREPARE_PERSISTENT, &it->second, nullptr);
  }
  return SqliteQuery(database_, it->second);
}

absl::Status SqliteDatabase::Execute(const std::string& sql) {
  char* message = nullptr;
  const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, &message);
  if (code == SQLITE_OK) return absl::OkStatus();
  const absl::Status status =
      absl::UnavailableError(absl::StrCat("SQLite: ", message ? message : sqlite3_errstr(code)));
  sqlite3_free(message);
  return status;
}

}  // namespace cambrian
