// The connections of a store to its database.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "server/store/postgres_connection.h"

namespace cambrian {

// Thread-safe. Each connection serves one thread at a time; a broken one is forgotten, and another
// opened where one is needed.
class PostgresPool {
 public:
  // `timeout`: of one statement.
  PostgresPool(PostgresAddress address, PostgresWatch& watch, int limit, absl::Duration timeout)
      : address_(std::move(address)), watch_(watch), timeout_(timeout), free_(limit) {}

  // Runs one statement on a connection of the pool (parameters as `PostgresConnection::Query` has
  // them). Waits while all are in use. \error kUnavailable
  absl::StatusOr<pqxx::result> Query(const std::string& sql,
                                     const std::vector<std::string>& parameters,
                                     const std::vector<std::string>& binary = {});
  // As `Query`, of a statement that only reads: once more on a new connection if the first turned
  // out to be broken, as all are after the database was away.
  absl::StatusOr<pqxx::result> Read(const std::string& sql,
                                    const std::vector<std::string>& parameters);

 private:
  // With the connection's state after `Query`.
  absl::StatusOr<pqxx::result> Query(const std::string& sql,
                                     const std::vector<std::string>& parameters,
                                     const std::vector<std::string>& binary, bool* was_broken);
  std::unique_ptr<PostgresConnection> Take();
  void GiveBack(std::unique_ptr<PostgresConnection> connection);

  const PostgresAddress address_;
  PostgresWatch& watch_;
  const absl::Duration timeout_;
  Mutex mutex_;
  CondVar freed_;
  int free_ ABSL_GUARDED_BY(mutex_);  // how many more threads may take one
  std::vector<std::unique_ptr<PostgresConnection>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cambrian
