// How long one Ask with its Add and Tell takes, without lowering: every strategy of the factory,
// with 1,000 and 100,000 trials known, with 6 and with 100 decisions; one core, in seconds of its
// own time (not of the wall, so that a busy machine disturbs little). Prints each figure beside its
// goal; exit code 1 if one is missed. Beside it Optuna, where a Python has it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/strategy/factory.h"
#include "tests/testing/server_study.h"
#include "tests/testing/spaces.h"
#include "tests/testing/strategy_host.h"

namespace cambrian {
namespace {

constexpr int64_t kFew = 1'000;
constexpr int64_t kMany = 100'000;
constexpr double kOwnSeconds = 15;           // of a history that the strategy asks for itself
constexpr double kMeasureSeconds = 2;        // of a figure …
constexpr int64_t kMeasureTrials = 1'000;    // … which is the mean of at most so many
constexpr double kOptunaTpeSeconds = 0.62;   // 1,000 trials: a Rust rewrite, as published
constexpr double kOptunaNsga2Seconds = 7.4;  // 100,000 trials: likewise

// `gp` learns each of two objectives on its own.
constexpr char kGpTwice[] = "gp, two objectives";

// Microseconds with 6 decisions; with more in proportion.
struct Goal {
  double few = 50;
  double many = 100;
};
// By row; the others have none. `auto` with this file's budget is `gp`.
const std::map<std::string, Goal>& Goals() {
  static const auto* const goals = new std::map<std::string, Goal>{{"regularized_evolution", {}},
                                                                   {"tpe", {}},
                                                                   {"nsga2", {}},
                                                                   {"gp", {50'000, 50'000}},
                                                                   {"auto", {50'000, 50'000}},
                                                                   {kGpTwice, {100'000, 100'000}}};
  return *goals;
}

double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Choices of ten labels each: with six of them a million architectures.
std::shared_ptr<const SearchSpace> Choices(int decisions) {
  std::string text = "network:\n";
  for (int d = 0; d < decisions; ++d) {
    absl::StrAppend(&text, "  - {name: l", d, ", choose: {");
    for (int option = 0; option < 10; ++option) absl::StrAppend(&text, "o", option, ": relu, ");
    absl::StrAppend(&text, "}}\n");
  }
  return testing::Read(absl::StrCat(text, "  - head\n")).space;
}

// Decisions count, most of all those before them; some noise.
Outcome Judge(const Architecture& a, Random& random, bool two) {
  double value = 0;
  for (size_t d = 0; d < a.values.size(); ++d) value += a.values[d] / static_cast<double>(d + 1);
  Outcome outcome{{value + random.Normal()}, true};
  if (two) outcome.values.push_back(-value + a.values[0]);
  return outcome;
}

struct Figures {
  double few = 0;  // microseconds
  double many = 0;
  double few_total = 0;   // seconds of the first kFew, all asked for
  double many_total = 0;  // of the first kMany; 0: not all were asked for
};

// Continues the study to `trials`, the strategy's own proposals while `seconds` last, then random
// ones. Returns the seconds, or 0 if there were random ones.
double Continue(testing::StrategyHost& host, int64_t trials, double seconds, bool two) {
  Random random(3);
  const double start = CpuSeconds();
  bool own = true;
  while (host.trials() < trials) {
    own = own && CpuSeconds() - start < seconds;
    const std::optional<Proposal> proposal = own ? host.Next() : std::nullopt;
    own = own && proposal;
    const Architecture architecture =
        proposal ? proposal->candidate.architecture : host.space().Sample(random);
    if (!proposal) host.Adopt(architecture);
    host.strategy().Tell(host.trials(), Judge(architecture, random, two));
  }
  return own ? CpuSeconds() - start : 0;
}

// Microseconds of one Ask, Add and Tell.
double Measure(testing::StrategyHost& host, bool two) {
  Random random(4);
  const double start = CpuSeconds();
  int64_t done = 0;
  double seconds = 0;
  while (done < kMeasureTrials && seconds < kMeasureSeconds) {
    const std::optional<Proposal> proposal = host.Next();
    if (!proposal) break;
    host.strategy().Tell(host.trials(), Judge(proposal->candidate.architecture, random, two));
    ++done;
    seconds = CpuSeconds() - start;
  }
  return 1e6 * seconds / static_cast<double>(std::max<int64_t>(done, 1));
}

Figures FiguresOf(const std::string& row, const std::shared_ptr<const SearchSpace>& space) {
  const bool two = row == "nsga2" || row == kGpTwice;
  const std::string name = row == kGpTwice ? "gp" : row;
  const StrategySpec spec =
      testing::ParseToy(
          testing::StudyText(absl::StrCat(
              "strategy: ", name, "\nobjectives: [{maximize: accuracy}]\nbudget: {trials: 100}\n")))
          ->strategy;
  testing::StrategyHost host(spec, space);
  Figures figures;
  figures.few_total = Continue(host, kFew, kOwnSeconds, two);
  figures.few = Measure(host, two);
  const double rest = Continue(host, kMany, kOwnSeconds, two);
  if (figures.few_total > 0 && rest > 0) figures.many_total = figures.few_total + rest;
  figures.many = Measure(host, two);
  return figures;
}

std::string Beside(double figure, double goal, bool& met) {
  if (goal == 0) return absl::StrFormat("%10.1f %-14s", figure, "");
  met = met && figure <= goal;
  return absl::StrFormat("%10.1f %-14s", figure,
                         absl::StrFormat("(%s %.0f)", figure <= goal ? "goal" : "MISSED", goal));
}

bool Report(const std::string& name, int decisions, const Figures& figures) {
  bool met = true;
  const auto goal = Goals().find(name);
  const double scale = decisions / 6.0;
  const Goal wanted = goal == Goals().end() ? Goal{0, 0} : goal->second;
  std::printf("%-22s %9d %s %s\n", name.c_str(), decisions,
              Beside(figures.few, wanted.few * scale, met).c_str(),
              Beside(figures.many, wanted.many * scale, met).c_str());
  std::fflush(stdout);
  return met;
}

bool ReportTotal(const char* what, double seconds, double goal) {
  const bool met = seconds > 0 && seconds <= goal;
  std::printf("%-44s %8.3f s   goal %5.2f   %s\n", what, seconds, goal, met ? "met" : "MISSED");
  return met;
}

// No single quotes in it: it is handed over in some.
constexpr char kOptuna[] = R"(
import time, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
def run(name, sampler, trials, directions):
    study = optuna.create_study(sampler=sampler, directions=directions)
    start = time.process_time()
    for _ in range(trials):
        trial = study.ask()
        values = [int(trial.suggest_categorical(f"l{d}", list("0123456789"))) for d in range(6)]
        value = sum(v / (d + 1) for d, v in enumerate(values))
        study.tell(trial, [value, values[0] - value][: len(directions)])
    print(f"optuna {optuna.__version__} {name}, {trials} trials: {time.process_time() - start:.3f} s")
run("tpe", optuna.samplers.TPESampler(seed=1), 1000, ["maximize"])
run("nsga2", optuna.samplers.NSGAIISampler(seed=1), 5000, ["maximize", "maximize"])
)";

void RunOptuna(const std::string& python) {
  std::fflush(stdout);
  const std::string command = absl::StrCat(python, " -c '");
  if (std::system(absl::StrCat(command, "import optuna' 2>/dev/null").c_str()) != 0) {
    std::printf("optuna: %s does not have it; not compared\n", python.c_str());
    return;
  }
  if (std::system(absl::StrCat(command, kOptuna, "'").c_str()) != 0) {
    std::printf("optuna: its run failed; not compared\n");
  }
}

int Main(int argc, char** argv) {
  CLI::App app("How long strategies take for one proposal. Exits 1 if a goal is missed.");
  std::vector<std::string> names;
  std::string python = "python3";
  app.add_option("STRATEGY", names, "only these (all)");
  app.add_option("--optuna", python, "a Python that may have optuna (python3)");
  CLI11_PARSE(app, argc, argv);
  if (names.empty()) {
    for (const absl::string_view name : StrategyNames()) {
      if (name != "listed") names.emplace_back(name);
    }
  }
  if (const auto gp = std::find(names.begin(), names.end(), "gp"); gp != names.end()) {
    names.insert(gp + 1, kGpTwice);
  }
  std::printf("µs for one Ask, Add and Tell; choices of ten; nsga2 with two objectives\n");
  std::printf("%-22s %9s %10s %-14s %10s\n", "strategy", "decisions", "1,000", "known",
              "100,000 known");
  bool met = true;
  std::map<std::string, Figures> six;
  for (const int decisions : {6, 100}) {
    const auto space = Choices(decisions);
    for (const std::string& name : names) {
      const Figures figures = FiguresOf(name, space);
      met = Report(name, decisions, figures) && met;
      if (decisions == 6) six[name] = figures;
    }
  }
  if (six.contains("tpe")) {
    met = ReportTotal("tpe: 1,000 trials, 6 decisions", six["tpe"].few_total, kOptunaTpeSeconds) &&
          met;
  }
  if (six.contains("nsga2")) {
    met = ReportTotal("nsga2: 100,000 trials, 6 decisions", six["nsga2"].many_total,
                      kOptunaNsga2Seconds) &&
          met;
  }
  RunOptuna(python);
  return met ? 0 : 1;
}

}  // namespace
}  // namespace cambrian

int main(int argc, char** argv) { return cambrian::Main(argc, argv); }
