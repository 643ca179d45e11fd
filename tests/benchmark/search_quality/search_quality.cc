// How few evaluations each strategy needs, on a tabular benchmark. Prints each figure beside its
// goal where one is set for the table; exit code 1 if one is missed.
//
//   search_quality --table ../shared/data/nasbench201/cifar10.csv --strategies random,tpe
//
// The search sees the guide only. After N evaluations it is judged by the row that the guide likes
// best so far. A seed is one run, whose evaluations are distinct; "±" is the standard error over
// the seeds. With several workers each is given the next proposal as soon as its evaluation ends,
// in simulated time; the strategy knows what is pending.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "common/spec/diagnostics.h"
#include "common/spec/document.h"
#include "common/spec/study_sections.h"
#include "tests/benchmark/search_quality/figures.h"
#include "tests/benchmark/search_quality/flags.h"
#include "tests/benchmark/search_quality/goals.h"
#include "tests/benchmark/search_quality/optuna_peer.h"
#include "tests/benchmark/search_quality/problem.h"
#include "tests/benchmark/search_quality/search.h"

namespace cambrian {
namespace {

constexpr size_t kGoalRows = 15'625;  // the goals' table
constexpr double kRandomTolerance = 0.05;
constexpr size_t kCellWidth = 27;

// The columns as the searches see them: accuracies as shares.
struct Columns {
  std::vector<double> guide, judge, seconds, steps_guide, accuracy, cost;
};

class Program {
 public:
  explicit Program(Flags flags) : flags_(std::move(flags)) {}

  absl::Status Run() {
    RETURN_IF_ERROR(Open());
    Describe();
    if (Wants("sequential")) RETURN_IF_ERROR(Quality(1));
    if (Wants("asynchronous")) RETURN_IF_ERROR(Quality(flags_.workers));
    if (Wants("steps")) RETURN_IF_ERROR(Steps());
    if (Wants("hypervolume")) RETURN_IF_ERROR(Hypervolume());
    return absl::OkStatus();
  }
  bool missed() const { return missed_; }

 private:
  using Runs = std::vector<std::vector<size_t>>;  // by seed

  bool Wants(const char* part) const {
    return std::count(flags_.parts.begin(), flags_.parts.end(), part) > 0;
  }

  absl::Status Open() {
    const Dedupe dedupe = flags_.dedupe == "network" ? Dedupe::kNetwork : Dedupe::kArchitecture;
    const Task task{{flags_.input[0], {flags_.input.begin() + 1, flags_.input.end()}},
                    flags_.classes};
    ASSIGN_OR_RETURN(problem_, OpenProblem(flags_.table, flags_.space, dedupe, task));
    const auto read = [&](const std::string& name, double scale, bool minimize,
                          std::vector<double>& column) {
      const auto values = ColumnOf(problem_, name, scale, minimize);
      if (values.ok()) column = *values;
      return values.status();
    };
    RETURN_IF_ERROR(read(flags_.guide, 0.01, false, columns_.guide));
    RETURN_IF_ERROR(read(flags_.judge, 1, false, columns_.judge));
    if (Wants("asynchronous")) {
      RETURN_IF_ERROR(read(flags_.seconds, flags_.seconds_scale, false, columns_.seconds));
    }
    if (Wants("steps"))
      RETURN_IF_ERROR(read(flags_.steps_guide, 0.01, false, columns_.steps_guide));
    if (Wants("hypervolume")) {
      RETURN_IF_ERROR(read(flags_.front_accuracy, 0.01, false, columns_.accuracy));
      RETURN_IF_ERROR(read(flags_.front_cost, 1, true, columns_.cost));
    }
    return absl::OkStatus();
  }

  // Whether the figures are those that goals are set for.
  bool HasGoals() const {
    return problem_.table->rows() == kGoalRows && flags_.dedupe == "architecture" &&
           flags_.guide == Flags().guide && flags_.judge == Flags().judge;
  }

  void Describe() const {
    std::printf("%s: %d rows of %s, dedupe by %s, %d seeds%s\n", flags_.table.c_str(),
                static_cast<int>(problem_.table->rows()), flags_.space.c_str(),
                flags_.dedupe.c_str(), flags_.seeds,
                HasGoals() ? "" : "; no goals are set for this protocol");
  }

  absl::StatusOr<StrategySpec> SpecOf(const std::string& name) const {
    std::vector<std::string> options;
    for (const std::string& option : flags_.options) {
      const std::pair<std::string, std::string> parts =
          absl::StrSplit(option, absl::MaxSplits('.', 1));
      const std::pair<std::string, std::string> setting =
          absl::StrSplit(parts.second, absl::MaxSplits('=', 1));
      if (parts.first == name) {
        options.push_back(absl::StrCat(setting.first, ": ", setting.second));
      }
    }
    const std::string text = absl::StrCat("{", name, ": {", absl::StrJoin(options, ", "), "}}");
    Diagnostics diagnostics("--option", text);
    const StrategySpec spec = ReadStrategy(ParseYaml(text, diagnostics), diagnostics);
    RETURN_IF_ERROR(diagnostics.ToStatus());
    return spec;
  }

