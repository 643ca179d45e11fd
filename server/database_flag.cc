#include "server/database_flag.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "server/store/postgres.h"
#include "server/store/sqlite.h"

namespace cambrian {
namespace {

constexpr char kForms[] = "sqlite:PATH or postgresql://USER@HOST:PORT/NAME";

// Where a URL's password is: "postgresql://user:PASSWORD@host" or "…?password=PASSWORD&…".
struct Span {
  size_t begin = 0;
  size_t length = 0;
};
Span PasswordIn(absl::string_view url) {
  if (!IsPostgres(url)) return {};
  const size_t host = url.find("://") + 3;
  const absl::string_view authority = url.substr(host, url.find_first_of("/?", host) - host);
  const size_t at = authority.rfind('@');
  const size_t colon = authority.find(':');
  if (at != absl::string_view::npos && colon < at) return {host + colon + 1, at - colon - 1};
  for (const char* name : {"?password=", "&password="}) {
    const size_t found = url.find(name);
    if (found == absl::string_view::npos) continue;
    const size_t begin = found + strlen(name);
    return {begin, url.find('&', begin) - begin};
  }
  return {};
}

absl::StatusOr<std::string> FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--database-file ", path, ": it has no line, or cannot be read"));
  }
  return std::string(absl::StripAsciiWhitespace(line));
}

absl::StatusOr<std::string> Chosen(const DatabaseFlags& flags) {
  if (!flags.database.empty() && !flags.database_file.empty()) {
    return absl::InvalidArgumentError("give --database or --database-file, not both");
  }
  if (!flags.database_file.empty()) return FirstLine(flags.database_file);
  if (PasswordIn(flags.database).length > 0) {
    return absl::InvalidArgumentError(
        "--database has a password in it, which everybody on this machine can read; put the URL "
        "into "
        "a file for --database-file or into CAMBRIAN_DATABASE, or the password into ~/.pgpass");
  }
  if (!flags.database.empty()) return flags.database;
  const char* variable = std::getenv("CAMBRIAN_DATABASE");
  if (variable != nullptr) return std::string(variable);
  return absl::InvalidArgumentError(
      absl::StrCat("--database is missing: ", kForms,
                   "; or --database-file FILE, or the variable CAMBRIAN_DATABASE"));
}

}  // namespace

bool IsPostgres(absl::string_view url) {
  return absl::StartsWith(url, "postgresql://") || absl::StartsWith(url, "postgres://");
}

std::string WithoutPassword(absl::string_view url) {
  const Span password = PasswordIn(url);
  if (password.length == 0) return std::string(url);
  std::string text(url);
  return text.replace(password.begin, std::min(password.length, text.size() - password.begin),
                      "***");
}

absl::StatusOr<std::string> DatabaseUrl(const DatabaseFlags& flags) {
  ASSIGN_OR_RETURN(std::string url, Chosen(flags));
  absl::string_view path = url;
  const bool sqlite = absl::ConsumePrefix(&path, "sqlite:") && !path.empty();
  if (!sqlite && !IsPostgres(url)) {
    return absl::InvalidArgumentError(absl::StrCat("--database is ", kForms));
  }
  return url;
}

absl::StatusOr<std::unique_ptr<TrialStore>> OpenStore(const std::string& url) {
  absl::string_view path = url;
  if (absl::ConsumePrefix(&path, "sqlite:")) return OpenSqliteStore(std::string(path));
  return OpenPostgresStore(url);
}

}  // namespace cambrian
