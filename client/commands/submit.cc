// cambrian submit: hands a study to a server and comes back at once.
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/commands/command.h"
#include "client/format/json.h"
#include "client/format/study_table.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

struct SubmitOptions {
  CommonOptions common;
  std::string file;
  std::string continue_from;
  std::vector<std::string> settings;
  std::vector<std::string> roots;
};

absl::StatusOr<ExitCode> Submit(const SubmitOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<StudySpec> spec,
                   LoadStudy(options.file, options.settings));
  if (spec == nullptr) return kWrongUsage;
  ASSIGN_OR_RETURN(const std::string text,
                   PrepareStudy(*spec, options.roots, options.common.quiet));
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options.common));
  std::string continued;
  if (!options.continue_from.empty()) {
    ASSIGN_OR_RETURN(continued, ResolveStudy(session->client(), options.continue_from));
  }
  const absl::StatusOr<v1::Study> created = session->client().CreateStudy(text, continued);
  RETURN_IF_ERROR(PlaceWarmStart(created.status(), options.file, *spec));
  const v1::Study& study = *created;
  if (options.common.output == Output::kJson) {
    std::cout << JsonLine(StudyToJson(study));
  } else if (options.common.output == Output::kCsv) {
    std::cout << StudiesCsv({study});
  } else {
    std::cout << study.name() << "\n";
  }
  if (options.common.quiet) return kDone;
  if (!spec->strategy.warm_start.empty()) {
    ASSIGN_OR_RETURN(const OpenStudy open, FindStudy(session->client(), study.name()));
    std::cerr << "first it tries " << DescribeWarmStart(open.spec->strategy.warm_start) << "\n";
  }
  if (session->cluster() != nullptr) {
    std::cerr << "it waits for a worker; \"cambrian run " << options.file << "\" goes on with it\n";
  } else {
    std::cerr << "\"cambrian watch " << study.name() << "\" shows how it goes\n";
  }
  return kDone;
}

}  // namespace

void AddSubmit(CLI::App& app, Action& action) {
  auto options = std::make_shared<SubmitOptions>();
  CLI::App* verb = app.add_subcommand("submit", "Hand a study to a server and come back at once");
  verb->add_option("file", options->file, "the study file")->required()->type_name("FILE");
  verb->add_option("--set", options->settings, "a value of the file: budget.trials=200")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  AddContinueOption(*verb, options->continue_from);
  AddDataRootOption(*verb, options->roots);
  AddCommonOptions(*verb, options->common);
  verb->footer(
      "Data that this machine does not have: state data.task and data.sha256 in the file.\n"
      "A continued study has ended; the new one begins with its trials, which count in its "
      "budget.\n"
      "Examples:\n"
      "  cambrian submit study.yaml --server 10.0.0.5:7700\n"
      "  cambrian --context lab submit study.yaml --data-root sets=/data/sets\n"
      "  cambrian submit study.yaml --continue fashion-1 --set budget.trials=200\n"
      "  cambrian submit study.yaml --set 'warm_start={study: fashion-1, best: 20}'\n"
      "  name=$(cambrian submit study.yaml --quiet)");
  verb->callback([options, &action] { action = [options] { return Submit(*options); }; });
}

}  // namespace cambrian
