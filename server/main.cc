// cambrian-server: flags and subcommands.
#include <cstdio>
#include <iostream>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/synchronization/mutex.h"
#include "common/base/version.h"
#include "server/query_command.h"
#include "server/replay_command.h"
#include "server/rpc/tokens.h"
#include "server/serve.h"
#include "server/simulate_command.h"

namespace cambrian {
namespace {

constexpr char kExamples[] = R"(Examples:
  cambrian-server --listen 127.0.0.1:7700 --database sqlite:cambrian.db --artifacts artifacts
  cambrian-server --listen unix:/run/user/1000/cambrian.sock --database sqlite:cambrian.db --artifacts artifacts
  cambrian-server --listen 0.0.0.0:7700 --database-file database --artifacts artifacts \\
      --tls-cert server.pem --tls-key server.key --tokens tokens
  cambrian-server token --role submit --tenant vision --name ada >> tokens
Port 0 picks a free port. When ready it prints "listening on ADDRESS", a line for each --listen.)";

struct TokenFlags {
  std::string roles;
  std::string tenant;
  std::string name;
};

void AddServeOptions(CLI::App& app, ServeFlags& flags) {
  app.add_option("--listen", flags.listen, "unix:PATH or HOST:PORT; may be repeated");
  app.add_option("--artifacts", flags.artifacts, "Folder for checkpoints");
  app.add_option("--http", flags.http, "HOST:PORT of /metrics and /healthz");
  app.add_option("--lease-term", flags.lease_seconds,
                 "Seconds of silence after which a worker has lost its work")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  app.add_option("--parent-pipe", flags.parent_pipe,
                 "A descriptor: end when its other end is closed");
  app.add_option("--log-format", flags.log_format, "text or json")->capture_default_str();
  app.add_option("--log-level", flags.log_level, "debug, info, warn or error")
      ->capture_default_str();
}

void AddDatabaseOptions(CLI::App& app, DatabaseFlags& flags) {
  app.add_option("--database", flags.database,
                 "sqlite:PATH or postgresql://USER@HOST:PORT/NAME, without a password");
  app.add_option(
      "--database-file", flags.database_file,
      "A file that holds the same, with a password if need be (or set CAMBRIAN_DATABASE)");
}

void AddDoorOptions(CLI::App& app, ServeFlags& flags) {
  app.add_option("--tls-cert", flags.tls.certificate, "The server's certificate (PEM)");
  app.add_option("--tls-key", flags.tls.key, "Its private key (PEM)");
  app.add_option("--tls-client-ca", flags.tls.client_ca,
                 "Who signs clients' certificates (PEM): others do not get in");
  app.add_option("--tls-refresh", flags.tls.refresh_seconds,
                 "How often these files are looked at, in seconds")
      ->check(CLI::Range(1U, 86400U))
      ->capture_default_str();
  app.add_option("--tokens", flags.tokens, "A file of tokens (see `cambrian-server token`)");
  app.add_flag("--insecure", flags.insecure,
               "Allow addresses that other machines can reach without TLS and tokens");
}

void AddLimitOptions(CLI::App& app, Limits& limits) {
  app.add_option("--max-trials", limits.trials, "Trials of a study")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--max-open-studies", limits.open_studies, "Studies of a tenant that run at once")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--max-artifact-bytes", limits.artifact_bytes, "Size of an artifact")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--max-rate", limits.calls_per_second, "Calls a second of one token; 0: no limit")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

CLI::App* AddQuery(CLI::App& app, DatabaseFlags& database, QueryFlags& flags) {
  CLI::App* query =
      app.add_subcommand("query", "Asks a database of results in SQL; changes nothing");
  query->add_option("sql", flags.sql, "A statement")->required();
  query->add_option("--output", flags.output, "table, json or csv")->capture_default_str();
  query->add_option("--limit", flags.row_limit, "At most so many rows")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  query->add_option("--timeout", flags.timeout_seconds, "Seconds that it may take")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  AddDatabaseOptions(*query, database);
  return query;
}

CLI::App* AddReplay(CLI::App& app, DatabaseFlags& database, std::string& study) {
  CLI::App* replay = app.add_subcommand(
      "replay", "Tells a fresh strategy what a study's heard, and compares every proposal");
  replay->add_option("study", study, "Its whole name")->required();
  AddDatabaseOptions(*replay, database);
  return replay;
}

CLI::App* AddSimulate(CLI::App& app, SimulateFlags& flags) {
  CLI::App* simulate = app.add_subcommand(
      "simulate", "Runs a study whose estimator is a table in simulated time, many times");
  simulate->add_option("file", flags.file, "The study file")->required();
  simulate->add_option("--set", flags.settings, "A value of the file: budget.trials=200")
      ->allow_extra_args(false);
  simulate->add_option("--strategies", flags.strategies, "Instead of the file's, with commas")
      ->delimiter(',');
  simulate->add_option("--workers", flags.workers, "How many; several, with commas: each in turn")
      ->delimiter(',')
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  simulate->add_option("--seeds", flags.seeds, "Runs")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  simulate->add_option("--worker-loss", flags.worker_loss,
                       "The share of workers that is lost in an hour: 5%/h");
  simulate
      ->add_option("--replacement", flags.replacement_seconds,
                   "Seconds until another stands in a lost worker's place")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  simulate->add_option("--at", flags.budgets, "Trials after which searches are looked at")
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  simulate->add_option("--output", flags.output, "table, json or csv")->capture_default_str();
  simulate->add_option("--curve", flags.curves, "A file for the curve: FILE.csv, FILE.svg")
      ->allow_extra_args(false);
  simulate->add_option("--data-root", flags.data_roots, "NAME=PATH: where the study's root is")
      ->allow_extra_args(false);
  simulate->add_option("--threads", flags.threads, "Runs at a time; 0: one a core")
      ->check(CLI::NonNegativeNumber);
  simulate->add_flag("--quiet", flags.quiet, "No progress, no warnings");
  return simulate;
}

// The token goes to stderr, for whoever is to have it; the line to stdout, for the file.
absl::Status PrintToken(const TokenFlags& flags) {
  const absl::StatusOr<NewToken> token = MakeToken(flags.roles, flags.tenant, flags.name);
  if (!token.ok()) return token.status();
  fprintf(stderr, "the token, which is shown only now: %s\n", token->token.c_str());
  printf("%s\n", token->line.c_str());
  return absl::OkStatus();
}

int ExitCode(const absl::Status& status) {
  if (status.ok()) return 0;
  fprintf(stderr, "error: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? 2 : 1;
}

int Query(const DatabaseFlags& database, const QueryFlags& flags) {
  const absl::StatusOr<std::string> url = DatabaseUrl(database);
  if (url.ok()) return QueryCommand(*url, flags, std::cout, std::cerr);
  return ExitCode(url.status());
}

int Replay(const DatabaseFlags& database, const std::string& study) {
  const absl::StatusOr<std::string> url = DatabaseUrl(database);
  return url.ok() ? ReplayCommand(*url, study) : ExitCode(url.status());
}

}  // namespace
}  // namespace cambrian

