// A study as its file says it: checked, complete, never changing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/nas/objective.h"
#include "common/nas/recipe.h"
#include "common/nas/search_space.h"
#include "common/nas/shape.h"
#include "common/spec/diagnostics.h"
#include "common/table/table_spec.h"
#include "nlohmann/json.hpp"

namespace cambrian {

// Which data, and how they are split. `json` is what an evaluator gets, e.g. {"idx": {"folder":
// "/usr/share/…"}, "validation": 0.1}.
struct DataSpec {
  enum class Format { kIdx, kCifar10, kCsv, kImages, kTable };
  Format format = Format::kIdx;
  std::string root;   // the name of a folder that workers offer (`cambrian-worker --data-root
                      // NAME=PATH`); `path` is then relative and stays below it. Empty: none
  std::string path;   // folder, or the CSV file (csv, table); absolute once submitted
  std::string label;  // csv: the label's column
  std::vector<int64_t> shape;  // csv: [channels, height, width] if rows are images; images:
                               // [channels, height, width] to check
  double test = 0;          // csv, images without a test folder: share kept as the test set, [0, 1)
  double validation = 0.1;  // share of the training set, stratified, fixed by the seed, (0, 1)
  // What the data hold, filled in before a study is submitted (`cambrian-evaluator
  // --describe-data`), or written by the user where the client does not have them: `data: {task:
  // {input: [1, 28, 28], classes: 10}, sha256: …}`.
  std::optional<Task> task;
  std::string sha256;

  nlohmann::ordered_json ToJson() const;
  // \error kInvalidArgument
  static absl::StatusOr<DataSpec> FromJson(const nlohmann::json& json);
};

// Where and how latency is measured: on the device of the worker that trains or, with a `target`,
// on any worker that declares that target, which may be another one.
struct LatencySpec {
  std::string target;
  std::string device = "cpu";  // "cpu", "cuda"
  int64_t batch = 1;
  int64_t threads = 1;
  int64_t runs = 30;  // timed, at least
};

struct EstimatorSpec {
  std::string evaluator = "torch";  // the name of an evaluator that workers offer
  double share = 1;                 // of the training data, (0, 1]
  // Results are looked up in the study's data, which are a table; the evaluator is "table".
  std::optional<TableSpec> table;
};

// Which architectures are the same work: those with the same network and recipe, or (tables only)
// none but themselves, whatever their networks; then nothing is lowered before it is looked up.
enum class Dedupe { kNetwork, kArchitecture };

// Architectures that are proposed before the strategy is asked: those that are listed, or the best
// trials of another study, which a server looks up once, when it is handed the file.
struct WarmStartSpec {
  struct Entry {
    nlohmann::ordered_json architecture;  // a map of decisions
    std::string name;                     // "fashion-1/40", "listed 3"
  };
  std::string study;           // as its user wrote it; empty: none
  int64_t best = 20;           // so many of its trials, at most
  Mark mark;                   // where `study` stands
  std::vector<Entry> entries;  // in the order in which they are tried

  bool empty() const { return study.empty() && entries.empty(); }
  // Whether a server has yet to look the trials up.
  bool IsPending() const { return !study.empty() && entries.empty(); }
};

struct StrategySpec {
  // As in study files; docs/strategies.md says which there are.
  std::string name = "regularized_evolution";
  // regularized_evolution, nsga2
  int64_t population = 30;  // nsga2 in study files: 20
  // regularized_evolution
  int64_t sample = 10;
  double crossover = 0.5;  // share of children with two parents
  // nsga2
  double mutation = 0.9;  // share of children in which a decision is changed as well
  // tpe, gp, ensemble
  int64_t startup = 10;  // trials drawn at random
  // tpe
  int64_t candidates = 24;  // drawn for each proposal
  double good = 0.15;       // share of the trials that are good
  // gp: what architectures are compared by: auto, hamming, paths, weisfeiler_lehman
  std::string kernel = "auto";
  // reinforce: what emits architectures, logits or lstm; of its steps; of its bonus
  std::string controller = "logits";
  int64_t units = 100;  // of the LSTM
  double rate = 0;      // 0: 0.1 for logits, 3.5e-4 for an LSTM
  double entropy = 1e-4;
  // auto, from the rest of the study: its budget and how many values a result has; 0: unknown
  int64_t trials = 0;
  size_t objectives = 0;
  // listed: exactly these architectures, in order (a retraining); maps of decisions
  std::vector<nlohmann::json> architectures;
  // Any but listed: the study's `warm_start`, which goes before it.
  WarmStartSpec warm_start;
};

struct Budget {
  int64_t trials = 100;
  absl::Duration time =
      absl::InfiniteDuration();  // from the first trial's start, pauses not counted
  int64_t failures = 10;         // in a row, then the study is FAILED
};

// What happens with the winner: a study of its own with the same space, on all the data, which
// reads the test set once.
struct FinishSpec {
  double epochs = 1;
  double share = 1;
};

// Which workers may train: those that declare every one of these tags.
struct WorkersSpec {
  std::vector<std::string> tags;
};

struct StudySpec {
  std::string name;
  DataSpec data;
  std::string space_name;                    // "nasbench201", or the file's name; for people
  std::shared_ptr<const SearchSpace> space;  // with the recipe's decisions
  EstimatorSpec estimator;
  StrategySpec strategy;
  Dedupe dedupe = Dedupe::kNetwork;
  std::vector<Objective> objectives;           // at least one; the first names "the best"
  std::optional<Scalarization> scalarization;  // what the strategy climbs instead of the front
  std::vector<Constraint> constraints;
  std::optional<LatencySpec>
      latency;  // set if any objective, constraint or weight needs latency_ms
  Budget budget;
  WorkersSpec workers;
  std::optional<FinishSpec> finish;
  bool test = false;  // trials report test_… metrics: only in the study that `finish` starts
  uint64_t seed = 1;

  // The self-contained file: space inlined, paths absolute, data described. Parsing it gives the
  // same study.
  std::string text;

  // Of that file, the space and the recipe: equal texts, equal trials for equal architectures.
  std::string design;

  // The recipe in effect for an architecture. \error kInvalidArgument
  absl::StatusOr<Recipe> RecipeFor(const Architecture& architecture) const;
};

// Reads a study file. `folder` is where relative paths (data, `space: {file: …}`) start; if it is
// empty, as for a study that someone submitted, no file is read and paths must be absolute.
// `settings` are `--set budget.trials=200` overrides, "path=value", applied before checking.
// Everything wrong is in `diagnostics`; then the result is null.
std::unique_ptr<StudySpec> ParseStudy(absl::string_view text, absl::string_view folder,
                                      const std::vector<std::string>& settings,
                                      Diagnostics& diagnostics);

// The same study with its data described: what is submitted. `task` and `sha256` come from whoever
// can read the data. \error kInvalidArgument if the file states another task.
absl::StatusOr<std::string> CompleteStudy(const StudySpec& study, const Task& task,
                                          absl::string_view sha256);

// The complete file of a study whose warm start IsPending, with what its trials came to be.
std::string CompleteWarmStart(const StudySpec& study,
                              const std::vector<WarmStartSpec::Entry>& trials);

// The study that `finish` starts, complete: "NAME-retrain", strategy `listed` with `architecture`,
// `test: true`, its epochs and share, no constraints, no `finish`. `study` has a `finish`.
std::string FinishStudy(const StudySpec& study, const Architecture& architecture);

// The study as YAML with everything that was left out filled in, for people. Holes of the recipe
// stay holes.
std::string ExplainDefaults(const StudySpec& study);

}  // namespace cambrian
