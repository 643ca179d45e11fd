// cambrian list: the studies of a server.
#include <unistd.h>

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
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

int64_t Finished(const v1::Study& study) {
  return study.trials() - study.queued() - study.running();
}

void PrintTable(const std::vector<v1::Study>& studies) {
  const absl::Time now = absl::Now();
  const absl::TimeZone zone = absl::LocalTimeZone();
  Table table;
  table.columns = {{.title = "study"},
                   {.title = "state"},
                   {.title = "trials", .right = true},
                   {.title = "running", .right = true, .drop = 1},
                   {.title = "infeasible", .right = true, .drop = 3},
                   {.title = "failed", .right = true, .drop = 2},
                   {.title = "elapsed", .right = true, .drop = 4},
                   {.title = "created", .right = true, .drop = 5},
                   {.title = "of", .drop = 6}};
  for (const v1::Study& study : studies) {
    table.rows.push_back({study.name(), StudyStateName(study.state()),
                          absl::StrCat(Finished(study), "/", study.trial_budget()),
                          absl::StrCat(study.running()), absl::StrCat(study.infeasible()),
                          absl::StrCat(study.failed()), FormatElapsed(FromProto(study.elapsed())),
                          FormatWhen(FromProto(study.created()), now, zone), study.parent()});
  }
  const Terminal terminal = Terminal::Of(STDOUT_FILENO);
  std::cout << table.Render(terminal.width, terminal.colour);
}

void PrintCsv(const std::vector<v1::Study>& studies) {
  std::cout << CsvLine({"study", "state", "trials", "trial_budget", "running", "succeeded",
                        "infeasible", "failed", "elapsed_seconds", "created", "parent"});
  for (const v1::Study& study : studies) {
    std::cout << CsvLine({study.name(), StudyStateName(study.state()),
                          absl::StrCat(Finished(study)), absl::StrCat(study.trial_budget()),
                          absl::StrCat(study.running()), absl::StrCat(study.succeeded()),
                          absl::StrCat(study.infeasible()), absl::StrCat(study.failed()),
                          absl::StrCat(absl::ToDoubleSeconds(FromProto(study.elapsed()))),
                          FormatUtc(FromProto(study.created())), study.parent()});
  }
}

absl::StatusOr<ExitCode> List(const CommonOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options));
  ASSIGN_OR_RETURN(const std::vector<v1::Study> studies, session->client().ListStudies());
  switch (options.output) {
    case Output::kJson:
      for (const v1::Study& study : studies) std::cout << JsonLine(StudyToJson(study));
      break;
    case Output::kCsv:
      PrintCsv(studies);
      break;
    case Output::kTable:
      if (!studies.empty()) {
        PrintTable(studies);
      } else if (!options.quiet) {
        std::cerr << "no study yet; \"cambrian run FILE\" starts one\n";
      }
      break;
  }
  return kDone;
}

}  // namespace

void AddList(CLI::App& app, Action& action) {
  auto options = std::make_shared<CommonOptions>();
  CLI::App* verb = app.add_subcommand("list", "List the studies");
  AddCommonOptions(*verb, *options);
  verb->footer(
      "Examples:\n"
      "  cambrian list\n"
      "  cambrian list --output json | jq -r 'select(.state == \"active\").name'");
  verb->callback([options, &action] { action = [options] { return List(*options); }; });
}

}  // namespace cambrian
