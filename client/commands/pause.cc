// cambrian pause, cambrian resume: a study stands still, and goes on.
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/commands/command.h"
#include "client/format/json.h"
#include "client/format/study_table.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

struct PauseOptions {
  CommonOptions common;
  std::string study;
};

using Change = absl::StatusOr<v1::Study> (StudyClient::*)(const std::string&);

absl::StatusOr<ExitCode> Apply(const PauseOptions& options, Change change) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options.common));
  ASSIGN_OR_RETURN(const std::string name, ResolveStudy(session->client(), options.study));
  ASSIGN_OR_RETURN(const v1::Study study, (session->client().*change)(name));
  if (options.common.output == Output::kJson) {
    std::cout << JsonLine(StudyToJson(study));
  } else if (options.common.output == Output::kCsv) {
    std::cout << StudiesCsv({study});
  } else if (!options.common.quiet) {
    std::cerr << study.name() << " is " << StudyStateName(study.state()) << " after "
              << FinishedTrials(study) << " of " << study.trial_budget() << " trials\n";
  }
  return kDone;
}

CLI::App* AddChange(CLI::App& app, Action& action, const char* name, const char* what,
                    Change change) {
  auto options = std::make_shared<PauseOptions>();
  CLI::App* verb = app.add_subcommand(name, what);
  verb->add_option("study", options->study, "name, or its beginning; the only one if left out");
  AddCommonOptions(*verb, options->common);
  verb->callback([options, change, &action] {
    action = [options, change] { return Apply(*options, change); };
  });
  return verb;
}

}  // namespace

void AddPause(CLI::App& app, Action& action) {
  AddChange(app, action, "pause", "Let a study stand still, until it is resumed",
            &StudyClient::PauseStudy)
      ->footer(
          "What is being trained stops with a checkpoint and goes on from there.\n"
          "Example:\n"
          "  cambrian pause fashion-1");
}

void AddResume(CLI::App& app, Action& action) {
  AddChange(app, action, "resume", "Let a paused study go on", &StudyClient::ResumeStudy)
      ->footer("Example:\n  cambrian resume fashion-1");
}

}  // namespace cambrian
