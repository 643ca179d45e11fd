#include "server/store/postgres_query.h"

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/store/postgres_connection.h"

namespace cambrian {
namespace {

// How long the connection may take beyond the statement.
constexpr absl::Duration kSlack = absl::Seconds(5);

// The types that are more than text, by their numbers in PostgreSQL's catalogue.
enum class Type : pqxx::oid {
  kBoolean = 16,
  kBigint = 20,
  kSmallint = 21,
  kInteger = 23,
  kReal = 700,
  kDouble = 701,
  kNumeric = 1700,
};

QueryValue ValueOf(const pqxx::field& field) {
  if (field.is_null()) return std::monostate();
  const std::string text(field.c_str(), field.size());
  int64_t integer = 0;
  double real = 0;
  switch (static_cast<Type>(field.type())) {
    case Type::kBoolean:
      return text == "t";
    case Type::kBigint:
    case Type::kSmallint:
    case Type::kInteger:
    case Type::kNumeric:  // of a sum of integers, say
      if (absl::SimpleAtoi(text, &integer)) return integer;
      [[fallthrough]];
    case Type::kReal:
    case Type::kDouble:
      if (absl::SimpleAtod(text, &real)) return real;
  }
  return text;
}

// Whether a cursor can read the statement, which keeps what is beyond the limit at the server.
bool FitsCursor(absl::string_view sql) {
  sql = absl::StripLeadingAsciiWhitespace(sql);
  return absl::StartsWithIgnoreCase(sql, "select") || absl::StartsWithIgnoreCase(sql, "with") ||
         absl::StartsWithIgnoreCase(sql, "values") || absl::StartsWithIgnoreCase(sql, "table");
}

// Through the protocol that takes one statement only.
pqxx::result Execute(pqxx::work& transaction, const std::string& sql, int64_t row_limit) {
  transaction.exec("SET TRANSACTION READ ONLY");
  if (!FitsCursor(sql)) return transaction.exec_params(sql);
  transaction.exec_params("DECLARE answer NO SCROLL CURSOR FOR\n" + sql);
  return transaction.exec_params(absl::StrCat("FETCH ", row_limit + 1, " FROM answer"));
}

absl::Status ErrorOf(const pqxx::sql_error& error) {
  const std::string& state = error.sqlstate();
  const std::string message =
      absl::StrCat("PostgreSQL: ", absl::StripAsciiWhitespace(error.what()));
  if (state == "57014") {  // query_canceled
    return absl::DeadlineExceededError("the query took longer than its timeout");
  }
  for (const char* kind : {"0A", "21", "22", "25", "34", "42", "P0"}) {
    if (absl::StartsWith(state, kind)) return absl::InvalidArgumentError(message);
  }
  return absl::UnavailableError(message);
}

}  // namespace

absl::StatusOr<QueryResult> RunPostgresQuery(const std::string& url, const std::string& sql,
                                             const QueryOptions& options) {
  ASSIGN_OR_RETURN(const PostgresAddress address, PostgresAddress::Parse(url));
  PostgresWatch watch;
  ASSIGN_OR_RETURN(const std::unique_ptr<PostgresConnection> connection,
                   PostgresConnection::Open(address, watch, options.timeout + kSlack));
  QueryResult answer;
  RETURN_IF_ERROR(connection->Transaction([&](pqxx::work& transaction) -> absl::Status {
    pqxx::result result;
    try {
      transaction.exec(
          absl::StrCat("SET LOCAL statement_timeout = ",
                       std::max<int64_t>(1, absl::ToInt64Milliseconds(options.timeout))));
      result = Execute(transaction, sql, options.row_limit);
    } catch (const pqxx::sql_error& error) {
      return ErrorOf(error);
    }
    for (pqxx::row::size_type i = 0; i < result.columns(); ++i) {
      answer.columns.push_back(result.column_name(i));
    }
    for (const pqxx::row& row : result) {
      if (static_cast<int64_t>(answer.rows.size()) >= options.row_limit) {
        answer.is_truncated = true;
        break;
      }
      std::vector<QueryValue>& values = answer.rows.emplace_back();
      for (const pqxx::field& field : row) values.push_back(ValueOf(field));
    }
    return absl::OkStatus();
  }));
  return answer;
}

}  // namespace cambrian
