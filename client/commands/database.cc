// cambrian query, cambrian replay: what the server program does with a database.
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/commands/command.h"
#include "client/local/child.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

constexpr char kServer[] = "cambrian-server";

struct DatabaseOptions {
  std::string state = DefaultStateFolder();
  std::string database;
  std::string output = "table";
  std::string argument;  // the statement, or the study
};

// "sqlite:PATH" of the state folder, which has to be there: asking makes nothing.
absl::StatusOr<std::string> LocalDatabase(const std::string& state) {
  std::error_code error;
  const std::string path = std::filesystem::absolute(state, error).string() + "/cambrian.db";
  if (!std::filesystem::exists(path, error)) {
    return absl::NotFoundError(
        absl::StrCat("there are no results in ", state, " yet; name a database with --database"));
  }
  return absl::StrCat("sqlite:", path);
}

absl::StatusOr<ExitCode> Start(const char* verb, const DatabaseOptions& options) {
  std::string database = options.database;
  if (database.empty()) {
    ASSIGN_OR_RETURN(database, LocalDatabase(options.state));
  }
  std::vector<std::string> words = {verb};
  // What came from the variable stays there: it may have a password, which no command line shows.
  const char* variable = std::getenv("CAMBRIAN_DATABASE");
  if (variable == nullptr || database != variable) {
    words.insert(words.end(), {"--database", database});
  }
  if (std::strcmp(verb, "query") == 0) {
    words.insert(words.end(), {"--output", options.output});
  }
  // What follows is no flag, however it begins.
  words.insert(words.end(), {"--", options.argument});
  return Become(kServer, std::move(words));
}

void AddDatabaseOptions(CLI::App& verb, DatabaseOptions& options) {
  verb.add_option("--database", options.database,
                  "sqlite:PATH or postgresql://…; else that of the state folder")
      ->type_name("DATABASE")
      ->envname("CAMBRIAN_DATABASE");
  verb.add_option("--state", options.state, "folder of this machine's server")
      ->type_name("DIR")
      ->capture_default_str()
      ->group("Common");
}

}  // namespace

void AddQuery(CLI::App& app, Action& action) {
  auto options = std::make_shared<DatabaseOptions>();
  CLI::App* verb = app.add_subcommand("query", "Ask a database of results in SQL; changes nothing");
  verb->add_option("sql", options->argument, "a statement")->required()->type_name("SQL");
  verb->add_option("--output", options->output, "table, json or csv")
      ->check(CLI::IsMember({"table", "json", "csv"}).description(""))
      ->type_name("FORMAT")
      ->group("Common");
  AddDatabaseOptions(*verb, *options);
  verb->footer(
      "docs/results-database.md describes the views. A PostgreSQL password belongs into\n"
      "~/.pgpass or PGPASSFILE, not on the command line.\n"
      "Examples:\n"
      "  cambrian query \"SELECT name, state, trials FROM study_summary\"\n"
      "  cambrian query --database postgresql://db.example.org/cambrian --output csv \\\n"
      "      \"SELECT trial, accuracy FROM trial_summary WHERE study = 'fashion-1'\"");
  verb->callback([options, &action] { action = [options] { return Start("query", *options); }; });
}

void AddReplay(CLI::App& app, Action& action) {
  auto options = std::make_shared<DatabaseOptions>();
  CLI::App* verb = app.add_subcommand(
      "replay", "Tell a fresh strategy what it heard, and compare every proposal");
  verb->add_option("study", options->argument, "its name")->required();
  AddDatabaseOptions(*verb, *options);
  verb->footer(
      "Exit code 0: every proposal came out as it is stored; 1: one did not, or it failed.\n"
      "Examples:\n"
      "  cambrian replay fashion-1\n"
      "  cambrian replay fashion-1 --database sqlite:/srv/cambrian/cambrian.db");
  verb->callback([options, &action] { action = [options] { return Start("replay", *options); }; });
}

}  // namespace cambrian
