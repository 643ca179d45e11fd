// cambrian run: a whole search on this machine, from a study file to a front of trained networks.
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/commands/command.h"
#include "client/commands/continuation.h"
#include "client/commands/report.h"
#include "client/format/number.h"
#include "client/format/study_table.h"
#include "client/format/terminal.h"
#include "client/format/text.h"
#include "client/live/interrupt.h"
#include "client/live/progress.h"
#include "client/live/view.h"
#include "client/live/watch.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

constexpr absl::Duration kStopPatience = absl::Seconds(20);
constexpr absl::string_view kBuiltinEvaluators[] = {"torch", "table"};
constexpr absl::Duration kStopAfterError = absl::Seconds(2);

struct RunOptions {
  CommonOptions common;
  std::string file;
  int workers = 0;  // 0: as many as there are cores for
  int threads = 1;
  std::vector<std::string> settings;
  std::vector<std::string> evaluators;
  std::vector<std::string> roots;
  std::string continue_from;
};

// Cores that this process may use: its affinity, and its control group's quota.
int AvailableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  std::ifstream quota_file("/sys/fs/cgroup/cpu.max");
  double quota = 0;
  double period = 0;
  if (quota_file >> quota >> period && quota > 0 && period > 0) {
    cores = std::min(cores, static_cast<int>(quota / period));
  }
  return std::max(cores, 1);
}

class Run {
 public:
  Run(const RunOptions& options, StateFolder folder, int slots)
      : options_(options),
        slots_(slots),
        cluster_(std::move(folder), {.slots = slots,
                                     .threads = options.threads,
                                     .worker_in_any_case = options.workers > 0,
                                     .evaluators = options.evaluators,
                                     .data_roots = options.roots}) {}

  absl::StatusOr<ExitCode> Execute(const StudySpec& spec, const std::string& text) {
    ASSIGN_OR_RETURN(client_, cluster_.Connect());
    ASSIGN_OR_RETURN(const std::string name, Submit(spec, text));
    SayWhoShares(name);
    const absl::StatusOr<ExitCode> code = Follow(name);
    if (!absl::IsCancelled(code.status())) {
      const bool broke = !cluster_.Check().ok();
      // After an error nobody is left to hand anything back to.
      Stop(code.ok() ? kStopPatience : kStopAfterError, /*interrupts=*/1);
      if (code.ok() || !broke) return code;
      return absl::InternalError(
          absl::StrCat(code.status().message(), "\nno result is lost; the same command continues"));
    }
    Say("stopping; what is being trained is handed back (Ctrl-C again stops at once)");
    const absl::StatusOr<v1::Study> last = client_->GetStudy(name);
    Stop(kStopPatience, /*interrupts=*/2);
    if (last.ok()) SayHowToContinue(*last);
    return kInterrupted;
  }

 private:
  void Say(const std::string& message) const {
    if (!options_.common.quiet) std::cerr << message << std::endl;
  }

  // Ends what was started; at once after so many interrupts.
  void Stop(absl::Duration patience, int interrupts) {
    client_.reset();  // a server waits for its clients to leave
    cluster_.Stop(patience, [&] { return interrupt_.count() >= interrupts; });
  }

  // A new study, or the one that this command began earlier.
  absl::StatusOr<std::string> Submit(const StudySpec& spec, const std::string& text) {
    std::string continued;
    if (!options_.continue_from.empty()) {
      ASSIGN_OR_RETURN(continued, ResolveStudy(*client_, options_.continue_from));
    }
    ASSIGN_OR_RETURN(std::optional<v1::Study> study,
                     FindContinuation(*client_, spec.name, text, continued));
    if (!study) {
      const absl::StatusOr<v1::Study> created = client_->CreateStudy(text, continued);
      RETURN_IF_ERROR(PlaceWarmStart(created.status(), options_.file, spec));
      return created->name();
    }
    const bool larger = spec.budget.trials > study->trial_budget();
    if (larger) {
      const absl::StatusOr<v1::Study> extended =
          client_->ExtendStudy(study->name(), spec.budget.trials);
      if (!extended.ok() && study->state() == v1::COMPLETED) return extended.status();
      if (!extended.ok()) {
        Say(absl::StrCat("it goes on to ", study->trial_budget(),
                         " trials; say it again after that for more"));
      }
    }
    if (study->state() == v1::COMPLETED && !larger) {
      Say(absl::StrCat(study->name(), " is already complete; nothing to do"));
    } else {
      Say(absl::StrCat("continuing ", study->name(), " after ", FinishedTrials(*study), " trials"));
    }
    return study->name();
  }

