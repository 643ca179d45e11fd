#include "server/store/postgres_connection.h"

#include <libpq-fe.h>

#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

// What a URL says wins over these.
constexpr std::pair<const char*, const char*> kDefaults[] = {
    {"application_name", "cambrian"}, {"connect_timeout", "5"},  // seconds
    {"client_encoding", "UTF8"},      {"keepalives_idle", "10"},    {"keepalives_interval", "5"},
    {"keepalives_count", "3"},        {"tcp_user_timeout", "20000"}  // milliseconds
};

// How many times its own limit a statement has before its connection is cut.
constexpr double kPatience = 1.5;

std::string Setting(absl::string_view name, absl::string_view value) {
  return absl::StrCat(name, "='", absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"'", "\\'"}}), "' ");
}

}  // namespace

absl::StatusOr<PostgresAddress> PostgresAddress::Parse(const std::string& url) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(url.c_str(), &error), &PQconninfoFree);
  PQfreemem(error);  // it may quote the password
  if (options == nullptr) {
    return absl::InvalidArgumentError(
        "the database's URL cannot be read: postgresql://USER@HOST:PORT/NAME; a password with "
        "special characters in it needs %-escapes");
  }
  PostgresAddress address;
  std::map<std::string, std::string> settings(std::begin(kDefaults), std::end(kDefaults));
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) settings[option->keyword] = option->val;
  }
  for (const auto& [name, value] : settings)
    absl::StrAppend(&address.conninfo, Setting(name, value));
  address.password = settings["password"];
  return address;
}

absl::StatusOr<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(
    const PostgresAddress& address, PostgresWatch& watch, absl::Duration timeout) {
  std::unique_ptr<PostgresConnection> opened(new PostgresConnection(address, watch, timeout));
  RETURN_IF_ERROR(opened->Try([&] {
    opened->connection_ = std::make_unique<pqxx::connection>(address.conninfo);
    return absl::OkStatus();
  }));
  // A plan made for all parameters is made once. A commit that was acknowledged lasts, whatever the
  // database's default is.
  RETURN_IF_ERROR(
      opened
          ->Query("SELECT set_config('statement_timeout', $1, false), "
                  "set_config('plan_cache_mode', 'force_generic_plan', false), "
                  "set_config('synchronous_commit', CASE current_setting('synchronous_commit') "
                  "WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)",
                  {absl::StrCat(absl::ToInt64Milliseconds(timeout))})
          .status());
  return opened;
}

absl::StatusOr<pqxx::result> PostgresConnection::Query(const std::string& sql,
                                                       const std::vector<std::string>& parameters,
                                                       const std::vector<std::string>& binary) {
  pqxx::result result;
  RETURN_IF_ERROR(Try([&] {
    auto [it, is_new] = prepared_.try_emplace(sql, absl::StrCat("s", prepared_.size()));
    if (is_new) connection_->prepare(it->second, sql);
    pqxx::nontransaction transaction(*connection_);
    const std::vector<pqxx::binarystring> arrays(binary.begin(), binary.end());
    result = transaction.exec_prepared(it->second, pqxx::prepare::make_dynamic_params(parameters),
                                       pqxx::prepare::make_dynamic_params(arrays));
    return absl::OkStatus();
  }));
  return result;
}

absl::Status PostgresConnection::Transaction(const std::function<absl::Status(pqxx::work&)>& work) {
  return Try([&]() -> absl::Status {
    pqxx::work transaction(*connection_);
    RETURN_IF_ERROR(work(transaction));
    transaction.commit();
    return absl::OkStatus();
  });
}

absl::Status PostgresConnection::Try(const std::function<absl::Status()>& action) {
  std::string message = "the connection is broken";
  try {
    // libpqxx would connect again by itself, without our settings.
    if (connection_ == nullptr) return action();
    if (connection_->is_open()) {
      const PostgresWatch::Guard guard(watch_, connection_->sock(), kPatience * timeout_);
      return action();
    }
  } catch (const std::exception& error) {
    message = error.what();
  }
  if (!address_.password.empty()) {
    message = absl::StrReplaceAll(message, {{address_.password, "***"}});
  }
  return absl::UnavailableError(absl::StrCat("PostgreSQL: ", absl::StripAsciiWhitespace(message)));
}

absl::string_view PostgresRow::Take() {
  const pqxx::field value = field();
  ++column_;
  return absl::string_view(value.c_str(), value.size());
}

int64_t PostgresRow::Integer() {
  int64_t value = 0;
  (void)absl::SimpleAtoi(Take(), &value);
  return value;
}

std::optional<int64_t> PostgresRow::OptionalInteger() {
  if (!IsNull()) return Integer();
  ++column_;
  return std::nullopt;
}

double PostgresRow::Real() {
  double value = std::numeric_limits<double>::quiet_NaN();
  if (!IsNull())
    (void)absl::SimpleAtod(Take(), &value);
  else
    ++column_;
  return value;
}

bool PostgresRow::Boolean() { return Take() == "t"; }

std::string PostgresRow::Text() { return std::string(Take()); }

std::string PostgresRow::Bytes() {
  const absl::string_view text = Take();  // "\x0aff"
  return text.size() < 2 ? std::string() : absl::HexStringToBytes(text.substr(2));
}

}  // namespace cambrian
