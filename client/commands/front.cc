#include <iostream>
#include <memory>

#include "client/commands/command.h"
#include "client/commands/report.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

struct FrontOptions {
  CommonOptions common;
  std::string study;
};

absl::StatusOr<ExitCode> Front(const FrontOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options.common));
  ASSIGN_OR_RETURN(const OpenStudy study, FindStudy(session->client(), options.study));
  ASSIGN_OR_RETURN(const auto front, PrintFront(session->client(), study, options.common));
  const bool ended = study.summary.state() == v1::COMPLETED;
  return front.empty() && ended ? kNothingFeasible : kDone;
}

}  // namespace

void AddFront(CLI::App& app, Action& action) {
  auto options = std::make_shared<FrontOptions>();
  CLI::App* verb = app.add_subcommand("front", "Print the best trade-offs of a study");
  verb->add_option("study", options->study, "name, or its beginning; the only one if left out");
  AddCommonOptions(*verb, options->common);
  verb->footer(
      "Examples:\n"
      "  cambrian front fashion-1\n"
      "  cambrian front fashion-1 --output json | jq .metrics.accuracy.value\n"
      "  cambrian front --output csv > front.csv");
  verb->callback([options, &action] { action = [options] { return Front(*options); }; });
}

}  // namespace cambrian
