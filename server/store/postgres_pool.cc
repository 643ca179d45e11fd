#include "server/store/postgres_pool.h"

namespace cambrian {

std::unique_ptr<PostgresConnection> PostgresPool::Take() {
  MutexLock lock(&mutex_);
  while (free_ == 0) freed_.Wait(&mutex_);
  --free_;
  if (idle_.empty()) return nullptr;
  std::unique_ptr<PostgresConnection> connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void PostgresPool::GiveBack(std::unique_ptr<PostgresConnection> connection) {
  MutexLock lock(&mutex_);
  ++free_;
  if (connection != nullptr && !connection->IsBroken()) {
    idle_.push_back(std::move(connection));
  } else {
    idle_.clear();  // they broke together, most likely; if not, opening them again costs little
  }
  freed_.Signal();
}

absl::StatusOr<pqxx::result> PostgresPool::Query(const std::string& sql,
                                                 const std::vector<std::string>& parameters,
                                                 const std::vector<std::string>& binary,
                                                 bool* was_broken) {
  std::unique_ptr<PostgresConnection> connection = Take();
  *was_broken = false;
  if (connection == nullptr) {
    absl::StatusOr<std::unique_ptr<PostgresConnection>> opened =
        PostgresConnection::Open(address_, watch_, timeout_);
    if (!opened.ok()) {
      GiveBack(nullptr);
      return opened.status();
    }
    connection = *std::move(opened);
  }
  absl::StatusOr<pqxx::result> result = connection->Query(sql, parameters, binary);
  *was_broken = connection->IsBroken();
  GiveBack(std::move(connection));
  return result;
}

absl::StatusOr<pqxx::result> PostgresPool::Query(const std::string& sql,
                                                 const std::vector<std::string>& parameters,
                                                 const std::vector<std::string>& binary) {
  bool was_broken = false;
  return Query(sql, parameters, binary, &was_broken);
}

absl::StatusOr<pqxx::result> PostgresPool::Read(const std::string& sql,
                                                const std::vector<std::string>& parameters) {
  bool was_broken = false;
  absl::StatusOr<pqxx::result> result = Query(sql, parameters, {}, &was_broken);
  return was_broken ? Query(sql, parameters) : result;
}

}  // namespace cambrian
