// Study files that the program writes: completed, explained, for the winner's final training.
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/spec/document.h"
#include "common/spec/study_spec.h"

namespace cambrian {
namespace {

using nlohmann::ordered_json;

constexpr char kRetrain[] = "-retrain";
constexpr size_t kMaxBaseName = 64 - (sizeof(kRetrain) - 1);

constexpr const char* kOrder[] = {"study",    "data",       "space",  "recipe",     "estimator",
                                  "strategy", "warm_start", "dedupe", "objectives", "constraints",
                                  "workers",  "budget",     "finish", "test",       "seed"};

// The file of a study that was parsed before: it has no errors.
Node FileOf(const StudySpec& study) {
  Diagnostics none("", "");
  return ParseYaml(study.text, none);
}

Node MapNode() { return NodeFromJson(ordered_json::object()); }

std::string DurationText(absl::Duration duration) {
  return absl::StrCat(absl::ToDoubleSeconds(duration), " s");
}

// Adds what `defaults` has and `node` has not, at any depth; holes and values stay.
void Fill(const ordered_json& defaults, Node& node) {
  if (node.IsNull()) node = NodeFromJson(defaults);
  if (!node.IsMap() || node.Find("choose") != nullptr || node.Find("range") != nullptr) return;
  for (const auto& [key, value] : defaults.items()) {
    Node* const there = node.Find(key);
    if (there == nullptr) {
      node.Set(key, NodeFromJson(value));
    } else if (value.is_object()) {
      Fill(value, *there);
    }
  }
}

ordered_json StrategyJson(const StrategySpec& strategy) {
  ordered_json options = ordered_json::object();
  if (strategy.name == "regularized_evolution") {
    options = {{"population", strategy.population},
               {"sample", strategy.sample},
               {"crossover", strategy.crossover}};
  } else if (strategy.name == "nsga2") {
    options = {{"population", strategy.population}, {"mutation", strategy.mutation}};
  } else if (strategy.name == "tpe") {
    options = {{"startup", strategy.startup},
               {"candidates", strategy.candidates},
               {"good", strategy.good}};
  } else if (strategy.name == "gp") {
    options = {{"startup", strategy.startup}, {"kernel", strategy.kernel}};
  } else if (strategy.name == "ensemble") {
    options = {{"startup", strategy.startup}};
  } else if (strategy.name == "reinforce") {
    options = {{"controller", strategy.controller},
               {"units", strategy.units},
               {"rate", strategy.rate},
               {"entropy", strategy.entropy}};
  } else if (strategy.name == "listed") {
    options["architectures"] = strategy.architectures;
  }
  return {{strategy.name, options}};
}

ordered_json ObjectivesJson(const StudySpec& study) {
  ordered_json list = ordered_json::array();
  const auto add = [&](ordered_json objective, bool latency) {
    if (latency && study.latency) {
      ordered_json on = ordered_json::object();
      if (!study.latency->target.empty()) on["target"] = study.latency->target;
      on["device"] = study.latency->device;
      on["batch"] = study.latency->batch;
      on["threads"] = study.latency->threads;
      on["runs"] = study.latency->runs;
      objective["on"] = std::move(on);
    }
    list.push_back(std::move(objective));
  };
  absl::flat_hash_set<std::string> weighted;
  if (study.scalarization) {
    ordered_json sum;
    for (const auto& [metric, weight] : study.scalarization->weights) {
      sum[metric] = weight;
      weighted.insert(metric);
    }
    add({{"maximize", sum}}, weighted.contains("latency_ms"));
  }
  for (const Objective& objective : study.objectives) {
    if (weighted.contains(objective.metric)) continue;
    add({{objective.maximize ? "maximize" : "minimize", objective.metric}},
        objective.metric == "latency_ms");
  }
  return list;
}

ordered_json EstimatorJson(const EstimatorSpec& estimator) {
  if (estimator.table) return {{"table", estimator.table->ToJson()}};
  return {{"train", {{"share", estimator.share}, {"evaluator", estimator.evaluator}}}};
}

ordered_json BudgetJson(const Budget& budget) {
  ordered_json json = {{"trials", budget.trials}, {"failures", budget.failures}};
  if (budget.time != absl::InfiniteDuration()) json["time"] = DurationText(budget.time);
  return json;
}

}  // namespace

absl::StatusOr<std::string> CompleteStudy(const StudySpec& study, const Task& task,
                                          absl::string_view sha256) {
  if (study.data.task && *study.data.task != task) {
    return absl::InvalidArgumentError(
        absl::StrCat("data: the file says ", study.data.task->input.ToString(), " and ",
                     study.data.task->classes, " classes, but the data hold ",
                     task.input.ToString(), " and ", task.classes, " classes"));
  }
  if (!study.data.sha256.empty() && study.data.sha256 != sha256) {
    return absl::InvalidArgumentError(absl::StrCat("data: the file says sha256 ", study.data.sha256,
                                                   ", but the data have ", sha256));
  }
  DataSpec data = study.data;
  data.task = task;
  data.sha256 = std::string(sha256);
  Node file = FileOf(study);
  file.Set("data", NodeFromJson(data.ToJson()));
  return ToYaml(file);
}

std::string CompleteWarmStart(const StudySpec& study,
                              const std::vector<WarmStartSpec::Entry>& trials) {
  ordered_json list = ordered_json::array();
  for (const WarmStartSpec::Entry& entry : trials) {
    list.push_back({{"trial", entry.name}, {"architecture", entry.architecture}});
  }
  Node file = FileOf(study);
  file.Find("warm_start")->Set("trials", NodeFromJson(list));
  return ToYaml(file);
}

std::string FinishStudy(const StudySpec& study, const Architecture& architecture) {
  Node file = FileOf(study);
  file.Set("study", NodeFromJson(absl::StrCat(study.name.substr(0, kMaxBaseName), kRetrain)));
  for (const char* key : {"constraints", "finish", "strategy", "warm_start"}) file.Remove(key);
  if (file.Find("recipe") == nullptr || file.Find("recipe")->IsNull())
    file.Set("recipe", MapNode());
  file.Find("recipe")->Set("epochs", NodeFromJson(study.finish->epochs));
  EstimatorSpec estimator = study.estimator;
  estimator.share = study.finish->share;
  file.Set("estimator", NodeFromJson(EstimatorJson(estimator)));
  file.Set("budget", NodeFromJson({{"trials", 1}}));
  file.Set("test", NodeFromJson(true));
  // Decisions that only the number of epochs asked for are gone from the recipe.
  Diagnostics none("", "");
  const std::unique_ptr<StudySpec> plain = ParseStudy(ToYaml(file), "", {}, none);
  ordered_json winner = study.space->ToJson(architecture);
  if (plain != nullptr) {
    absl::flat_hash_set<std::string> known;
    for (const Decision& decision : plain->space->decisions()) known.insert(decision.name);
    ordered_json kept = ordered_json::object();
    for (const auto& [name, value] : winner.items()) {
      if (known.contains(name)) kept[name] = value;
    }
    winner = std::move(kept);
  }
  StrategySpec strategy;
  strategy.name = "listed";
  strategy.architectures.push_back(winner);
  file.Set("strategy", NodeFromJson(StrategyJson(strategy)));
  return ToYaml(file);
}

std::string ExplainDefaults(const StudySpec& study) {
  Node file = FileOf(study);
  Fill(study.data.ToJson(), *file.Find("data"));
  Random random(study.seed);
  if (const auto recipe = study.RecipeFor(study.space->Sample(random)); recipe.ok()) {
    if (file.Find("recipe") == nullptr) file.Set("recipe", MapNode());
    Fill(ToJson(*recipe), *file.Find("recipe"));
  }
  file.Set("estimator", NodeFromJson(EstimatorJson(study.estimator)));
  file.Set("strategy", NodeFromJson(StrategyJson(study.strategy)));
  if (const WarmStartSpec& warm_start = study.strategy.warm_start; !warm_start.study.empty()) {
    Fill({{"best", warm_start.best}}, *file.Find("warm_start"));
  }
  if (study.dedupe == Dedupe::kArchitecture) file.Set("dedupe", NodeFromJson("architecture"));
  file.Set("objectives", NodeFromJson(ObjectivesJson(study)));
  file.Set("workers", NodeFromJson({{"tags", study.workers.tags}}));
  file.Set("budget", NodeFromJson(BudgetJson(study.budget)));
  file.Set("test", NodeFromJson(study.test));
  file.Set("seed", NodeFromJson(study.seed));
  if (study.finish) {
    file.Set("finish", NodeFromJson({{"retrain", "best"},
                                     {"epochs", study.finish->epochs},
                                     {"share", study.finish->share}}));
  }
  Node ordered = MapNode();
  for (const char* key : kOrder) {
    if (Node* const section = file.Find(key)) ordered.Set(key, std::move(*section));
  }
  return ToYaml(ordered);
}

}  // namespace cambrian
