// cambrian delete: removes a study that has ended.
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/commands/command.h"
#include "client/live/progress.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

struct DeleteOptions {
  CommonOptions common;
  std::string study;
  bool yes = false;
};

absl::StatusOr<ExitCode> Delete(const DeleteOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options.common));
  // The whole name, so that what is confirmed is what is done.
  ASSIGN_OR_RETURN(const std::string name, ResolveStudy(session->client(), options.study));
  ASSIGN_OR_RETURN(const v1::Study study, session->client().GetStudy(name));
  if (!IsFinished(study.state())) {
    return absl::FailedPreconditionError(absl::StrCat("study \"", study.name(),
                                                      "\" has not ended; \"cambrian cancel ",
                                                      study.name(), "\" ends it"));
  }
  RETURN_IF_ERROR(
      Confirm(absl::StrCat("This deletes study \"", study.name(), "\" with its ", study.trials(),
                           " trials, their logs and the checkpoints that only it uses"),
              options.yes));
  RETURN_IF_ERROR(session->client().DeleteStudy(study.name()));
  if (!options.common.quiet) std::cerr << study.name() << " is deleted\n";
  return kDone;
}

}  // namespace

void AddDelete(CLI::App& app, Action& action) {
  auto options = std::make_shared<DeleteOptions>();
  CLI::App* verb = app.add_subcommand("delete", "Remove a study that has ended, with its trials");
  verb->add_option("study", options->study, "name, or its beginning")->required();
  verb->add_flag("--yes", options->yes, "do not ask");
  AddCommonOptions(*verb, options->common);
  verb->footer("Example:\n  cambrian delete fashion-1 --yes");
  verb->callback([options, &action] { action = [options] { return Delete(*options); }; });
}

}  // namespace cambrian
