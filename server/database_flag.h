// Which database, for every subcommand, without secrets on the command line.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store/interface.h"

namespace cambrian {

// What the command line says; the environment variable CAMBRIAN_DATABASE stands in for both.
struct DatabaseFlags {
  std::string database;       // --database "sqlite:PATH" or "postgresql://USER@HOST:PORT/NAME"
  std::string database_file;  // --database-file: a file that holds such a line
};

// The database's URL. A password may be in the file or in the variable, but not on the command
// line, where every user of the machine reads it; without one libpq looks into PGPASSWORD and
// ~/.pgpass. \error kInvalidArgument, which never has the URL in it if it may hold a password
absl::StatusOr<std::string> DatabaseUrl(const DatabaseFlags& flags);

bool IsPostgres(absl::string_view url);
// The URL for logs: its password, if it has one, is "***".
std::string WithoutPassword(absl::string_view url);

// \error kInvalidArgument, kUnavailable, and those of the stores
absl::StatusOr<std::unique_ptr<TrialStore>> OpenStore(const std::string& url);

}  // namespace cambrian
