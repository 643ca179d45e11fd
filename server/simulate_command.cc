#include "server/simulate_command.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/spec/study_table.h"
#include "server/simulate/report.h"
#include "server/simulate/simulation.h"
#include "server/store/memory.h"
#include "spdlog/spdlog.h"

namespace cambrian {
namespace {

// A study file with mistakes, which have been printed.
constexpr char kPrinted[] = "";

std::unique_ptr<TrialStore> MakeStore(const Clock& clock) { return NewMemoryStore(clock); }

// "5%/h", "0.05/h" → 0.05.
absl::StatusOr<double> ReadLoss(absl::string_view text) {
  if (text.empty()) return 0;
  absl::string_view number = absl::StripAsciiWhitespace(text);
  bool good = absl::ConsumeSuffix(&number, "/h");
  number = absl::StripAsciiWhitespace(number);
  const bool is_percent = absl::ConsumeSuffix(&number, "%");
  double share = 0;
  good = good && absl::SimpleAtod(absl::StripAsciiWhitespace(number), &share);
  if (is_percent) share /= 100;
  if (good && share >= 0 && share < 1) return share;
  return absl::InvalidArgumentError(absl::StrCat(
      "--worker-loss ", text, ": write the share of workers that an hour costs, 5%/h say"));
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  std::error_code error;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || !std::filesystem::is_regular_file(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  }
  return text.str();
}

// The study file with a strategy put in its place, or its own if that is empty.
absl::StatusOr<std::shared_ptr<const StudySpec>> LoadStudy(const SimulateFlags& flags,
                                                           const std::string& strategy,
                                                           std::ostream& err) {
  ASSIGN_OR_RETURN(const std::string text, ReadText(flags.file));
  std::vector<std::string> settings = flags.settings;
  if (!strategy.empty()) settings.push_back(absl::StrCat("strategy=", strategy));
  const std::string folder = std::filesystem::absolute(flags.file).parent_path().string();
  Diagnostics diagnostics(flags.file, text);
  std::shared_ptr<const StudySpec> study = ParseStudy(text, folder, settings, diagnostics);
  if (study != nullptr && study->strategy.warm_start.IsPending()) {
    const WarmStartSpec& warm_start = study->strategy.warm_start;
    diagnostics.Error(warm_start.mark,
                      absl::StrCat("warm_start.study: a simulation has no server that could look "
                                   "up the trials of ",
                                   warm_start.study),
                      "list them: \"warm_start: {architectures: […]}\"");
  }
  err << diagnostics.Render();
  if (!diagnostics.ok()) return absl::InvalidArgumentError(kPrinted);
  if (study->estimator.table) return study;
  return absl::InvalidArgumentError(absl::StrCat(
      flags.file,
      " trains its candidates; a simulation looks them up: write \"estimator: {table: "
      "{file: TABLE.csv}}\" (\"cambrian trials STUDY --output csv\" makes a table of a "
      "study's trials)"));
}

// One for each strategy; that of the file keeps its options. All are read before one is simulated.
absl::StatusOr<std::vector<std::shared_ptr<const StudySpec>>> LoadStudies(
    const SimulateFlags& flags, std::ostream& err) {
  std::vector<std::shared_ptr<const StudySpec>> studies;
  ASSIGN_OR_RETURN(const std::shared_ptr<const StudySpec> own, LoadStudy(flags, "", err));
  if (flags.strategies.empty()) studies.push_back(own);
  for (const std::string& strategy : flags.strategies) {
    if (strategy == own->strategy.name) {
      studies.push_back(own);
    } else {
      ASSIGN_OR_RETURN(studies.emplace_back(), LoadStudy(flags, strategy, err));
    }
  }
  return studies;
}

absl::StatusOr<std::string> TablePath(const DataSpec& data, const std::vector<std::string>& roots) {
  if (data.root.empty()) return data.path;
  for (const std::string& root : roots) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(root, absl::MaxSplits('=', 1));
    if (parts.first == data.root) {
      return (std::filesystem::path(parts.second) / data.path).lexically_normal().string();
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("the table lies below the root \"", data.root,
                                                 "\"; say where with --data-root ", data.root,
                                                 "=PATH"));
}

// Shows how far it is, on a terminal.
class Progress {
 public:
  Progress(int64_t total, bool enabled) : total_(total), enabled_(enabled) {}
  ~Progress() {
    if (enabled_) fprintf(stderr, "\r\x1b[K");
  }
  void Step() {
    const MutexLock lock(&mutex_);
    ++done_;
    if (enabled_) {
      fprintf(stderr, "\rsimulated %d of %d runs", static_cast<int>(done_),
              static_cast<int>(total_));
    }
  }