  // All seeds, spread over the threads.
  absl::StatusOr<Runs> RunSeeds(const std::string& strategy, SearchOptions options) const {
    ASSIGN_OR_RETURN(options.strategy, SpecOf(strategy));
    options.strategy.trials = options.evaluations;
    options.strategy.objectives = options.objectives.size();
    Runs runs(flags_.seeds);
    std::vector<absl::Status> statuses(flags_.threads);
    std::atomic<int> next = 0;
    const auto work = [&](absl::Status& status) {
      for (int i = next++; i < flags_.seeds && status.ok(); i = next++) {
        SearchOptions mine = options;
        mine.seed = static_cast<uint64_t>(i + 1);
        absl::StatusOr<std::vector<size_t>> rows = Search(problem_, mine);
        status = rows.status();
        if (rows.ok()) runs[i] = *std::move(rows);
      }
    };
    std::vector<std::thread> threads;
    for (absl::Status& status : statuses) threads.emplace_back(work, std::ref(status));
    for (std::thread& thread : threads) thread.join();
    for (const absl::Status& status : statuses) {
      RETURN_IF_ERROR(Annotate(status, strategy));
    }
    return runs;
  }

  // Calls `print` with each strategy's runs, and says how long they took.
  absl::Status ForEachStrategy(const SearchOptions& options,
                               const std::function<void(const std::string&, const Runs&)>& print) {
    for (const std::string& strategy : flags_.strategies) {
      const auto start = std::chrono::steady_clock::now();
      ASSIGN_OR_RETURN(const Runs runs, RunSeeds(strategy, options));
      std::printf("%-24s", strategy.c_str());
      print(strategy, runs);
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
      std::printf("  %8.1f s\n", passed.count());
      std::fflush(stdout);
    }
    return absl::OkStatus();
  }

  // The peer's line, or why there is none.
  void PrintPeer(const std::string& sampler, const SearchOptions& options,
                 const std::function<void(const std::string&, const Runs&)>& print) {
    if (flags_.optuna_seeds == 0) return;
    const std::string name = absl::StrCat("optuna ", sampler);
    std::printf("%-24s", name.c_str());
    std::fflush(stdout);
    const auto start = std::chrono::steady_clock::now();
    const auto runs =
        RunOptuna(problem_, {flags_.optuna, sampler, options.objectives,
                             static_cast<int>(options.evaluations), flags_.optuna_seeds});
    if (!runs.ok()) {
      std::printf("  not compared: %s\n", std::string(runs.status().message()).c_str());
      return;
    }
    print(name, *runs);
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    std::printf("  %8.1f s  (%d seeds)\n", passed.count(), flags_.optuna_seeds);
  }

  void PrintHeader(const std::string& title, const std::vector<std::string>& columns) const {
    std::printf("\n%s\n%-24s", title.c_str(), "");
    for (const std::string& column : columns)
      std::printf("  %*s", static_cast<int>(kCellWidth), column.c_str());
    std::printf("  %10s\n", "took");
  }

  void PrintCell(const std::string& figure, const char* relation, std::optional<double> goal,
                 int decimals, bool met) {
    std::string cell = figure;
    if (goal) {
      absl::StrAppendFormat(&cell, " %s %.*f %s", relation, decimals, *goal, met ? "met" : "MISS");
      missed_ = missed_ || !met;
    }
    const size_t width =  // characters, not bytes
        std::count_if(cell.begin(), cell.end(), [](char c) { return (c & 0xC0) != 0x80; });
    std::printf("  %s%s", std::string(kCellWidth - std::min(kCellWidth, width), ' ').c_str(),
                cell.c_str());
  }

  absl::Status Quality(int workers) {
    std::vector<std::string> titles;
    for (const int n : flags_.evaluations) titles.push_back(absl::StrCat("N = ", n));
    PrintHeader(absl::StrCat("mean ", flags_.judge, " of the best by ", flags_.guide, ", ",
                             workers == 1 ? "one at a time"
                                          : absl::StrCat(workers, " asynchronous workers")),
                titles);
    PrintExpectation();
    SearchOptions options;
    options.objectives = {&columns_.guide};
    options.seconds = workers == 1 ? nullptr : &columns_.seconds;
    options.workers = workers;
    options.evaluations = flags_.evaluations.back();
    const auto print = [&](const std::string& strategy, const Runs& runs) {
      for (const int n : flags_.evaluations) PrintJudged(strategy, runs, n, workers);
    };
    RETURN_IF_ERROR(ForEachStrategy(options, print));
    if (workers == 1) PrintPeer("TPESampler", options, print);
    return absl::OkStatus();
  }

