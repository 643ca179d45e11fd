// A SQLite connection and its statements, with statuses instead of return codes.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cambrian {

// A prepared statement in use. Binding counts from the first `?` on, reading from the first column
// on, each call one further. Reset when it goes away. Errors of binding show when it steps.
class SqliteQuery {
 public:
  SqliteQuery(sqlite3* database, sqlite3_stmt* statement);
  ~SqliteQuery();
  SqliteQuery(const SqliteQuery&) = delete;
  SqliteQuery& operator=(const SqliteQuery&) = delete;

  SqliteQuery& Bind(int64_t value);
  SqliteQuery& Bind(std::optional<int64_t> value);
  SqliteQuery& Bind(double value);  // NaN: NULL
  // These are not copied: they live as long as the query.
  SqliteQuery& Bind(absl::string_view text);
  SqliteQuery& BindBlob(absl::string_view bytes);
  // These are.
  SqliteQuery& Bind(std::string&& text);
  SqliteQuery& BindBlob(std::string&& bytes);

  // Whether there is a row, whose first column is the next to read. \error kUnavailable
  absl::StatusOr<bool> Step();
  // Steps until there is no row.
  absl::Status Run();

  bool IsNull() const;  // the next column
  int64_t Integer();
  std::optional<int64_t> OptionalInteger();
  double Real();  // NULL: NaN
  bool Boolean() { return Integer() != 0; }
  std::string Text();
  std::string Bytes() { return Text(); }

 private:
  SqliteQuery& BindText(absl::string_view text, sqlite3_destructor_type lifetime);
  SqliteQuery& BindBytes(absl::string_view bytes, sqlite3_destructor_type lifetime);

  sqlite3* const database_;
  sqlite3_stmt* const statement_;  // null if it could not be prepared
  int parameter_ = 0;
  int column_ = 0;
};

// One connection. Not thread-safe.
class SqliteDatabase {
 public:
  // \error kUnavailable
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> Open(const std::string& path,
                                                              bool read_only);
  ~SqliteDatabase();

  // Prepared once, kept. One query of a text at a time.
  SqliteQuery Query(const char* sql);
  // Any number of statements without results.
  absl::Status Execute(const std::string& sql);
  int64_t Changes() const { return sqlite3_changes64(database_); }

 private:
  explicit SqliteDatabase(sqlite3* database) : database_(database) {}

  sqlite3* const database_;
  std::map<const char*, sqlite3_stmt*> statements_;  // by the literal's address
};

}  // namespace cambrian
