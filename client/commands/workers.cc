// cambrian workers: who trains.
#include <unistd.h>

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/commands/command.h"
#include "client/format/json.h"
#include "client/format/table.h"
#include "client/format/terminal.h"
#include "client/format/time.h"
#include "common/base/status.h"
#include "common/wire/convert.h"

namespace cambrian {
namespace {

Table ToTable(const std::vector<v1::WorkerStatus>& workers) {
  const absl::Time now = absl::Now();
  Table table;
  table.columns = {{.title = "worker"},
                   {.title = "host"},
                   {.title = "slots", .right = true},
                   {.title = "evaluators", .drop = 3},
                   {.title = "running", .drop = 1, .flexible = true},
                   {.title = "heard", .right = true, .drop = 2},
                   {.title = "version", .drop = 4}};
  for (const v1::WorkerStatus& worker : workers) {
    table.rows.push_back(
        {worker.name(), worker.host(), absl::StrCat(worker.slots()),
         absl::StrJoin(worker.evaluators(), ", "), absl::StrJoin(worker.running(), ", "),
         absl::StrCat(FormatElapsed(now - FromProto(worker.last_contact())), " ago"),
         worker.version()});
  }
  return table;
}

absl::StatusOr<ExitCode> Workers(const CommonOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options));
  ASSIGN_OR_RETURN(const std::vector<v1::WorkerStatus> workers, session->client().ListWorkers());
  switch (options.output) {
    case Output::kJson:
      for (const v1::WorkerStatus& worker : workers) std::cout << JsonLine(WorkerToJson(worker));
      break;
    case Output::kCsv: {
      std::cout << CsvLine(
          {"worker", "host", "slots", "evaluators", "running", "last_contact", "version"});
      for (const v1::WorkerStatus& w : workers) {
        std::cout << CsvLine({w.name(), w.host(), absl::StrCat(w.slots()),
                              absl::StrJoin(w.evaluators(), " "), absl::StrJoin(w.running(), " "),
                              FormatUtc(FromProto(w.last_contact())), w.version()});
      }
      break;
    }
    case Output::kTable: {
      const Terminal terminal = Terminal::Of(STDOUT_FILENO);
      if (!workers.empty()) {
        std::cout << ToTable(workers).Render(terminal.width, terminal.colour);
      } else if (!options.quiet) {
        std::cerr << "no worker; \"cambrian-worker --server ADDRESS\" starts one\n";
      }
      break;
    }
  }
  return kDone;
}

}  // namespace

void AddWorkers(CLI::App& app, Action& action) {
  auto options = std::make_shared<CommonOptions>();
  CLI::App* verb = app.add_subcommand("workers", "List the workers and what they train");
  AddCommonOptions(*verb, *options);
  verb->footer("Example:\n  cambrian workers --server 10.0.0.5:7700");
  verb->callback([options, &action] { action = [options] { return Workers(*options); }; });
}

}  // namespace cambrian
