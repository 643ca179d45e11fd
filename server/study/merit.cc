#include "server/study/merit.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace cambrian {
namespace {

// `value` and `reference` as in ObjectiveValues: negated where the objective is minimised.
double Gain(const Objective& objective, double value, double reference) {
  const double gain = value - reference;
  if (gain <= 0) return 0;
  if (objective.maximize && absl::EndsWith(objective.metric, "accuracy") && value <= 1) {
    return gain / (1 - reference);
  }
  if (!objective.maximize && value <= 0) return gain / -reference;
  return gain / (1 + gain);
}

}  // namespace

std::vector<double> ObjectiveValues(const StudySpec& study, const Metrics& metrics) {
  std::vector<double> values;
  for (const Objective& objective : study.objectives) {
    const double value = metrics.at(objective.metric).value;
    values.push_back(objective.maximize ? value : -value);
  }
  return values;
}

bool IsFeasible(const StudySpec& study, const Metrics& metrics) {
  for (const Constraint& constraint : study.constraints) {
    if (!constraint.Holds(metrics.at(constraint.metric).value)) return false;
  }
  return true;
}

Outcome OutcomeOf(const StudySpec& study, const Metrics& metrics) {
  if (!MissingMetric(study, metrics).empty()) return {};
  Outcome outcome;
  outcome.feasible = IsFeasible(study, metrics);
  if (!study.scalarization) {
    outcome.values = ObjectiveValues(study, metrics);
    return outcome;
  }
  double sum = 0;
  for (const auto& [metric, weight] : study.scalarization->weights) {
    sum += weight * metrics.at(metric).value;
  }
  outcome.values = {sum};
  return outcome;
}

Outcome OutcomeOfTrial(const StudySpec& study, const TrialRecord& trial) {
  return trial.state == v1::TRIAL_SUCCEEDED ? OutcomeOf(study, trial.metrics) : Outcome{};
}

std::string MissingMetric(const StudySpec& study, const Metrics& metrics) {
  const auto missing = [&](const std::string& metric) {
    return metrics.contains(metric) ? "" : absl::StrCat("the evaluator reported no ", metric);
  };
  std::string problem;
  for (const Objective& objective : study.objectives) {
    if (problem.empty()) problem = missing(objective.metric);
  }
  for (const Constraint& constraint : study.constraints) {
    if (problem.empty()) problem = missing(constraint.metric);
  }
  if (study.scalarization) {
    for (const auto& [metric, weight] : study.scalarization->weights) {
      if (problem.empty()) problem = missing(metric);
    }
  }
  return problem;
}

double ScaledHypervolume(const std::vector<Objective>& objectives, const Front& front,
                         const std::vector<double>& reference) {
  Front scaled;
  for (const Front::Point& point : front.points()) {
    Front::Point gains{point.id, {}};
    for (size_t i = 0; i < objectives.size(); ++i) {
      gains.values.push_back(Gain(objectives[i], point.values[i], reference[i]));
    }
    scaled.Insert(std::move(gains));
  }
  const std::vector<double> origin(objectives.size(), 0);
  return scaled.Hypervolume(origin);
}

}  // namespace cambrian
