// cambrian explain: what a study's trials show, and why one of them was proposed.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/commands/command.h"
#include "client/format/busy.h"
#include "client/format/explanation.h"
#include "client/format/json.h"
#include "client/format/terminal.h"
#include "client/format/trial_explanation.h"
#include "common/base/nearest.h"
#include "common/base/status.h"
#include "common/wire/convert.h"

namespace cambrian {
namespace {

struct ExplainOptions {
  CommonOptions common;
  std::string study;      // or a trial
  int64_t trial = 0;      // 0: the whole study
  std::string objective;  // empty: all
};

// What the study's strategy climbs: its objectives or one weighted sum.
struct Goal {
  Target target;
  std::vector<std::pair<std::string, double>> weights;  // of metrics
};

std::vector<Goal> GoalsOf(const StudySpec& study) {
  if (study.scalarization) return {{{"weighted sum", true}, study.scalarization->weights}};
  std::vector<Goal> goals;
  for (const Objective& objective : study.objectives) {
    goals.push_back({{objective.metric, objective.maximize}, {{objective.metric, 1}}});
  }
  return goals;
}

std::vector<Target> TargetsOf(const StudySpec& study) {
  std::vector<Target> targets;
  for (const Goal& goal : GoalsOf(study)) targets.push_back(goal.target);
  return targets;
}

// Of a trial that has succeeded.
std::optional<double> ValueOf(const Goal& goal, const Metrics& metrics) {
  double sum = 0;
  for (const auto& [metric, weight] : goal.weights) {
    const auto found = metrics.find(metric);
    if (found == metrics.end() || !std::isfinite(found->second.value)) return std::nullopt;
    sum += weight * found->second.value;
  }
  return sum;
}

std::vector<std::optional<double>> ResultsOfTrial(const StudySpec& study, const v1::Trial& trial) {
  const Metrics metrics = FromProto(trial.metrics());
  std::vector<std::optional<double>> results;
  for (const Goal& goal : GoalsOf(study)) {
    results.push_back(trial.state() == v1::TRIAL_SUCCEEDED ? ValueOf(goal, metrics) : std::nullopt);
  }
  return results;
}

bool BreaksConstraint(const StudySpec& study, const v1::Trial& trial) {
  const Metrics metrics = FromProto(trial.metrics());
  for (const Constraint& constraint : study.constraints) {
    const auto found = metrics.find(constraint.metric);
    if (found != metrics.end() && !constraint.Holds(found->second.value)) return true;
  }
  return false;
}

absl::StatusOr<Architecture> ArchitectureOf(const SearchSpace& space, const v1::Trial& trial) {
  const absl::StatusOr<Architecture> architecture =
      space.FromJson(nlohmann::json::parse(trial.architecture(), nullptr, false));
  if (architecture.ok()) return architecture;
  return Annotate(architecture.status(), absl::StrCat("trial ", trial.number()));
}

// The feasible trials that have every result; the others are counted.
absl::StatusOr<std::vector<EvaluatedTrial>> Evaluated(const StudySpec& study,
                                                      absl::Span<const v1::Trial> trials,
                                                      StudyExplanation& explanation) {
  std::vector<EvaluatedTrial> evaluated;
  for (const v1::Trial& trial : trials) {
    if (trial.state() == v1::TRIAL_INFEASIBLE ||
        (trial.state() == v1::TRIAL_SUCCEEDED && BreaksConstraint(study, trial))) {
      ++explanation.infeasible;
      continue;
    }
    EvaluatedTrial each;
    each.number = trial.number();
    each.on_front = trial.on_front();
    for (const std::optional<double>& result : ResultsOfTrial(study, trial)) {
      if (result) each.values.push_back(*result);
    }
    if (each.values.size() < GoalsOf(study).size()) {
      ++explanation.other;
      continue;
    }
    ASSIGN_OR_RETURN(each.architecture, ArchitectureOf(*study.space, trial));
    evaluated.push_back(std::move(each));
  }
  explanation.evaluated = evaluated.size();
  return evaluated;
}

TargetExplanation ExplainTarget(const SearchSpace& space, const Target& target, size_t place,
                                absl::Span<const EvaluatedTrial> trials) {
  std::vector<double> values;
  for (const EvaluatedTrial& trial : trials) values.push_back(trial.values[place]);
  TargetExplanation explanation;
  explanation.target = target;
  explanation.importance = ComputeImportance(space.decisions(), trials, values, target.maximize);
  explanation.best = BestTenth(values, target.maximize);
  if (explanation.best.size > 0) {
    explanation.preferences = FindPreferences(space.decisions(), trials, explanation.best.best);
  }
  return explanation;
}

void ExplainFront(const SearchSpace& space, absl::Span<const EvaluatedTrial> trials,
                  StudyExplanation& explanation) {
  std::vector<bool> front;
  for (const EvaluatedTrial& trial : trials) {
    front.push_back(trial.on_front);
    explanation.front += trial.on_front ? 1 : 0;
  }
  if (explanation.front >= kLeastBest) {
    explanation.front_preferences = FindPreferences(space.decisions(), trials, front);
  } else {
    explanation.front = 0;
  }
}

absl::Status CheckObjective(const StudySpec& study, const std::string& objective) {
  std::vector<std::string> names;
  for (const Target& target : TargetsOf(study)) names.push_back(target.name);
  if (objective.empty() || std::find(names.begin(), names.end(), objective) != names.end()) {
    return absl::OkStatus();
  }
  const std::string hint = DidYouMean(objective, names);
  return absl::InvalidArgumentError(
      absl::StrCat("no objective \"", objective, "\"; ",
                   hint.empty() ? absl::StrCat("there are: ", absl::StrJoin(names, ", ")) : hint));
}

absl::StatusOr<ExitCode> ExplainStudy(const OpenStudy& study, absl::Span<const v1::Trial> trials,
                                      const ExplainOptions& options) {
  RETURN_IF_ERROR(CheckObjective(*study.spec, options.objective));
  const SearchSpace& space = *study.spec->space;
  StudyExplanation explanation;
  explanation.study = study.summary.name();
  {
    const Busy busy("explaining", !options.common.quiet);
    ASSIGN_OR_RETURN(const std::vector<EvaluatedTrial> evaluated,
                     Evaluated(*study.spec, trials, explanation));
    const std::vector<Target> targets = TargetsOf(*study.spec);
    for (size_t t = 0; t < targets.size(); ++t) {
      if (!options.objective.empty() && options.objective != targets[t].name) continue;
      explanation.targets.push_back(ExplainTarget(space, targets[t], t, evaluated));
    }
    if (explanation.targets.size() > 1) ExplainFront(space, evaluated, explanation);
  }
  switch (options.common.output) {
    case Output::kJson:
      std::cout << JsonLine(StudyExplanationJson(space, explanation));
      break;
    case Output::kCsv:
      std::cout << StudyExplanationCsv(space, explanation);
      break;
    case Output::kTable: {
      const Terminal terminal = Terminal::Of(STDOUT_FILENO);
      std::cout << StudyExplanationText(space, explanation, terminal.width, terminal.colour);
      break;
    }
  }
  const bool ended = study.summary.state() == v1::COMPLETED;
  return explanation.evaluated == 0 && ended ? kNothingFeasible : kDone;
}

absl::StatusOr<ExitCode> ExplainTrial(const OpenStudy& study, absl::Span<const v1::Trial> trials,
                                      int64_t number, const CommonOptions& options) {
  const SearchSpace& space = *study.spec->space;
  std::map<int64_t, ProposedTrial> proposed;
  absl::flat_hash_map<int64_t, const v1::Trial*> by_number;
  for (const v1::Trial& trial : trials) {
    by_number[trial.number()] = &trial;
    ASSIGN_OR_RETURN(Architecture architecture, ArchitectureOf(space, trial));
    proposed[trial.number()] = {trial.number(), std::move(architecture),
                                ParseOrigin(trial.origin())};
  }
  const auto found = by_number.find(number);
  if (found == by_number.end()) {
    return absl::NotFoundError(absl::StrCat("study \"", study.summary.name(), "\" has no trial ",
                                            number, "; it has ", trials.size()));
  }
  const v1::Trial& trial = *found->second;
  TrialExplanation explanation;
  explanation.study = study.summary.name();
  explanation.state =
      absl::StrCat(TrialStateName(trial.state()), trial.on_front() ? ", on the front" : "");
  explanation.line = trial.origin();
  explanation.targets = TargetsOf(*study.spec);
  explanation.ancestry =
      TraceAncestry(proposed.at(number), [&](int64_t other) -> const ProposedTrial* {
        const auto it = proposed.find(other);
        return it == proposed.end() ? nullptr : &it->second;
      });
  explanation.results = [&](int64_t other) {
    return ResultsOfTrial(*study.spec, *by_number.at(other));
  };
  if (options.output == Output::kJson) {
    std::cout << JsonLine(TrialExplanationJson(space, explanation));
  } else if (options.output == Output::kCsv) {
    std::cout << TrialExplanationCsv(space, explanation);
  } else {
    std::cout << TrialExplanationText(space, explanation, STDOUT_FILENO);
  }
  return kDone;
}

absl::StatusOr<ExitCode> Explain(const ExplainOptions& options) {
  TrialName name{options.study, options.trial};
  if (options.study.find('/') != std::string::npos) {
    ASSIGN_OR_RETURN(name, ParseTrialName(options.study));
    if (options.trial > 0 && options.trial != name.number) {
      return absl::InvalidArgumentError(
          absl::StrCat(options.study, " and --trial ", options.trial, " are two trials"));
    }
  }
  if (name.number > 0 && !options.objective.empty()) {
    return absl::InvalidArgumentError("--objective is for whole studies");
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options.common));
  ASSIGN_OR_RETURN(const OpenStudy study, FindStudy(session->client(), name.study));
  ASSIGN_OR_RETURN(const std::vector<v1::Trial> trials,
                   session->client().ListTrials(study.summary.name()));
  return name.number > 0 ? ExplainTrial(study, trials, name.number, options.common)
                         : ExplainStudy(study, trials, options);
}

}  // namespace

void AddExplain(CLI::App& app, Action& action) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* verb = app.add_subcommand(
      "explain", "Which decisions matter, what the best prefer, why a trial was proposed");
  verb->add_option("study", options->study,
                   "name, or its beginning; the only one if left out. STUDY/NUMBER: that trial");
  verb->add_option("--trial", options->trial, "why this trial was proposed, and its ancestry")
      ->check(CLI::PositiveNumber.description(""))
      ->type_name("NUMBER");
  verb->add_option("--objective", options->objective, "of several objectives only this one")
      ->type_name("NAME");
  AddCommonOptions(*verb, options->common);
  verb->footer(
      "Importance is a share of the variance over the whole space, as a forest of trees predicts\n"
      "it; what is preferred is tested against chance. docs/explain.md says how to read both.\n"
      "Examples:\n"
      "  cambrian explain fashion-1\n"
      "  cambrian explain fashion-1 --objective latency_ms\n"
      "  cambrian explain fashion-1/19\n"
      "  cambrian explain fashion-1 --output json | jq .objectives[0].importance.decisions[0]");
  verb->callback([options, &action] { action = [options] { return Explain(*options); }; });
}

}  // namespace cambrian