  // Other studies that were not finished go on, too.
  void SayWhoShares(const std::string& name) const {
    const auto studies = client_->ListStudies();
    if (!studies.ok()) return;
    for (const v1::Study& study : *studies) {
      if (study.state() != v1::ACTIVE || study.name() == name || study.parent() == name) continue;
      Say(absl::StrCat(study.name(), " is active, too, and shares the slots; \"cambrian cancel ",
                       study.name(), StateFlag(), "\" ends it"));
    }
  }

  // Watches the study to its end, then the one that retrains its winner, and prints what came of
  // it. \error kCancelled after an interrupt.
  absl::StatusOr<ExitCode> Follow(const std::string& name) {
    ASSIGN_OR_RETURN(OpenStudy study, WatchToEnd(name));
    RETURN_IF_ERROR(CheckEnd(*client_, study));
    const absl::StatusOr<std::string> retraining = FollowRetraining(study);
    if (absl::IsCancelled(retraining.status())) return retraining.status();
    Say("");
    ASSIGN_OR_RETURN(const std::vector<v1::Trial> front,
                     PrintFront(*client_, study, options_.common));
    if (retraining.ok() && !retraining->empty() && options_.common.output == Output::kTable) {
      std::cout << "\n" << *retraining << "\n";
    }
    std::cout << std::flush;
    RETURN_IF_ERROR(retraining.status());
    if (front.empty()) return kNothingFeasible;
    SayHints(study, front.front());
    return kDone;
  }

  // What came of training the winner longer, in words; empty if the study does not do that.
  absl::StatusOr<std::string> FollowRetraining(const OpenStudy& study) {
    if (study.summary.successor().empty()) return std::string();
    ASSIGN_OR_RETURN(const OpenStudy retraining, WatchToEnd(study.summary.successor()));
    RETURN_IF_ERROR(CheckEnd(*client_, retraining));
    return DescribeRetraining(*client_, study, retraining);
  }

  absl::StatusOr<OpenStudy> WatchToEnd(const std::string& name) {
    ASSIGN_OR_RETURN(OpenStudy study, FindStudy(*client_, name));
    if (IsFinished(study.summary.state())) return study;
    SayHeader(study);
    WatchOptions watch;
    watch.quiet = options_.common.quiet;
    watch.reconnect = [this] { return cluster_.Connect(); };
    watch.check = [this] { return cluster_.Check(); };
    watch.descriptors = [this] { return cluster_.pidfds(); };
    ASSIGN_OR_RETURN(study.summary,
                     WatchStudy(study.summary.name(), *study.spec, client_, interrupt_, watch));
    return study;
  }

  void SayHeader(const OpenStudy& study) const {
    std::string header;
    if (!study.summary.parent().empty()) {
      header = absl::StrCat("retraining the best network as ", study.summary.name());
    } else if (cluster_.owns_worker()) {
      const std::string threads =
          options_.threads > 1 ? absl::StrCat(" of ", options_.threads, " threads") : "";
      header = RenderHeader(
          study.summary.name(), *study.spec,
          absl::StrCat(slots_, slots_ == 1 ? " slot" : " slots", threads, " on this machine"));
    } else {
      header = RenderHeader(study.summary.name(), *study.spec, "joined a run in progress");
    }
    Say(FitParts(header, Terminal::Of(STDERR_FILENO).width));
    const std::string warm_start = DescribeWarmStart(study.spec->strategy.warm_start);
    if (!warm_start.empty()) Say(absl::StrCat("first come ", warm_start));
  }

  // " --state DIR" where it is needed to say it again.
  std::string StateFlag() const {
    if (options_.common.state == DefaultStateFolder()) return "";
    return absl::StrCat(" --state ", options_.common.state);
  }

  // The command as it was given, as far as it matters to continue.
  std::string Command() const {
    std::string command = absl::StrCat("cambrian run ", options_.file, StateFlag());
    if (!options_.continue_from.empty()) {
      absl::StrAppend(&command, " --continue ", options_.continue_from);
    }
    for (const std::string& root : options_.roots) absl::StrAppend(&command, " --data-root ", root);
    for (const std::string& setting : options_.settings) {
      absl::StrAppend(&command, " --set ", setting);
    }
    return command;
  }

  void SayHowToContinue(const v1::Study& study) const {
    Say(absl::StrCat(study.name(), " stopped after ", FinishedTrials(study), " of ",
                     study.trial_budget(), " trials; the same command continues it:\n  ",
                     Command()));
  }

