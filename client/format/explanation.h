// Explanations of a study and of a trial, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "client/explain/ancestry.h"
#include "client/explain/importance.h"
#include "client/explain/preference.h"
#include "client/explain/trials.h"
#include "client/format/table.h"
#include "common/nas/search_space.h"
#include "nlohmann/json.hpp"

namespace cambrian {

// What is said about one target.
struct TargetExplanation {
  Target target;
  ImportanceReport importance;
  BestGroup best;
  PreferenceReport preferences;  // of the best
};

// Everything about a study.
struct StudyExplanation {
  std::string study;
  size_t evaluated = 0;   // trials that all this rests on
  size_t infeasible = 0;  // left out: could not work, or break a constraint
  size_t other = 0;       // left out: run, failed, cancelled
  std::vector<TargetExplanation> targets;
  // With several objectives: of the front against the rest.
  size_t front = 0;
  PreferenceReport front_preferences;
};

// Its name without what all those of the network begin with: "edge_0_3".
std::string ShortName(const SearchSpace& space, size_t decision);
// "conv3x3", "0.031", "–" where the decision does not exist.
std::string ValueText(const Decision& decision, const std::optional<double>& value);
// "edge_0_3: skip → conv3x3, …, and 3 more".
std::string ChangesText(const SearchSpace& space, absl::Span<const DecisionChange> changes);

// At most `most` decisions: those that matter most.
Table ImportanceTable(const SearchSpace& space, const ImportanceReport& report, size_t most);
Table PreferenceTable(const SearchSpace& space, absl::Span<const Preference> preferences,
                      size_t most);

// For a terminal of that width (0: no limit).
std::string StudyExplanationText(const SearchSpace& space, const StudyExplanation& explanation,
                                 int width, bool colour);
nlohmann::ordered_json StudyExplanationJson(const SearchSpace& space,
                                            const StudyExplanation& explanation);
// The importances: a row for each target and decision.
std::string StudyExplanationCsv(const SearchSpace& space, const StudyExplanation& explanation);

}  // namespace cambrian
