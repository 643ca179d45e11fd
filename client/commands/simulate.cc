// cambrian simulate: what the server program does with a study whose results are in a table.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/commands/command.h"
#include "client/local/child.h"

namespace cambrian {
namespace {

struct SimulateOptions {
  std::string file;
  std::vector<std::string> settings;
  std::vector<std::string> strategies;
  std::vector<int> workers = {16};
  int seeds = 100;
  std::string worker_loss;
  double replacement_seconds = 300;
  std::vector<int64_t> budgets;
  std::vector<std::string> curves;
  std::vector<std::string> roots;
  std::string output = "table";
  bool quiet = false;
};

absl::StatusOr<ExitCode> Simulate(const SimulateOptions& options) {
  std::vector<std::string> words = {"simulate"};
  const auto add = [&words](const char* flag, std::string value) {
    words.insert(words.end(), {flag, std::move(value)});
  };
  for (const std::string& setting : options.settings) add("--set", setting);
  if (!options.strategies.empty()) add("--strategies", absl::StrJoin(options.strategies, ","));
  add("--workers", absl::StrJoin(options.workers, ","));
  add("--seeds", absl::StrCat(options.seeds));
  if (!options.worker_loss.empty()) add("--worker-loss", options.worker_loss);
  add("--replacement", absl::StrCat(options.replacement_seconds));
  if (!options.budgets.empty()) add("--at", absl::StrJoin(options.budgets, ","));
  for (const std::string& curve : options.curves) add("--curve", curve);
  for (const std::string& root : options.roots) add("--data-root", root);
  add("--output", options.output);
  if (options.quiet) words.push_back("--quiet");
  add("--", options.file);  // no flag, however it begins
  return Become("cambrian-server", std::move(words));
}

void AddOptions(CLI::App& verb, SimulateOptions& options) {
  verb.add_option("file", options.file, "a study file whose estimator is a table")
      ->required()
      ->type_name("FILE");
  verb.add_option("--workers", options.workers, "how many; with commas: each in turn")
      ->delimiter(',')
      ->check(CLI::Range(1, 100'000).description(""))
      ->type_name("N,…")
      ->capture_default_str();
  verb.add_option("--seeds", options.seeds, "runs, each with another seed")
      ->check(CLI::Range(1, 1'000'000).description(""))
      ->type_name("N")
      ->capture_default_str();
  verb.add_option("--strategies", options.strategies, "these in turn instead of the file's")
      ->delimiter(',')
      ->type_name("NAME,…");
  verb.add_option("--worker-loss", options.worker_loss,
                  "share of the workers that is lost in an hour: 5%/h")
      ->type_name("SHARE/h");
  verb.add_option("--replacement", options.replacement_seconds,
                  "seconds until another stands in a lost worker's place")
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("SECONDS")
      ->capture_default_str();
  verb.add_option("--at", options.budgets, "numbers of trials to print; else 10, 30, 100 …")
      ->delimiter(',')
      ->check(CLI::PositiveNumber.description(""))
      ->type_name("N,…");
  verb.add_option("--curve", options.curves, "the whole curve as a file: its name says how")
      ->type_name("FILE.csv|FILE.svg")
      ->allow_extra_args(false);
  verb.add_option("--set", options.settings, "a value of the file: budget.trials=200")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  AddDataRootOption(verb, options.roots);
  verb.add_option("--output", options.output, "table, json or csv")
      ->check(CLI::IsMember({"table", "json", "csv"}).description(""))
      ->type_name("FORMAT")
      ->capture_default_str()
      ->group("Common");
  verb.add_flag("-q,--quiet", options.quiet, "no progress and no hints")->group("Common");
}

}  // namespace

void AddSimulate(CLI::App& app, Action& action) {
  auto options = std::make_shared<SimulateOptions>();
  CLI::App* verb = app.add_subcommand(
      "simulate", "Try strategies and worker counts in simulated time, on a table of results");
  AddOptions(*verb, *options);
  verb->footer(
      "The coordinator and the strategies are the real ones; virtual workers look results up.\n"
      "docs/simulate.md says how to get a table. Nothing is written but the curves.\n"
      "Examples:\n"
      "  cambrian simulate examples/table.yaml\n"
      "  cambrian simulate study.yaml --workers 1,16,64 --seeds 200 --curve curve.svg\n"
      "  cambrian simulate study.yaml --strategies random,regularized_evolution --at 30,100\n"
      "  cambrian simulate study.yaml --workers 64 --worker-loss 5%/h --output json");
  verb->callback([options, &action] { action = [options] { return Simulate(*options); }; });
}

}  // namespace cambrian