 private:
  const int64_t total_;
  const bool enabled_;
  Mutex mutex_;
  int64_t done_ ABSL_GUARDED_BY(mutex_) = 0;
};

int Threads(const SimulateFlags& flags) {
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  return std::min(flags.threads > 0 ? flags.threads : cores, flags.seeds);
}

// A run for each seed, from the study's own on, spread over threads.
absl::StatusOr<std::vector<SimulatedRun>> RunSeeds(const StudySpec& study,
                                                   const TableEstimator& estimator,
                                                   const SimulationOptions& options,
                                                   const SimulateFlags& flags, Progress& progress) {
  std::vector<SimulatedRun> runs(flags.seeds);
  std::vector<absl::Status> statuses(Threads(flags));
  std::atomic<int> next = 0;
  std::atomic<bool> failed = false;
  const auto work = [&](absl::Status& status) {
    for (int i = next++; i < flags.seeds && !failed; i = next++) {
      SimulationOptions mine = options;
      mine.seed = study.seed + static_cast<uint64_t>(i);
      absl::StatusOr<SimulatedRun> run = Simulate(study, estimator, mine, &MakeStore);
      status = run.status();
      if (!run.ok()) {
        failed = true;
        return;
      }
      runs[i] = *std::move(run);
      progress.Step();
    }
  };
  std::vector<std::thread> threads;
  for (absl::Status& status : statuses) threads.emplace_back(work, std::ref(status));
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : statuses) RETURN_IF_ERROR(status);
  return runs;
}

absl::Status WriteCurve(const std::string& path, const SimulationReport& report) {
  const bool is_svg = absl::EndsWith(absl::AsciiStrToLower(path), ".svg");
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << (is_svg ? CurveSvg(report) : CurveCsv(report));
  file.flush();
  if (file) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write ", path));
}

absl::Status CheckFlags(const SimulateFlags& flags) {
  if (flags.output != "table" && flags.output != "json" && flags.output != "csv") {
    return absl::InvalidArgumentError("--output is table, json or csv");
  }
  for (const std::string& curve : flags.curves) {
    const std::string lower = absl::AsciiStrToLower(curve);
    if (absl::EndsWith(lower, ".csv") || absl::EndsWith(lower, ".svg")) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--curve ", curve, ": name a file that ends with .csv or .svg"));
  }
  return absl::OkStatus();
}

// What all variants have in common.
SimulationReport MakeReport(const StudySpec& study, const TableEstimator& estimator,
                            const std::string& table, const SimulateFlags& flags) {
  SimulationReport report;
  report.study = study.name;
  report.table = table;
  report.rows = static_cast<int64_t>(estimator.table().rows());
  report.trials = study.budget.trials;
  report.runs = flags.seeds;
  report.guide = study.objectives[0].metric;
  report.judge = estimator.judge().empty() ? report.guide : estimator.judge();
  report.budgets = flags.budgets.empty() ? UsualBudgets(report.trials) : flags.budgets;
  std::sort(report.budgets.begin(), report.budgets.end());
  return report;
}

absl::StatusOr<SimulationReport> Run(const SimulateFlags& flags, std::ostream& err) {
  RETURN_IF_ERROR(CheckFlags(flags));
  SimulationOptions options;
  ASSIGN_OR_RETURN(options.loss_per_hour, ReadLoss(flags.worker_loss));
  options.replacement = absl::Seconds(flags.replacement_seconds);
  ASSIGN_OR_RETURN(const auto studies, LoadStudies(flags, err));
  ASSIGN_OR_RETURN(const std::string path, TablePath(studies[0]->data, flags.data_roots));
  ASSIGN_OR_RETURN(const auto estimator, OpenTable(*studies[0], path));
  SimulationReport report = MakeReport(*studies[0], *estimator, path, flags);
  Progress progress(static_cast<int64_t>(studies.size() * flags.workers.size()) * flags.seeds,
                    !flags.quiet && isatty(STDERR_FILENO) == 1);
  for (const std::shared_ptr<const StudySpec>& study : studies) {
    for (const int workers : flags.workers) {
      options.workers = workers;
      absl::StatusOr<std::vector<SimulatedRun>> runs =
          RunSeeds(*study, *estimator, options, flags, progress);
      if (!runs.ok()) return Annotate(runs.status(), study->strategy.name);
      report.variants.push_back({study->strategy.name, workers,
                                 Summarize(*runs, study->objectives[0].maximize, workers)});
    }
  }
  return report;
}

void WarnOfMissingRows(const SimulationReport& report, std::ostream& err) {
  int64_t missing = 0;
  for (const Variant& variant : report.variants) missing += variant.summary.without_row;
  if (missing == 0) return;
  err << "warning: " << missing << " trials were of architectures that the table lacks; they count "
      << "as infeasible\n";
}

}  // namespace

int SimulateCommand(const SimulateFlags& flags, std::ostream& out, std::ostream& err) {
  spdlog::set_level(spdlog::level::off);  // a simulated worker's loss is no news
  const absl::StatusOr<SimulationReport> report = Run(flags, err);
  absl::Status status = report.status();
  if (report.ok()) {
    out << (flags.output == "json"  ? ReportJson(*report)
            : flags.output == "csv" ? ReportCsv(*report)
                                    : ReportTable(*report))
        << std::flush;
    if (!flags.quiet) WarnOfMissingRows(*report, err);
    for (const std::string& curve : flags.curves) status.Update(WriteCurve(curve, *report));
  }
  if (status.ok()) return 0;
  if (status.message() != kPrinted) err << "error: " << std::string(status.message()) << "\n";
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status) ? 2 : 1;
}

}  // namespace cambrian