int main(int argc, char** argv) {
  // Debian's Abseil looks for deadlocks at every lock, gRPC's too: a twentieth of the server's
  // time.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  cambrian::ServeFlags serve;
  cambrian::TokenFlags token;
  cambrian::DatabaseFlags asked;
  cambrian::QueryFlags question;
  std::string study;
  cambrian::SimulateFlags simulation;
  CLI::App app(
      "The coordinator of Cambrian: holds studies, proposes trials, grants them to workers.",
      "cambrian-server");
  app.footer(cambrian::kExamples);
  app.set_version_flag("--version", std::string("cambrian-server ") + cambrian::kVersion);
  app.require_subcommand(0, 1);
  cambrian::AddServeOptions(app, serve);
  cambrian::AddDatabaseOptions(app, serve.database);
  cambrian::AddDoorOptions(app, serve);
  cambrian::AddLimitOptions(app, serve.limits);
  CLI::App* make_token = app.add_subcommand(
      "token", "Makes a token: prints it to stderr, and its line for --tokens to stdout");
  make_token->add_option("--role", token.roles, "read, submit, work, admin; several with commas")
      ->required();
  make_token->add_option("--tenant", token.tenant, "Whose studies it is for; \"*\": everybody's")
      ->required();
  make_token->add_option("--name", token.name, "Of whoever gets it, for logs")->required();
  CLI::App* query = cambrian::AddQuery(app, asked, question);
  CLI::App* replay = cambrian::AddReplay(app, asked, study);
  CLI::App* simulate = cambrian::AddSimulate(app, simulation);
  CLI11_PARSE(app, argc, argv);
  if (query->parsed()) return cambrian::Query(asked, question);
  if (replay->parsed()) return cambrian::Replay(asked, study);
  if (simulate->parsed()) return cambrian::SimulateCommand(simulation, std::cout, std::cerr);
  if (make_token->parsed()) return cambrian::ExitCode(cambrian::PrintToken(token));
  return cambrian::ExitCode(cambrian::Serve(serve));
}
