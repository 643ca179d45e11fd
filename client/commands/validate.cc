// cambrian validate: what a study file says, and whether it can work.
#include <unistd.h>

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/commands/command.h"
#include "client/commands/space_text.h"
#include "client/format/busy.h"
#include "client/format/facts.h"
#include "client/format/json.h"
#include "client/format/number.h"
#include "client/format/terminal.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

struct ValidateOptions {
  CommonOptions common;
  std::string file;
  std::vector<std::string> settings;
  std::vector<std::string> roots;
  bool explain = false;
};

void PrintFindings(const SpaceReport& report) {
  const bool colour = Terminal::Of(STDERR_FILENO).colour;
  for (const std::string& warning : report.warnings) {
    std::cerr << ColourDiagnostics(absl::StrCat("warning: ", warning, "\n"), colour);
  }
  for (const std::string& error : report.errors) {
    std::cerr << ColourDiagnostics(absl::StrCat("error: ", error, "\n"), colour);
  }
}

void PrintTable(const StudySpec& study, const Task& task, const SpaceReport& report) {
  const Terminal terminal = Terminal::Of(STDOUT_FILENO);
  const SpaceSize size = study.space->Size();
  Facts facts;
  facts.Add("study", study.name);
  facts.Add("data", absl::StrCat(study.data.path, ": ", task.input.ToString(), ", ", task.classes,
                                 " classes"));
  facts.Add("space",
            absl::StrCat(study.space_name, ": ", study.space->decisions().size(), " decisions, ",
                         size.ToString(), size.infinite ? "" : " architectures"));
  facts.Add("warm start", DescribeWarmStart(study.strategy.warm_start));
  std::cout << facts.Render(STDOUT_FILENO) << "\n"
            << DecisionTable(*study.space).Render(terminal.width, terminal.colour);
  if (report.smallest) {
    std::cout << "\n" << ExtremesTable(report).Render(terminal.width, terminal.colour);
  }
  if (report.empty > 0) {
    std::cout << "\n In " << report.empty << " of " << report.draws
              << " draws nothing gets through; such trials are INFEASIBLE.\n";
  }
}

void PrintJson(const StudySpec& study, const Task& task, const SpaceReport& report) {
  nlohmann::ordered_json input = {task.input.channels};
  for (const int64_t axis : task.input.axes) input.push_back(axis);
  nlohmann::ordered_json json = {{"study", study.name},
                                 {"input", std::move(input)},
                                 {"classes", task.classes},
                                 {"space", study.space_name}};
  json.update(SpaceToJson(*study.space));
  json["smallest"] = ExtremeToJson(*study.space, report.smallest);
  json["largest"] = ExtremeToJson(*study.space, report.largest);
  json["draws"] = report.draws;
  json["draws_empty"] = report.empty;
  json["draws_broken"] = report.broken;
  json["errors"] = report.errors;
  json["warnings"] = report.warnings;
  std::cout << JsonLine(json);
}

SpaceReport Examine(const StudySpec& study, const Task& task, bool quiet) {
  const Busy busy("looking at the space's networks", !quiet);
  return ExamineSpace(*study.space, task);
}

absl::StatusOr<ExitCode> Validate(const ValidateOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<StudySpec> study,
                   LoadStudy(options.file, options.settings));
  if (study == nullptr) return kWrongUsage;
  if (options.explain) {
    std::cout << ExplainDefaults(*study);
    return kDone;
  }
  ASSIGN_OR_RETURN(const DataDescription data,
                   DescribeDataOf(*study, options.roots, options.common.quiet));
  const SpaceReport report = Examine(*study, data.task, options.common.quiet);
  switch (options.common.output) {
    case Output::kTable:
      PrintTable(*study, data.task, report);
      break;
    case Output::kJson:
      PrintJson(*study, data.task, report);
      break;
    case Output::kCsv:
      std::cout << DecisionTable(*study->space).Csv();
      break;
  }
  std::cout << std::flush;
  PrintFindings(report);
  if (!report.errors.empty()) return kWrongUsage;
  if (!report.smallest) {
    return absl::InvalidArgumentError("no network of the space lets anything through");
  }
  return kDone;
}

}  // namespace

void AddValidate(CLI::App& app, Action& action) {
  auto options = std::make_shared<ValidateOptions>();
  CLI::App* verb = app.add_subcommand(
      "validate", "Check a study file; its decisions, its smallest and largest network");
  verb->add_option("file", options->file, "the study file")->required()->type_name("FILE");
  verb->add_option("--set", options->settings, "a value of the file: budget.trials=200")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  AddDataRootOption(*verb, options->roots);
  verb->add_flag("--explain", options->explain, "print the file with every default filled in");
  AddCommonOptions(*verb, options->common, /*with_server=*/false);
  verb->footer(
      "Examples:\n"
      "  cambrian validate examples/fashion.yaml\n"
      "  cambrian validate study.yaml --explain\n"
      "  cambrian validate study.yaml --output json | jq .largest.parameters");
  verb->callback([options, &action] { action = [options] { return Validate(*options); }; });
}

}  // namespace cambrian
