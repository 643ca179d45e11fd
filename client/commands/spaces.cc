// cambrian spaces: search spaces, built in or from a file.
#include <unistd.h>

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/commands/command.h"
#include "client/commands/enumerate.h"
#include "client/commands/space_text.h"
#include "client/format/json.h"
#include "client/format/terminal.h"
#include "common/base/status.h"
#include "common/nas/canonical_key.h"
#include "common/spec/space_parser.h"

namespace cambrian {
namespace {

struct SpacesOptions {
  CommonOptions common;
  std::string name;
  std::vector<std::string> settings;
  bool decisions = false;
  std::string input = "3x32x32";
  int64_t classes = 10;
  std::string architecture;
  uint64_t seed = 1;
  int64_t count = 1;
  std::string file;
};

absl::StatusOr<Task> TaskOf(const SpacesOptions& options) {
  ASSIGN_OR_RETURN(const Shape input, ParseShape(options.input));
  return Task{.input = input, .classes = options.classes};
}

absl::StatusOr<ExitCode> ListSpaces(const SpacesOptions& options) {
  Table table;
  table.columns = {{.title = "space"},
                   {.title = "decisions", .right = true},
                   {.title = "architectures", .right = true}};
  for (const std::string& name : BuiltinSpaces()) {
    ASSIGN_OR_RETURN(const auto space, LoadSpace(name, {}));
    table.rows.push_back({name, absl::StrCat(space->decisions().size()), space->Size().ToString()});
    if (options.common.output != Output::kJson) continue;
    nlohmann::ordered_json json = {{"space", name}};
    json.update(SpaceToJson(*space));
    std::cout << JsonLine(json);
  }
  if (options.common.output == Output::kTable) {
    const Terminal terminal = Terminal::Of(STDOUT_FILENO);
    std::cout << table.Render(terminal.width, terminal.colour);
  } else if (options.common.output == Output::kCsv) {
    std::cout << table.Csv();
  }
  return kDone;
}

absl::StatusOr<ExitCode> ShowSpace(const SpacesOptions& options) {
  ASSIGN_OR_RETURN(const auto space, LoadSpace(options.name, options.settings));
  if (options.common.output == Output::kJson) {
    std::cout << JsonLine(SpaceToJson(*space));
  } else if (options.common.output == Output::kCsv) {
    std::cout << DecisionTable(*space).Csv();
  } else if (options.decisions) {
    const Terminal terminal = Terminal::Of(STDOUT_FILENO);
    std::cout << DecisionTable(*space).Render(terminal.width, terminal.colour);
    std::cout << "\n " << space->decisions().size() << " decisions, " << space->Size().ToString()
              << " architectures\n";
  } else {
    ASSIGN_OR_RETURN(const std::string text, SpaceText(options.name));
    std::cout << text;
  }
  return kDone;
}

absl::StatusOr<ExitCode> DrawSpace(const SpacesOptions& options) {
  ASSIGN_OR_RETURN(const auto space, LoadSpace(options.name, options.settings));
  ASSIGN_OR_RETURN(const Task task, TaskOf(options));
  Random random(options.seed);
  Architecture architecture = space->Sample(random);
  if (!options.architecture.empty()) {
    const auto json = nlohmann::json::parse(options.architecture, nullptr, false);
    ASSIGN_OR_RETURN(architecture, space->FromJson(json));
  }
  ASSIGN_OR_RETURN(const std::string svg,
                   DrawArchitecture(*space, architecture, task, options.name));
  RETURN_IF_ERROR(WriteOutput(options.file, svg));
  return kDone;
}

absl::StatusOr<ExitCode> SampleSpace(const SpacesOptions& options) {
  ASSIGN_OR_RETURN(const auto space, LoadSpace(options.name, options.settings));
  Random random(options.seed);
  const bool csv = options.common.output == Output::kCsv;
  if (csv) std::cout << CsvLine(DecisionNames(*space));
  for (int64_t i = 0; i < options.count; ++i) {
    const Architecture architecture = space->Sample(random);
    std::cout << (csv ? CsvLine(DecisionValues(*space, architecture))
                      : JsonLine(space->ToJson(architecture)));
  }
  return kDone;
}

absl::StatusOr<ExitCode> EnumerateSpace(const SpacesOptions& options) {
  ASSIGN_OR_RETURN(const auto space, LoadSpace(options.name, options.settings));
  ASSIGN_OR_RETURN(const Task task, TaskOf(options));
  RETURN_IF_ERROR(CheckEnumerable(*space));
  std::vector<std::string> header = DecisionNames(*space);
  header.insert(header.end(), {"canonical_key", "parameters", "macs"});
  std::cout << CsvLine(header);
  RETURN_IF_ERROR(Enumerate(*space, [&](const Architecture& architecture) {
    std::vector<std::string> row = DecisionValues(*space, architecture);
    const absl::StatusOr<Network> network = space->Lower(architecture, task);
    if (network.ok()) {
      row.insert(row.end(), {KeyOf(*network).ToString(), absl::StrCat(network->Parameters()),
                             absl::StrCat(network->Macs())});
    } else {
      row.insert(row.end(), {"", "", ""});  // INFEASIBLE
    }
    std::cout << CsvLine(row);
  }));
  return kDone;
}

using Function = absl::StatusOr<ExitCode> (*)(const SpacesOptions&);

// A verb below `spaces`, with its name argument and --set.
CLI::App* AddSpaceVerb(CLI::App& spaces, Action& action, const char* name, const char* what,
                       const std::shared_ptr<SpacesOptions>& options, Function function) {
  CLI::App* verb = spaces.add_subcommand(name, what);
  verb->add_option("space", options->name, "a built-in space, or a file")->required();
  verb->add_option("--set", options->settings, "a parameter of the space: channels=8")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  verb->callback([options, function, &action] {
    action = [options, function] { return function(*options); };
  });
  return verb;
}

void AddTaskOptions(CLI::App& verb, SpacesOptions& options) {
  verb.add_option("--input", options.input, "one example: channels and axes")
      ->type_name("SHAPE")
      ->capture_default_str();
  verb.add_option("--classes", options.classes, "classes to tell apart")
      ->check(CLI::Range(2, 1'000'000))
      ->type_name("N")
      ->capture_default_str();
}

void AddOutputOption(CLI::App& verb, SpacesOptions& options) {
  AddCommonOptions(verb, options.common, /*with_server=*/false);
}

}  // namespace

void AddSpaces(CLI::App& app, Action& action) {
  auto options = std::make_shared<SpacesOptions>();
  CLI::App* spaces = app.add_subcommand("spaces", "Search spaces: list, show, draw, sample");
  spaces->require_subcommand(1);

  CLI::App* list = spaces->add_subcommand("list", "List the built-in spaces");
  AddOutputOption(*list, *options);
  list->footer("Example:\n  cambrian spaces list");
  list->callback([options, &action] { action = [options] { return ListSpaces(*options); }; });

  CLI::App* show = AddSpaceVerb(*spaces, action, "show", "Print a space's file, or its decisions",
                                options, ShowSpace);
  show->add_flag("--decisions", options->decisions, "its decisions as a table");
  AddOutputOption(*show, *options);
  show->footer(
      "Examples:\n"
      "  cambrian spaces show nasbench201 > my_space.yaml\n"
      "  cambrian spaces show darts --decisions");

  CLI::App* draw = AddSpaceVerb(*spaces, action, "draw", "Draw one of a space's networks as SVG",
                                options, DrawSpace);
  draw->add_option("--architecture", options->architecture, "which: a JSON map of decisions")
      ->type_name("JSON");
  draw->add_option("--seed", options->seed, "else one drawn by this seed")->capture_default_str();
  draw->add_option("-o,--file", options->file, "write to this file instead of stdout")
      ->type_name("FILE.svg");
  AddTaskOptions(*draw, *options);
  draw->footer(
      "Examples:\n"
      "  cambrian spaces draw darts --seed 7 -o darts.svg\n"
      "  cambrian spaces draw my_space.yaml --input 1x28x28 -o network.svg");

  CLI::App* sample =
      AddSpaceVerb(*spaces, action, "sample", "Draw architectures at random", options, SampleSpace);
  sample->add_option("--count", options->count, "how many")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N")
      ->capture_default_str();
  sample->add_option("--seed", options->seed, "of the draws")->capture_default_str();
  AddOutputOption(*sample, *options);
  sample->footer("Example:\n  cambrian spaces sample mobile --count 10 --seed 3");

  CLI::App* enumerate =
      AddSpaceVerb(*spaces, action, "enumerate",
                   "Print every architecture as CSV: decisions, canonical key, parameters, MACs",
                   options, EnumerateSpace);
  AddTaskOptions(*enumerate, *options);
  enumerate->footer(
      "The key is empty where nothing gets through. Refused above a million architectures.\n"
      "Example:\n"
      "  cambrian spaces enumerate nasbench201 --set cells=5 > all.csv");
}

}  // namespace cambrian
