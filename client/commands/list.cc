// cambrian list: the studies of a server.
#include <unistd.h>

#include <iostream>
#include <memory>

#include "absl/time/clock.h"
#include "client/commands/command.h"
#include "client/format/json.h"
#include "client/format/study_table.h"
#include "client/format/terminal.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

absl::StatusOr<ExitCode> List(const CommonOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options));
  ASSIGN_OR_RETURN(const std::vector<v1::Study> studies, session->client().ListStudies());
  switch (options.output) {
    case Output::kJson:
      for (const v1::Study& study : studies) std::cout << JsonLine(StudyToJson(study));
      break;
    case Output::kCsv:
      std::cout << StudiesCsv(studies);
      break;
    case Output::kTable:
      if (!studies.empty()) {
        const Terminal terminal = Terminal::Of(STDOUT_FILENO);
        std::cout << StudyTable(studies, absl::Now(), absl::LocalTimeZone())
                         .Render(terminal.width, terminal.colour);
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
