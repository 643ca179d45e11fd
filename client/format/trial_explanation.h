// Why a trial was proposed and where it comes from, for people and for programs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/explain/ancestry.h"
#include "client/explain/trials.h"
#include "common/nas/search_space.h"
#include "nlohmann/json.hpp"

namespace cambrian {

// By target, as measured; nothing where it has no result.
using ResultsOf = std::function<std::vector<std::optional<double>>(int64_t number)>;

struct TrialExplanation {
  std::string study;
  std::string state;   // "succeeded, on the front"
  std::string line;    // its origin as recorded
  std::string reason;  // of the strategy, if it chose itself
  std::vector<Target> targets;
  Ancestry ancestry;  // of this trial, at least itself
  ResultsOf results;
};

// "mutation of trial 41", "crossover of trials 3 and 9, then mutated".
std::string SourceSentence(const Origin& origin);
// "expected improvement 0.0021"; empty if the strategy judged nothing.
std::string JudgementSentence(const Origin& origin);
// "0.847 ± 0.003, came out 0.849 (+0.7 deviations)"; empty if it predicted nothing. `targets` and
// `results` as the strategy saw them.
std::string PredictionSentence(const Origin& origin, const std::vector<Target>& targets,
                               const std::vector<std::optional<double>>& results);

// `descriptor`: of the terminal or pipe.
std::string TrialExplanationText(const SearchSpace& space, const TrialExplanation& explanation,
                                 int descriptor);
nlohmann::ordered_json TrialExplanationJson(const SearchSpace& space,
                                            const TrialExplanation& explanation);
// The ancestry, a row for each step.
std::string TrialExplanationCsv(const SearchSpace& space, const TrialExplanation& explanation);

}  // namespace cambrian
