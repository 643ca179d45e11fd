// cambrian trials: all trials of a study.
#include <algorithm>
#include <iostream>
#include <memory>

#include "client/commands/command.h"
#include "common/base/status.h"
#include "common/wire/convert.h"

namespace cambrian {
namespace {

struct TrialsOptions {
  CommonOptions common;
  std::string study;
  std::string only;  // a state
};

absl::StatusOr<ExitCode> Trials(const TrialsOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options.common));
  ASSIGN_OR_RETURN(const OpenStudy study, FindStudy(session->client(), options.study));
  ASSIGN_OR_RETURN(std::vector<v1::Trial> trials,
                   session->client().ListTrials(study.summary.name()));
  if (!options.only.empty()) {
    std::erase_if(trials, [&](const v1::Trial& trial) {
      return std::string(TrialStateName(trial.state())) != options.only;
    });
  }
  PrintTrials(*study.spec, trials, options.common, /*with_state=*/true);
  return kDone;
}

}  // namespace

void AddTrials(CLI::App& app, Action& action) {
  auto options = std::make_shared<TrialsOptions>();
  CLI::App* verb = app.add_subcommand("trials", "List the trials of a study (● = on the front)");
  verb->add_option("study", options->study, "name, or its beginning; the only one if left out");
  verb->add_option("--only", options->only, "those of one state")
      ->check(CLI::IsMember({"queued", "running", "waiting", "succeeded", "pruned", "infeasible",
                             "failed", "cancelled"})
                  .description(""))
      ->type_name("STATE");
  AddCommonOptions(*verb, options->common);
  verb->footer(
      "Examples:\n"
      "  cambrian trials fashion-1\n"
      "  cambrian trials fashion-1 --only failed\n"
      "  cambrian trials fashion-1 --output csv > trials.csv");
  verb->callback([options, &action] { action = [options] { return Trials(*options); }; });
}

}  // namespace cambrian
