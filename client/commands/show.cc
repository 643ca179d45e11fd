// cambrian show: one study.
#include <unistd.h>

#include <cmath>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/commands/command.h"
#include "client/format/facts.h"
#include "client/format/json.h"
#include "client/format/number.h"
#include "client/format/study_table.h"
#include "client/format/time.h"
#include "common/base/status.h"
#include "common/wire/convert.h"

namespace cambrian {
namespace {

struct ShowOptions {
  CommonOptions common;
  std::string study;
  bool text = false;
};

std::string DescribeTrials(const v1::Study& s) {
  std::vector<std::string> parts = {
      absl::StrCat(FinishedTrials(s), " of ", s.trial_budget(), " done")};
  const auto add = [&parts](int64_t count, absl::string_view what) {
    if (count > 0) parts.push_back(absl::StrCat(count, " ", what));
  };
  add(s.running(), "running");
  add(s.queued(), "queued");
  add(s.succeeded(), "succeeded");
  add(s.known(), "of them known already");
  add(s.infeasible(), "infeasible");
  add(s.failed(), "failed");
  add(s.cancelled(), "cancelled");
  return absl::StrJoin(parts, ", ");
}

std::string DescribeObjectives(const StudySpec& spec) {
  std::vector<std::string> parts;
  for (const Objective& objective : spec.objectives) {
    parts.push_back(absl::StrCat(objective.metric, objective.maximize ? " ↑" : " ↓"));
  }
  for (const Constraint& constraint : spec.constraints) parts.push_back(constraint.ToString());
  return absl::StrJoin(parts, ", ");
}

Facts Describe(const OpenStudy& study) {
  const v1::Study& s = study.summary;
  const absl::TimeZone zone = absl::LocalTimeZone();
  const absl::Time now = absl::Now();
  Facts facts;
  facts.Add("study", s.name());
  facts.Add("state", StudyStateName(s.state()));
  facts.Add("reason", s.reason());
  facts.Add("trials", DescribeTrials(s));
  facts.Add("space",
            absl::StrCat(study.spec->space_name, ", ", study.spec->space->decisions().size(),
                         " decisions, ", study.spec->space->Size().ToString(), " architectures"));
  facts.Add("objectives", DescribeObjectives(*study.spec));
  facts.Add("strategy", study.spec->strategy.name);
  facts.Add("warm start", DescribeWarmStart(study.spec->strategy.warm_start));
  const DataSpec& data = study.spec->data;
  facts.Add("data", data.root.empty() ? data.path : absl::StrCat(data.root, ":", data.path));
  if (std::isfinite(s.hypervolume())) facts.Add("hypervolume", FormatFixed(s.hypervolume(), 4));
  facts.Add("created", FormatWhen(FromProto(s.created()), now, zone));
  if (s.has_ended()) facts.Add("ended", FormatWhen(FromProto(s.ended()), now, zone));
  facts.Add("elapsed", FormatElapsed(FromProto(s.elapsed())));
  facts.Add("device time", FormatElapsed(absl::Seconds(s.device_seconds())));
  facts.Add("tenant", s.tenant());
  facts.Add("continues", s.continues());
  facts.Add("retrains", s.parent());
  facts.Add("retrained by", s.successor());
  return facts;
}

absl::StatusOr<ExitCode> Show(const ShowOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options.common));
  ASSIGN_OR_RETURN(const OpenStudy study, FindStudy(session->client(), options.study));
  if (options.text) {
    std::cout << study.summary.text();
  } else if (options.common.output == Output::kJson) {
    std::cout << JsonLine(StudyToJson(study.summary));
  } else if (options.common.output == Output::kCsv) {
    std::cout << StudiesCsv({study.summary});
  } else {
    std::cout << Describe(study).Render(STDOUT_FILENO);
  }
  return kDone;
}

}  // namespace

void AddShow(CLI::App& app, Action& action) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* verb = app.add_subcommand("show", "Show one study");
  verb->add_option("study", options->study, "name, or its beginning; the only one if left out");
  verb->add_flag("--text", options->text, "print its complete study file instead");
  AddCommonOptions(*verb, options->common);
  verb->footer(
      "Examples:\n"
      "  cambrian show fashion-1\n"
      "  cambrian show fashion-1 --text > again.yaml");
  verb->callback([options, &action] { action = [options] { return Show(*options); }; });
}

}  // namespace cambrian