  void PrintExpectation() {
    if (flags_.dedupe != "architecture") return;
    std::printf("%-24s", "random, exactly");
    for (const int n : flags_.evaluations) {
      PrintCell(absl::StrFormat("%.3f", ExpectedJudgedBest(n, columns_.guide, columns_.judge)), "",
                std::nullopt, 2, true);
    }
    std::printf("\n");
  }

  void PrintJudged(const std::string& strategy, const Runs& runs, int n, int workers) {
    std::vector<double> judged;
    for (const auto& rows : runs) {
      judged.push_back(JudgedBest(rows, n, columns_.guide, columns_.judge));
    }
    const MeanAndError figure = MeanOf(judged);
    const std::string text = absl::StrFormat("%.3f ± %.3f", figure.mean, figure.error);
    // Of several workers' results the first are those of quick rows, until all are there.
    const bool is_whole = workers == 1 || n == flags_.evaluations.back();
    if (strategy == "random" && flags_.dedupe == "architecture" && is_whole) {
      const double exact = ExpectedJudgedBest(n, columns_.guide, columns_.judge);
      const double off = std::abs(figure.mean - exact);
      PrintCell(text, "±", kRandomTolerance, 2,
                off <= std::max(kRandomTolerance, 3 * figure.error));
      return;
    }
    const Figure kind = workers == 1 ? Figure::kSequential : Figure::kAsynchronous;
    std::optional<double> goal;
    if (HasGoals() && (workers == 1 || workers == kGoalWorkers)) goal = GoalOf(strategy, kind, n);
    PrintCell(text, "≥", goal, 2, !goal || figure.mean >= *goal);
  }

  absl::Status Steps() {
    PrintHeader(absl::StrCat("evaluations to the best by ", flags_.steps_guide), {"median"});
    SearchOptions options;
    options.objectives = {&columns_.steps_guide};
    options.evaluations = flags_.steps_limit;
    return ForEachStrategy(options, [&](const std::string& strategy, const Runs& runs) {
      std::vector<double> steps;
      const double never = flags_.steps_limit + 1;
      for (const auto& rows : runs) {
        const std::optional<size_t> found = StepsToBest(rows, columns_.steps_guide);
        steps.push_back(found ? static_cast<double>(*found) : never);
      }
      const double median = MedianOf(steps);
      std::optional<double> goal;
      if (HasGoals()) goal = GoalOf(strategy, Figure::kSteps, 0);
      PrintCell(
          median < never ? absl::StrFormat("%.0f", median) : absl::StrCat("> ", flags_.steps_limit),
          "≤", goal, 0, !goal || median <= *goal);
    });
  }

  absl::Status Hypervolume() {
    std::vector<std::string> titles;
    for (const int n : flags_.front_evaluations) titles.push_back(absl::StrCat("N = ", n));
    PrintHeader(absl::StrCat("share of the true front's hypervolume, ", flags_.front_accuracy,
                             " and ", flags_.front_cost),
                titles);
    SearchOptions options;
    options.objectives = {&columns_.accuracy, &columns_.cost};
    options.evaluations = flags_.front_evaluations.back();
    const double largest_cost = *std::min_element(columns_.cost.begin(), columns_.cost.end());
    const HypervolumeShare share(columns_.accuracy, columns_.cost, 0.01 * flags_.front_reference,
                                 largest_cost);
    const auto print = [&](const std::string& strategy, const Runs& runs) {
      for (const int n : flags_.front_evaluations) {
        std::vector<double> shares;
        for (const auto& rows : runs) shares.push_back(share.Of(rows, n));
        const MeanAndError figure = MeanOf(shares);
        std::optional<double> goal;
        if (HasGoals()) goal = GoalOf(strategy, Figure::kHypervolume, n);
        PrintCell(absl::StrFormat("%.4f ± %.4f", figure.mean, figure.error), "≥", goal, 3,
                  !goal || figure.mean >= *goal);
      }
    };
    RETURN_IF_ERROR(ForEachStrategy(options, print));
    PrintPeer("NSGAIISampler", options, print);
    return absl::OkStatus();
  }

  const Flags flags_;
  Problem problem_;
  Columns columns_;
  bool missed_ = false;
};

}  // namespace
}  // namespace cambrian

int main(int argc, char** argv) {
  cambrian::Flags flags;
  CLI::App app("Measures search strategies on a tabular benchmark.", "search_quality");
  cambrian::AddFlags(app, flags);
  CLI11_PARSE(app, argc, argv);
  cambrian::Program program(flags);
  if (const absl::Status status = program.Run(); !status.ok()) {
    std::fprintf(stderr, "error: %s\n", std::string(status.message()).c_str());
    return 2;
  }
  return program.missed() ? 1 : 0;
}
