#include "tests/benchmark/search_quality/flags.h"

namespace cambrian {

void AddFlags(CLI::App& app, Flags& flags) {
  app.add_option("--table", flags.table, "The benchmark, a CSV file")->required();
  app.add_option("--space", flags.space, "A built-in space")->capture_default_str();
  app.add_option("--input", flags.input, "The network's input, for --dedupe network")
      ->delimiter(',')
      ->expected(1, 4)
      ->capture_default_str();
  app.add_option("--classes", flags.classes, "Its classes")->capture_default_str();
  app.add_option("--strategies", flags.strategies, "Names, with commas")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--option", flags.options, "STRATEGY.key=value; repeatable");
  app.add_option("--parts", flags.parts, "sequential, asynchronous, steps, hypervolume")
      ->delimiter(',')
      ->check(CLI::IsMember({"sequential", "asynchronous", "steps", "hypervolume"}))
      ->capture_default_str();
  app.add_option("--evaluations", flags.evaluations, "Budgets to look at, ascending")
      ->delimiter(',')
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--seeds", flags.seeds, "Runs")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--workers", flags.workers, "Of the asynchronous part")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--guide", flags.guide, "Column that the search sees, in percent")
      ->capture_default_str();
  app.add_option("--judge", flags.judge, "Column that judges it")->capture_default_str();
  app.add_option("--seconds", flags.seconds, "Column of an evaluation's length")
      ->capture_default_str();
  app.add_option("--seconds-scale", flags.seconds_scale, "Times this")->capture_default_str();
  app.add_option("--dedupe", flags.dedupe, "What counts as the same work: architecture, network")
      ->check(CLI::IsMember({"architecture", "network"}))
      ->capture_default_str();
  app.add_option("--steps-guide", flags.steps_guide, "Column of the part `steps`")
      ->capture_default_str();
  app.add_option("--steps-limit", flags.steps_limit, "It gives up after so many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--front-accuracy", flags.front_accuracy, "Of the part `hypervolume`, in percent")
      ->capture_default_str();
  app.add_option("--front-cost", flags.front_cost, "The other objective, minimised")
      ->capture_default_str();
  app.add_option("--front-evaluations", flags.front_evaluations, "Its budgets, ascending")
      ->delimiter(',')
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--optuna", flags.optuna, "A Python that has optuna")->capture_default_str();
  app.add_option("--optuna-seeds", flags.optuna_seeds,
                 "So many runs of Optuna's TPE and NSGA-II beside ours; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--threads", flags.threads, "Runs at a time")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
}

}  // namespace cambrian
