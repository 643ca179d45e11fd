// cambrian trial show|draw|logs: one trial.
#include <unistd.h>

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "client/commands/command.h"
#include "client/commands/space_text.h"
#include "client/format/facts.h"
#include "client/format/json.h"
#include "client/format/number.h"
#include "client/format/table.h"
#include "client/format/terminal.h"
#include "client/format/text.h"
#include "client/format/time.h"
#include "client/format/trial_table.h"
#include "common/base/status.h"
#include "common/wire/convert.h"

namespace cambrian {
namespace {

constexpr int kSparkline = 40;

struct TrialOptions {
  CommonOptions common;
  std::string trial;
  std::string file;
};

// A trial with its study. The session stays open as long as it is used.
struct OpenTrial {
  std::unique_ptr<Session> session;
  OpenStudy study;
  v1::Trial trial;

  std::string Name() const { return absl::StrCat(trial.study(), "/", trial.number()); }
};

absl::StatusOr<OpenTrial> Open(const TrialOptions& options) {
  ASSIGN_OR_RETURN(const TrialName name, ParseTrialName(options.trial));
  OpenTrial open;
  ASSIGN_OR_RETURN(open.session, Session::Open(options.common));
  ASSIGN_OR_RETURN(open.study, FindStudy(open.session->client(), name.study));
  ASSIGN_OR_RETURN(open.trial,
                   open.session->client().GetTrial(open.study.summary.name(), name.number));
  return open;
}

// The values of the first objective over the epochs: "▂▅▆▇ 0.612 → 0.874".
std::string DescribeCurve(const v1::Trial& trial, const std::string& metric) {
  std::vector<double> values;
  for (const v1::Progress& progress : trial.curve()) {
    const Metrics metrics = FromProto(progress.metrics());
    const auto found = metrics.find(metric);
    if (found != metrics.end()) values.push_back(found->second.value);
  }
  if (values.empty()) return "";
  return absl::StrCat(Sparkline(values, kSparkline), " ", FormatNumber(values.front()), " → ",
                      FormatNumber(values.back()), " over ", trial.curve_size(),
                      trial.curve_size() == 1 ? " epoch" : " epochs");
}

void AddTimes(const v1::Trial& trial, Facts& facts) {
  const absl::Time now = absl::Now();
  const absl::TimeZone zone = absl::LocalTimeZone();
  if (trial.has_started()) facts.Add("started", FormatWhen(FromProto(trial.started()), now, zone));
  if (trial.has_started() && trial.has_ended()) {
    facts.Add("took", FormatTook(FromProto(trial.ended()) - FromProto(trial.started())));
  }
}

Facts Describe(const OpenTrial& open) {
  const v1::Trial& trial = open.trial;
  Facts facts;
  facts.Add("trial", open.Name());
  facts.Add("state",
            absl::StrCat(TrialStateName(trial.state()), trial.measuring() ? ", to be measured" : "",
                         trial.on_front() ? ", on the front" : ""));
  facts.Add("reason", trial.reason());
  for (const auto& [name, m] : FromProto(trial.metrics())) {
    facts.Add(name, MetricFormat(name, {m}).ValueAndSpread(m));
  }
  const std::string& metric = open.study.spec->objectives.front().metric;
  facts.Add(absl::StrCat(metric, " by epoch"), DescribeCurve(trial, metric));
  facts.Add("origin", trial.origin());
  if (trial.same_as() > 0) facts.Add("same as", absl::StrCat("trial ", trial.same_as()));
  AddTimes(trial, facts);
  facts.Add("attempts", absl::StrCat(trial.attempts()));
  facts.Add("worker", trial.worker());
  facts.Add("canonical key", trial.canonical_key());
  facts.Add("checkpoint", trial.checkpoint());
  const auto architecture = nlohmann::ordered_json::parse(trial.architecture(), nullptr, false);
  if (architecture.is_object()) {
    for (const auto& [name, value] : architecture.items()) {
      facts.Add(name, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  return facts;
}

// What became of each attempt, the oldest first.
Table HistoryTable(const v1::Trial& trial) {
  const absl::Time now = absl::Now();
  const absl::TimeZone zone = absl::LocalTimeZone();
  Table table;
  table.columns = {
      {.title = "attempt", .right = true},  {.title = "end"},
      {.title = "worker", .drop = 1},       {.title = "work", .drop = 4},
      {.title = "began", .drop = 2},        {.title = "took", .right = true, .drop = 3},
      {.title = "reason", .flexible = true}};
  for (const v1::Attempt& attempt : trial.history()) {
    table.rows.push_back(
        {absl::StrCat(attempt.token()),
         absl::StrReplaceAll(AttemptEndName(attempt.end()), {{"_", " "}}), attempt.worker(),
         attempt.measures() ? "measures" : "",
         attempt.has_started() ? FormatWhen(FromProto(attempt.started()), now, zone) : "",
         attempt.has_started() && attempt.has_ended()
             ? FormatTook(FromProto(attempt.ended()) - FromProto(attempt.started()))
             : "",
         attempt.reason()});
  }
  return table;
}

absl::StatusOr<ExitCode> ShowTrial(const TrialOptions& options) {
  ASSIGN_OR_RETURN(const OpenTrial open, Open(options));
  if (options.common.output == Output::kJson) {
    std::cout << JsonLine(TrialToJson(open.trial));
  } else if (options.common.output == Output::kCsv) {
    std::cout << TrialsCsv(*open.study.spec, {open.trial});
  } else {
    std::cout << Describe(open).Render(STDOUT_FILENO);
    if (open.trial.history().empty()) return kDone;
    const Terminal terminal = Terminal::Of(STDOUT_FILENO);
    std::cout << "\n" << HistoryTable(open.trial).Render(terminal.width, terminal.colour);
  }
  return kDone;
}

absl::StatusOr<ExitCode> DrawTrial(const TrialOptions& options) {
  ASSIGN_OR_RETURN(const OpenTrial open, Open(options));
  const StudySpec& study = *open.study.spec;
  const auto json = nlohmann::json::parse(open.trial.architecture(), nullptr, false);
  ASSIGN_OR_RETURN(const Architecture architecture, study.space->FromJson(json));
  if (!study.data.task) return absl::InternalError("the study does not say what its data hold");
  ASSIGN_OR_RETURN(const std::string svg,
                   DrawArchitecture(*study.space, architecture, *study.data.task, open.Name()));
  RETURN_IF_ERROR(WriteOutput(options.file, svg));
  if (!options.file.empty() && !options.common.quiet) {
    std::cerr << "the network of " << open.Name() << " is in " << options.file << "\n";
  }
  return kDone;
}

absl::StatusOr<ExitCode> ShowLog(const TrialOptions& options) {
  ASSIGN_OR_RETURN(const OpenTrial open, Open(options));
  ASSIGN_OR_RETURN(const std::string log,
                   open.session->client().GetTrialLog(open.trial.study(), open.trial.number()));
  if (log.empty() && !options.common.quiet) {
    std::cerr << open.Name() << " printed nothing\n";
  }
  // Programs get every byte; a terminal nothing that could steer it.
  std::cout << (isatty(STDOUT_FILENO) == 1 ? Printable(log) : log);
  return kDone;
}

using Function = absl::StatusOr<ExitCode> (*)(const TrialOptions&);

CLI::App* AddTrialVerb(CLI::App& trial, Action& action, const char* name, const char* what,
                       const std::shared_ptr<TrialOptions>& options, Function function) {
  CLI::App* verb = trial.add_subcommand(name, what);
  verb->add_option("trial", options->trial, "STUDY/NUMBER; NUMBER alone if there is one study")
      ->required();
  AddCommonOptions(*verb, options->common);
  verb->callback([options, function, &action] {
    action = [options, function] { return function(*options); };
  });
  return verb;
}

}  // namespace

void AddTrial(CLI::App& app, Action& action) {
  auto options = std::make_shared<TrialOptions>();
  CLI::App* trial = app.add_subcommand("trial", "One trial: show, draw, logs");
  trial->require_subcommand(1);
  AddTrialVerb(*trial, action, "show", "Show all that is known of a trial", options, ShowTrial)
      ->footer(
          "Attempts that were lost (nobody heard of the worker again), preempted (handed back,\n"
          "which costs nothing), crashed or failed are kept apart.\n"
          "Examples:\n"
          "  cambrian trial show fashion-1/19\n"
          "  cambrian trial show fashion-1/19 --output json | jq .curve");
  CLI::App* draw =
      AddTrialVerb(*trial, action, "draw", "Draw a trial's network as SVG", options, DrawTrial);
  draw->add_option("-o,--file", options->file, "write to this file instead of stdout")
      ->type_name("FILE.svg");
  draw->footer("Example:\n  cambrian trial draw fashion-1/19 -o network.svg");
  AddTrialVerb(*trial, action, "logs", "Print the end of what a trial's evaluator printed", options,
               ShowLog)
      ->footer("Example:\n  cambrian trial logs fashion-1/12");
}

}  // namespace cambrian
