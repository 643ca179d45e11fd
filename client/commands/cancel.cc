// cambrian cancel: ends an active study.
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/commands/command.h"
#include "client/format/json.h"
#include "client/format/study_table.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

struct CancelOptions {
  CommonOptions common;
  std::string study;
  bool yes = false;
};

absl::StatusOr<ExitCode> Cancel(const CancelOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options.common));
  // The whole name, so that what is confirmed is what is done.
  ASSIGN_OR_RETURN(const std::string name, ResolveStudy(session->client(), options.study));
  ASSIGN_OR_RETURN(const v1::Study study, session->client().GetStudy(name));
  if (study.state() != v1::ACTIVE && study.state() != v1::PAUSED) {
    return absl::FailedPreconditionError(
        absl::StrCat("study \"", study.name(), "\" has ended: ", StudyStateName(study.state())));
  }
  RETURN_IF_ERROR(
      Confirm(absl::StrCat("This ends study \"", study.name(), "\" for good after ",
                           FinishedTrials(study), " of ", study.trial_budget(), " trials; ",
                           study.running(), " in progress are lost, results stay"),
              options.yes));
  ASSIGN_OR_RETURN(const v1::Study after, session->client().CancelStudy(study.name()));
  if (options.common.output == Output::kJson) {
    std::cout << JsonLine(StudyToJson(after));
  } else if (!options.common.quiet) {
    std::cerr << after.name() << " is cancelled\n";
  }
  return kDone;
}

}  // namespace

void AddCancel(CLI::App& app, Action& action) {
  auto options = std::make_shared<CancelOptions>();
  CLI::App* verb = app.add_subcommand("cancel", "End a study for good; its results stay");
  verb->add_option("study", options->study, "name, or its beginning")->required();
  verb->add_flag("--yes", options->yes, "do not ask");
  AddCommonOptions(*verb, options->common);
  verb->footer(
      "\"cambrian pause\" lets it stand still instead; a run continues after Ctrl-C.\n"
      "Example:\n"
      "  cambrian cancel fashion-1 --yes");
  verb->callback([options, &action] { action = [options] { return Cancel(*options); }; });
}

}  // namespace cambrian