  void SayHints(const OpenStudy& study, const v1::Trial& best) const {
    const std::string& name = study.summary.name();
    const std::string state = StateFlag();
    const int64_t more = std::max<int64_t>(study.summary.trial_budget() * 2, 10);
    const std::vector<std::pair<std::string, std::string>> hints = {
        {absl::StrCat("cambrian front ", name, state), "this table again (--output json|csv)"},
        {absl::StrCat("cambrian trial draw ", name, "/", best.number(), state),
         "the network as a picture (SVG)"},
        {absl::StrCat("cambrian explain ", name, state), "which decisions matter, and why"},
        {absl::StrCat("cambrian run ", options_.file, state, " --set budget.trials=", more),
         "go on with more"},
    };
    size_t widest = 0;
    for (const auto& [command, what] : hints) widest = std::max(widest, command.size());
    Say("");
    const int width = Terminal::Of(STDERR_FILENO).width;
    for (const auto& [command, what] : hints) {
      const std::string line =
          absl::StrCat("  ", PadRight(command, static_cast<int>(widest)), "   ", what);
      // A command is there to be copied: rather no word about it than a broken line.
      Say(width > 0 && DisplayWidth(line) > width ? absl::StrCat("  ", command) : line);
    }
    Say(absl::StrCat("Results: ", cluster_.folder().path(), " (SQLite), ",
                     FormatBytes(cluster_.folder().Size())));
  }

  const RunOptions options_;
  const int slots_;
  Interrupt interrupt_;
  LocalCluster cluster_;
  std::unique_ptr<StudyClient> client_;
};

// Whether the worker to be started will offer the evaluator that the study names.
absl::Status CheckEvaluator(const StudySpec& study, const RunOptions& options) {
  const std::string& wanted = study.estimator.evaluator;
  for (const absl::string_view builtin : kBuiltinEvaluators) {
    if (wanted == builtin) return absl::OkStatus();
  }
  for (const std::string& offer : options.evaluators) {
    if (absl::StartsWith(offer, wanted + "=")) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("the study names the evaluator \"", wanted,
                                                 "\"; say where it is with --evaluator ", wanted,
                                                 "=PATH"));
}

absl::StatusOr<ExitCode> RunFile(const RunOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<StudySpec> spec,
                   LoadStudy(options.file, options.settings));
  if (spec == nullptr) return kWrongUsage;
  RETURN_IF_ERROR(CheckEvaluator(*spec, options));
  ASSIGN_OR_RETURN(const std::string text,
                   PrepareStudy(*spec, options.roots, options.common.quiet));
  ASSIGN_OR_RETURN(StateFolder folder, StateFolder::Open(options.common.state));
  const int slots = options.workers > 0
                        ? options.workers
                        : std::max(AvailableCores() / std::max(options.threads, 1), 1);
  return Run(options, std::move(folder), slots).Execute(*spec, text);
}

}  // namespace

void AddRun(CLI::App& app, Action& action) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* verb =
      app.add_subcommand("run", "Search on this machine: from a study file to a front of networks");
  verb->add_option("file", options->file, "the study file")->required()->type_name("FILE");
  verb->add_option("--workers", options->workers, "networks trained at a time; else one a core")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  verb->add_option("--threads", options->threads, "threads for each")
      ->check(CLI::Range(1, 1024))
      ->type_name("N")
      ->capture_default_str();
  verb->add_option("--set", options->settings, "a value of the file: budget.trials=200")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  verb->add_option("--evaluator", options->evaluators, "a program of yours that evaluates trials")
      ->type_name("NAME=PATH")
      ->allow_extra_args(false);
  AddContinueOption(*verb, options->continue_from);
  AddDataRootOption(*verb, options->roots);
  AddCommonOptions(*verb, options->common, /*with_server=*/false);
  verb->footer(
      "The same command again continues the study; Ctrl-C stops it cleanly.\n"
      "Examples:\n"
      "  cambrian run examples/fashion.yaml\n"
      "  cambrian run study.yaml --workers 2 --threads 2\n"
      "  cambrian run study.yaml --continue fashion-1 --set strategy=random\n"
      "  cambrian run study.yaml --set 'warm_start={study: fashion-1, best: 20}'\n"
      "  cambrian run study.yaml --set budget.trials=200 --output json > front.jsonl");
  verb->callback([options, &action] { action = [options] { return RunFile(*options); }; });
}

}  // namespace cambrian
