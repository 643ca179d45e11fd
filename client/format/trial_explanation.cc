#include "client/format/trial_explanation.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/format/explanation.h"
#include "client/format/facts.h"
#include "client/format/number.h"
#include "client/format/table.h"
#include "client/format/terminal.h"
#include "client/format/text.h"

namespace cambrian {
namespace {

using nlohmann::ordered_json;

constexpr size_t kMostSteps = 20;  // of a line, and its founder
constexpr size_t kMostChanges = 8;

std::string ResultText(const std::optional<double>& result) {
  return result ? absl::StrFormat("%.4g", *result) : "";
}

// To a strategy larger is better, and so what it predicts of an objective is negated where less is
// wanted. Other predictions, of a sum of objectives or in deviations, stay as they are.
std::vector<Origin::Prediction> AsMeasured(const Origin& origin,
                                           const std::vector<Target>& targets) {
  std::vector<Origin::Prediction> predictions = origin.predictions;
  const bool of_objectives = origin.judgement == Origin::Judgement::kImprovement ||
                             origin.judgement == Origin::Judgement::kHypervolume;
  if (!of_objectives || predictions.size() != targets.size()) return predictions;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (!targets[i].maximize) predictions[i].mean = -predictions[i].mean;
  }
  return predictions;
}

std::string WeightsText(const std::vector<double>& weights) {
  if (weights.empty()) return "";
  return absl::StrCat(" with weights ",
                      absl::StrJoin(weights, " : ", [](std::string* out, double weight) {
                        absl::StrAppendFormat(out, "%.2f", weight);
                      }));
}

// In a table of ancestors.
std::string StepText(const AncestryStep& step) {
  if (!step.trial->origin) return "";
  const Origin& origin = *step.trial->origin;
  switch (origin.source) {
    case Origin::Source::kRandom:
      return "random";
    case Origin::Source::kEnumerated:
      return "one of all";
    case Origin::Source::kListed:
      return "listed";
    case Origin::Source::kInherited:
      return absl::StrCat("from ", origin.study, "/", origin.parent);
    case Origin::Source::kWarmStart:
      return absl::StrCat("warm start: ", origin.remark);
    case Origin::Source::kDensity:
      return "density";
    case Origin::Source::kPolicy:
      return "policy";
    case Origin::Source::kMutation:
      return "mutation";
    case Origin::Source::kNeighbour:
      return "neighbour";
    case Origin::Source::kCrossover:
      return step.other != nullptr ? absl::StrCat("crossover with ", step.other->number)
                                   : "crossover";
  }
  return "";
}

Table AncestryTable(const SearchSpace& space, const TrialExplanation& explanation) {
  Table table;
  table.columns = {{.title = "trial", .right = true}};
  int drop = 2;
  for (const Target& target : explanation.targets) {
    table.columns.push_back({.title = target.name, .right = true, .drop = drop++});
  }
  table.columns.push_back({.title = "by", .drop = 1});
  table.columns.push_back({.title = "changed", .flexible = true, .least = 20});
  const std::vector<AncestryStep>& line = explanation.ancestry.line;
  for (size_t i = 0; i < line.size(); ++i) {
    if (i == kMostSteps && line.size() > kMostSteps + 2) {
      std::vector<std::string> gap(table.columns.size());
      gap[0] = "⋮";
      gap.back() = absl::StrCat(line.size() - kMostSteps - 1, " more");
      table.rows.push_back(std::move(gap));
      i = line.size() - 1;
    }
    std::vector<std::string> row = {absl::StrCat(line[i].trial->number)};
    for (const auto& result : explanation.results(line[i].trial->number)) {
      row.push_back(ResultText(result));
    }
    row.push_back(StepText(line[i]));
    row.push_back(ChangesText(space, line[i].changes));
    table.rows.push_back(std::move(row));
  }
  return table;
}

// A line for each change.
void AddChanges(const SearchSpace& space, const AncestryStep& step, Facts& facts) {
  std::string name = absl::StrCat("changed from ", step.parent->number);
  if (step.changes.empty()) facts.Add(name, "nothing");
  for (size_t i = 0; i < step.changes.size(); ++i) {
    if (i == kMostChanges) {
      facts.Add("", absl::StrCat("and ", step.changes.size() - i, " more"));
      break;
    }
    facts.Add(name, ChangesText(space, {step.changes[i]}));
    name.clear();
  }
}

ordered_json OptionalJson(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json NumberOrNull(int64_t number) {
  return number > 0 ? ordered_json(number) : ordered_json(nullptr);
}

const char* SourceName(Origin::Source source) {
  switch (source) {
    case Origin::Source::kRandom:
      return "random";
    case Origin::Source::kEnumerated:
      return "enumerated";
    case Origin::Source::kListed:
      return "listed";
    case Origin::Source::kInherited:
      return "inherited";
    case Origin::Source::kWarmStart:
      return "warm_start";
    case Origin::Source::kDensity:
      return "density";
    case Origin::Source::kPolicy:
      return "policy";
    case Origin::Source::kMutation:
      return "mutation";
    case Origin::Source::kNeighbour:
      return "neighbour";
    case Origin::Source::kCrossover:
      return "crossover";
  }
  return "";
}

ordered_json OriginJson(const std::string& line, const std::optional<Origin>& origin,
                        const std::vector<Target>& targets) {
  ordered_json json = {{"text", line}};
  if (!origin) return json;
  json["source"] = SourceName(origin->source);
  json["parent"] = NumberOrNull(origin->parent);
  json["other_parent"] = NumberOrNull(origin->other);
  json["study"] = origin->study.empty() ? ordered_json(nullptr) : ordered_json(origin->study);
  json["mutated"] = origin->mutated || origin->until_new;
  const auto number = [&](bool has) { return has ? OptionalJson(origin->value) : nullptr; };
  json["expected_improvement"] = number(origin->judgement == Origin::Judgement::kImprovement);
  json["expected_hypervolume_improvement"] =
      number(origin->judgement == Origin::Judgement::kHypervolume);
  json["feasible_probability"] = number(origin->judgement == Origin::Judgement::kFeasibility);
  json["drawn_deviations"] = number(origin->judgement == Origin::Judgement::kDraw);
  json["log_density_ratio"] = number(origin->source == Origin::Source::kDensity);
  json["log_probability"] = number(origin->source == Origin::Source::kPolicy);
  json["predicted"] = nullptr;
  const std::vector<Origin::Prediction> predicted = AsMeasured(*origin, targets);
  if (!predicted.empty()) json["predicted"] = ordered_json::array();
  for (const Origin::Prediction& each : predicted) {
    json["predicted"].push_back({{"mean", each.mean}, {"deviation", each.deviation}});
  }
  json["weights"] = origin->weights.empty() ? ordered_json(nullptr) : ordered_json(origin->weights);
  return json;
}

ordered_json ValueJson(const SearchSpace& space, size_t decision,
                       const std::optional<double>& value) {
  if (!value) return nullptr;
  if (space.decisions()[decision].kind == Decision::Kind::kCategorical) {
    return ValueText(space.decisions()[decision], value);
  }
  return *value;
}

ordered_json StepJson(const SearchSpace& space, const TrialExplanation& explanation,
                      const AncestryStep& step) {
  ordered_json results = ordered_json::object();
  const std::vector<std::optional<double>> values = explanation.results(step.trial->number);
  for (size_t t = 0; t < explanation.targets.size(); ++t) {
    results[explanation.targets[t].name] = OptionalJson(values[t]);
  }
  ordered_json changes = ordered_json::array();
  for (const DecisionChange& change : step.changes) {
    changes.push_back({{"decision", space.decisions()[change.decision].name},
                       {"from", ValueJson(space, change.decision, change.from)},
                       {"to", ValueJson(space, change.decision, change.to)}});
  }
  return {{"trial", step.trial->number},
          {"origin", step.trial->origin ? ordered_json(step.trial->origin->ToString())
                                        : ordered_json(nullptr)},
          {"parent", step.parent != nullptr ? ordered_json(step.parent->number) : nullptr},
          {"other_parent", step.other != nullptr ? ordered_json(step.other->number) : nullptr},
          {"results", std::move(results)},
          {"changes", std::move(changes)}};
}

}  // namespace

std::string SourceSentence(const Origin& origin) {
  const auto again = [&origin] {
    return absl::StrCat(origin.mutated || origin.until_new ? ", then mutated" : "",
                        origin.until_new ? " until it was new" : "");
  };
  switch (origin.source) {
    case Origin::Source::kRandom:
      return absl::StrCat("random draw", origin.remark.empty() ? "" : ": ", origin.remark);
    case Origin::Source::kEnumerated:
      return "one of all, in mixed order";
    case Origin::Source::kListed:
      return "listed in the study file";
    case Origin::Source::kInherited:
      return absl::StrCat("trial ", origin.parent, " of ", origin.study);
    case Origin::Source::kWarmStart:
      return absl::StrCat("first, by the study file's warm start: ", origin.remark);
    case Origin::Source::kDensity:
      return absl::StrCat("draw from the density of the good trials, the best new one of ",
                          origin.drawn);
    case Origin::Source::kPolicy:
      return absl::StrCat("emitted by the policy", again());
    case Origin::Source::kMutation:
      return absl::StrCat(origin.twice ? "mutation of a mutation of trial " : "mutation of trial ",
                          origin.parent, again());
    case Origin::Source::kNeighbour:
      return absl::StrCat("neighbour of trial ", origin.parent);
    case Origin::Source::kCrossover:
      return absl::StrCat("crossover of trials ", origin.parent, " and ", origin.other, again());
  }
  return "";
}

std::string JudgementSentence(const Origin& origin) {
  if (!origin.value) return "";
  const double value = *origin.value;
  switch (origin.judgement) {
    case Origin::Judgement::kImprovement:
      return absl::StrFormat("expected improvement %.2g%s", value, WeightsText(origin.weights));
    case Origin::Judgement::kHypervolume:
      return absl::StrFormat("expected hypervolume improvement %.2g, in deviations of the results",
                             value);
    case Origin::Judgement::kFeasibility:
      return absl::StrFormat("feasible with %.0f %%, where no trial was so far", 100 * value);
    case Origin::Judgement::kDraw:
      return absl::StrFormat("drew %+.2f, in deviations of the results, from its prediction",
                             value);
    case Origin::Judgement::kNone:
      break;
  }
  if (origin.source == Origin::Source::kDensity) {
    return absl::StrFormat("%.3g times as likely among the good trials as among the others",
                           std::exp(value));
  }
  if (origin.source == Origin::Source::kPolicy) {
    return absl::StrFormat("log-probability %.2f: %.2g %% of what the policy then emitted", value,
                           100 * std::exp(value));
  }
  return "";
}

std::string PredictionSentence(const Origin& origin, const std::vector<Target>& targets,
                               const std::vector<std::optional<double>>& results) {
  const std::vector<Origin::Prediction> predicted = AsMeasured(origin, targets);
  if (predicted.empty()) return "";
  if (origin.judgement == Origin::Judgement::kDraw) {
    return absl::StrFormat("%+.2f ± %.2f by the networks", predicted[0].mean,
                           predicted[0].deviation);
  }
  if (predicted.size() != targets.size()) {
    return absl::StrFormat("%.3g ± %.2g; 0 is the best of every objective", predicted[0].mean,
                           predicted[0].deviation);
  }
  std::string text;
  for (size_t i = 0; i < predicted.size(); ++i) {
    const auto& [mean, deviation] = predicted[i];
    if (i > 0) text += "; ";
    if (predicted.size() > 1) absl::StrAppend(&text, targets[i].name, " ");
    absl::StrAppendFormat(&text, "%.4g ± %.2g", mean, deviation);
    if (i >= results.size() || !results[i]) continue;
    absl::StrAppendFormat(&text, ", came out %.4g", *results[i]);
    if (deviation > 0) {
      absl::StrAppendFormat(&text, " (%+.1f deviations)", (*results[i] - mean) / deviation);
    }
  }
  return text;
}

std::string TrialExplanationText(const SearchSpace& space, const TrialExplanation& explanation,
                                 int descriptor) {
  const std::vector<AncestryStep>& line = explanation.ancestry.line;
  const AncestryStep& self = line.front();
  const std::vector<std::optional<double>> results = explanation.results(self.trial->number);
  Facts facts;
  facts.Add("trial", absl::StrCat(explanation.study, "/", self.trial->number));
  facts.Add("state", explanation.state);
  for (size_t t = 0; t < explanation.targets.size(); ++t) {
    facts.Add(explanation.targets[t].name, ResultText(results[t]));
  }
  if (const std::optional<Origin>& origin = self.trial->origin) {
    facts.Add("proposed as", SourceSentence(*origin));
    facts.Add("because", JudgementSentence(*origin));
    facts.Add("predicted", PredictionSentence(*origin, explanation.targets, results));
    facts.Add("strategy", origin->reason);
  } else {
    facts.Add("proposed as", explanation.line);
  }
  if (self.parent != nullptr) AddChanges(space, self, facts);
  const Terminal terminal = Terminal::Of(descriptor);
  std::string out = facts.Render(descriptor);
  if (line.size() == 1) return out;
  const std::string head = absl::StrCat(
      "Ancestry: ", line.size() - 1, line.size() == 2 ? " step" : " steps", " back to trial ",
      line.back().trial->number, "; ", explanation.ancestry.ancestors,
      explanation.ancestry.ancestors == 1 ? " ancestor" : " ancestors", " in all");
  absl::StrAppend(&out, "\n", Coloured(head, Colour::kBold, terminal.colour), "\n\n",
                  AncestryTable(space, explanation).Render(terminal.width, terminal.colour));
  return out;
}

ordered_json TrialExplanationJson(const SearchSpace& space, const TrialExplanation& explanation) {
  const ProposedTrial& trial = *explanation.ancestry.line.front().trial;
  ordered_json ancestry = ordered_json::array();
  for (const AncestryStep& step : explanation.ancestry.line) {
    ancestry.push_back(StepJson(space, explanation, step));
  }
  const std::string reason = trial.origin ? trial.origin->reason : "";
  return {{"study", explanation.study},
          {"trial", trial.number},
          {"origin", OriginJson(explanation.line, trial.origin, explanation.targets)},
          {"strategy_reason", reason.empty() ? ordered_json(nullptr) : ordered_json(reason)},
          {"ancestors", explanation.ancestry.ancestors},
          {"ancestry", std::move(ancestry)}};
}

std::string TrialExplanationCsv(const SearchSpace& space, const TrialExplanation& explanation) {
  std::vector<std::string> header = {"study", "trial", "origin", "parent", "other_parent"};
  for (const Target& target : explanation.targets) header.push_back(target.name);
  header.push_back("changes");
  std::string out = CsvLine(header);
  for (const AncestryStep& step : explanation.ancestry.line) {
    std::vector<std::string> row = {explanation.study, absl::StrCat(step.trial->number),
                                    step.trial->origin ? step.trial->origin->ToString() : "",
                                    step.parent != nullptr ? absl::StrCat(step.parent->number) : "",
                                    step.other != nullptr ? absl::StrCat(step.other->number) : ""};
    for (const auto& result : explanation.results(step.trial->number)) {
      row.push_back(result ? ordered_json(*result).dump() : "");
    }
    row.push_back(ChangesText(space, step.changes));
    out += CsvLine(row);
  }
  return out;
}

}  // namespace cambrian
