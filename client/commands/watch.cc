// cambrian watch: a study's progress until it ends.
#include "client/live/watch.h"

#include <unistd.h>

#include <iostream>
#include <memory>

#include "client/commands/command.h"
#include "client/commands/report.h"
#include "client/format/terminal.h"
#include "client/format/text.h"
#include "client/live/interrupt.h"
#include "client/live/progress.h"
#include "client/live/view.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

struct WatchVerbOptions {
  CommonOptions common;
  std::string study;
};

absl::Status WatchUntilEnd(Session& session, const WatchVerbOptions& options, OpenStudy& study) {
  const std::string name = study.summary.name();
  if (!options.common.quiet) {
    std::cerr << FitParts(RenderHeader(name, *study.spec, ""), Terminal::Of(STDERR_FILENO).width)
              << std::endl;
    const auto workers = session.client().ListWorkers();
    if (workers.ok() && workers->empty()) {
      std::cerr << "no worker is there; \"cambrian run FILE\" brings some\n";
    }
  }
  Interrupt interrupt;
  WatchOptions watch;
  watch.quiet = options.common.quiet;
  watch.json_events = options.common.output == Output::kJson;
  watch.reconnect = [&session] { return session.Reconnect(); };
  auto ended = WatchStudy(name, *study.spec, session.client_slot(), interrupt, watch);
  if (absl::IsCancelled(ended.status()) && !options.common.quiet) {
    std::cerr << name << " goes on; \"cambrian watch " << name << "\" shows it again\n";
  }
  RETURN_IF_ERROR(ended.status());
  study.summary = *std::move(ended);
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> Watch(const WatchVerbOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options.common));
  ASSIGN_OR_RETURN(OpenStudy study, FindStudy(session->client(), options.study));
  if (!IsFinished(study.summary.state())) {
    const absl::Status status = WatchUntilEnd(*session, options, study);
    if (absl::IsCancelled(status)) return kInterrupted;
    RETURN_IF_ERROR(status);
  }
  RETURN_IF_ERROR(CheckEnd(session->client(), study));
  if (options.common.output == Output::kJson) return kDone;
  ASSIGN_OR_RETURN(const auto front, PrintFront(session->client(), study, options.common));
  return front.empty() ? kNothingFeasible : kDone;
}

}  // namespace

void AddWatch(CLI::App& app, Action& action) {
  auto options = std::make_shared<WatchVerbOptions>();
  CLI::App* verb = app.add_subcommand("watch", "Watch a study until it ends, then print its front");
  verb->add_option("study", options->study, "name, or its beginning; the only one if left out");
  AddCommonOptions(*verb, options->common);
  verb->footer(
      "With --output json each event is a line on stdout. Ctrl-C ends the watching, not the "
      "study.\n"
      "Examples:\n"
      "  cambrian watch fashion-1\n"
      "  cambrian watch fashion-1 --server 10.0.0.5:7700 --output json | jq .trial.state");
  verb->callback([options, &action] { action = [options] { return Watch(*options); }; });
}

}  // namespace cambrian
