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
#include "client/format/worker_table.h"
#include "common/base/status.h"
#include "common/wire/convert.h"

namespace cambrian {
namespace {

absl::StatusOr<ExitCode> Workers(const CommonOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options));
  ASSIGN_OR_RETURN(const std::vector<v1::WorkerStatus> workers, session->client().ListWorkers());
  switch (options.output) {
    case Output::kJson:
      for (const v1::WorkerStatus& worker : workers) std::cout << JsonLine(WorkerToJson(worker));
      break;
    case Output::kCsv: {
      std::cout << CsvLine({"worker", "host", "slots", "evaluators", "running", "last_contact",
                            "version", "usable_slots", "devices", "tags", "targets"});
      for (const v1::WorkerStatus& w : workers) {
        std::cout << CsvLine({w.name(), w.host(), absl::StrCat(w.slots()),
                              absl::StrJoin(w.evaluators(), " "), absl::StrJoin(w.running(), " "),
                              FormatUtc(FromProto(w.last_contact())), w.version(),
                              absl::StrCat(w.usable_slots()), absl::StrJoin(w.devices(), " "),
                              absl::StrJoin(w.tags(), " "), absl::StrJoin(w.targets(), " ")});
      }
      break;
    }
    case Output::kTable: {
      const Terminal terminal = Terminal::Of(STDOUT_FILENO);
      if (!workers.empty()) {
        std::cout << WorkerTable(workers, absl::Now()).Render(terminal.width, terminal.colour);
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
  verb->footer(
      "Slots: in use / all; \"2/4 (3 work)\" where an evaluator does not start.\n"
      "Examples:\n"
      "  cambrian workers --server 10.0.0.5:7700\n"
      "  cambrian --context lab workers --output json | jq .running");
  verb->callback([options, &action] { action = [options] { return Workers(*options); }; });
}

}  // namespace cambrian
