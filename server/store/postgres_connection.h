// A PostgreSQL connection, with statuses instead of libpqxx's exceptions: the one seam.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/store/postgres_watch.h"

namespace cambrian {

// Where a database is and how to get in, read from a URL.
struct PostgresAddress {
  // \error kInvalidArgument, without the URL, which may hold a password
  static absl::StatusOr<PostgresAddress> Parse(const std::string& url);

  std::string conninfo;  // with limits on how long connecting and a dead peer may take
  std::string password;  // what messages must not have in them; may be empty
};

// One connection; for one thread at a time. All its errors are kUnavailable and say what the
// database said.
class PostgresConnection {
 public:
  // A statement that takes longer than `timeout` fails; a connection on which the database does not
  // even say so is cut soon after.
  static absl::StatusOr<std::unique_ptr<PostgresConnection>> Open(const PostgresAddress& address,
                                                                  PostgresWatch& watch,
                                                                  absl::Duration timeout);

  // Runs one statement by itself, prepared once and kept. Its parameters are text, and `binary`
  // ones after them in PostgreSQL's binary format; none is NULL.
  absl::StatusOr<pqxx::result> Query(const std::string& sql,
                                     const std::vector<std::string>& parameters,
                                     const std::vector<std::string>& binary = {});
  // Runs `work` in a transaction, and commits it if the result is OK.
  absl::Status Transaction(const std::function<absl::Status(pqxx::work&)>& work);

  // Whether it can be used no more.
  bool IsBroken() const { return !connection_->is_open(); }

 private:
  PostgresConnection(const PostgresAddress& address, PostgresWatch& watch, absl::Duration timeout)
      : address_(address), watch_(watch), timeout_(timeout) {}
  absl::Status Try(const std::function<absl::Status()>& action);

  const PostgresAddress address_;
  PostgresWatch& watch_;
  const absl::Duration timeout_;
  std::unique_ptr<pqxx::connection> connection_;
  std::map<std::string, std::string> prepared_;  // statement → name
};

// The rows of a result, one after the other; columns are read in order, each call one further.
class PostgresRow {
 public:
  explicit PostgresRow(const pqxx::result& result) : result_(result) {}

  bool Next() {
    column_ = 0;
    return ++row_ < static_cast<int64_t>(result_.size());
  }
  bool IsNull() const { return field().is_null(); }
  int64_t Integer();
  std::optional<int64_t> OptionalInteger();
  double Real();  // NULL: NaN
  bool Boolean();
  std::string Text();
  std::string Bytes();

 private:
  pqxx::field field() const {
    return result_[static_cast<pqxx::result::size_type>(row_)]
                  [static_cast<pqxx::row::size_type>(column_)];
  }
  absl::string_view Take();

  const pqxx::result& result_;
  int64_t row_ = -1;
  int column_ = 0;
};

}  // namespace cambrian
