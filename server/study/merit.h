// How good a result is: for the strategy, for the front, and the front as one number.
#pragma once

#include <string>
#include <vector>

#include "common/nas/front.h"
#include "common/nas/objective.h"
#include "common/spec/study_spec.h"
#include "server/store/records.h"
#include "server/strategy/interface.h"

namespace cambrian {

// The objectives' values, larger is better. Every metric is there.
std::vector<double> ObjectiveValues(const StudySpec& study, const Metrics& metrics);

// Whether every constraint holds.
bool IsFeasible(const StudySpec& study, const Metrics& metrics);

// What the strategy is told: the scalarisation if the study has one, else the objectives. Without
// metrics: no result.
Outcome OutcomeOf(const StudySpec& study, const Metrics& metrics);

// The same for an ended trial: only a succeeded one has a result.
Outcome OutcomeOfTrial(const StudySpec& study, const TrialRecord& trial);

// What is wrong with a result, or empty: a metric that the study needs is missing.
std::string MissingMetric(const StudySpec& study, const Metrics& metrics);

// The front's hypervolume, scaled into [0, 1]. `reference` is the worst of each objective among the
// first feasible trials. Along each objective a point counts from 0 at the reference: an accuracy
// up to 1 at 100 %, what is minimised (from a positive reference) up to 1 at 0, anything else by
// gain / (1 + gain).
double ScaledHypervolume(const std::vector<Objective>& objectives, const Front& front,
                         const std::vector<double>& reference);

}  // namespace cambrian
