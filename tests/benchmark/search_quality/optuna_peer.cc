#include "tests/benchmark/search_quality/optuna_peer.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "nlohmann/json.hpp"
#include "tests/testing/temporary_folder.h"

namespace cambrian {
namespace {

// Reads what is to be done from the file that its argument names; prints a list of rows a line.
constexpr char kScript[] = R"py(
import json, sys, warnings
import optuna
warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
job = json.load(open(sys.argv[1]))
rows = {tuple(row): number for number, row in enumerate(job["rows"])}
objectives, wanted = job["objectives"], job["evaluations"]
for seed in range(1, job["seeds"] + 1):
    sampler = getattr(optuna.samplers, job["sampler"])(seed=seed)
    study = optuna.create_study(sampler=sampler, directions=["maximize"] * len(objectives))
    done, seen = [], set()
    for _ in range(50 * wanted):
        trial = study.ask()
        key = tuple(trial.suggest_categorical(f"d{i}", options) for i, options in enumerate(job["options"]))
        row = rows[key]
        study.tell(trial, [values[row] for values in objectives])
        if row not in seen:
            seen.add(row)
            done.append(row)
        if len(done) == wanted:
            break
    print(json.dumps(done), flush=True)
)py";

absl::StatusOr<nlohmann::json> MakeJob(const Problem& problem, const OptunaOptions& options) {
  nlohmann::json job = {
      {"sampler", options.sampler}, {"evaluations", options.evaluations}, {"seeds", options.seeds}};
  for (const Decision& decision : problem.space->decisions()) {
    if (decision.kind != Decision::Kind::kCategorical) {
      return absl::UnavailableError("the space has decisions that are not categorical");
    }
    nlohmann::json positions = nlohmann::json::array();
    for (size_t i = 0; i < decision.options.size(); ++i) positions.push_back(i);
    job["options"].push_back(std::move(positions));
  }
  for (size_t row = 0; row < problem.table->rows(); ++row) {
    std::vector<int> values;
    for (const double value : problem.table->architecture(row).values) {
      values.push_back(static_cast<int>(value));
    }
    job["rows"].push_back(std::move(values));
  }
  for (const auto* objective : options.objectives) job["objectives"].push_back(*objective);
  return job;
}

}  // namespace

absl::StatusOr<std::vector<std::vector<size_t>>> RunOptuna(const Problem& problem,
                                                           const OptunaOptions& options) {
  const testing::TemporaryFolder folder;
  ASSIGN_OR_RETURN(const nlohmann::json job, MakeJob(problem, options));
  std::ofstream(folder / "job.json") << job.dump();
  std::ofstream(folder / "peer.py") << kScript;
  const std::string command = absl::StrCat(options.python, " ", folder / "peer.py", " ",
                                           folder / "job.json", " 2>/dev/null");
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return absl::UnavailableError("cannot run it");
  std::string text;
  char buffer[1 << 16];
  for (size_t count; (count = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
    text.append(buffer, count);
  }
  if (pclose(pipe) != 0) {
    return absl::UnavailableError(
        absl::StrCat(options.python, " does not have optuna, or failed (--optuna names another)"));
  }
  std::vector<std::vector<size_t>> runs;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const auto rows = nlohmann::json::parse(text.substr(at, end - at), nullptr, false);
    if (!rows.is_array()) return absl::UnavailableError("it said something else than rows");
    runs.push_back(rows.get<std::vector<size_t>>());
    if (static_cast<int>(runs.back().size()) < options.evaluations) {
      return absl::UnavailableError("its proposals repeated themselves too often");
    }
    at = end + 1;
  }
  return runs;
}

}  // namespace cambrian
