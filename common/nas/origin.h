// Why an architecture was proposed: the line that is stored with its trial.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cambrian {

// Where an architecture came from, and what made its strategy choose it. Plain data. Its line is
// written and read here alone; N and M are numbers of trials, X, P, S numbers:
//
//   line    = choice [" (auto: " reason ")"]
//   choice  = [judged ", "] source
//   judged  = "expected improvement X" [" (P ± S)"] [" with weights X : X …"]
//           | "expected hypervolume improvement X (P ± S and P ± S)"
//           | "feasible with X %"
//           | "drew X (P ± S deviations)"
//   source  = ("random" | "random draw") [": " remark]
//           | "one of all" | "listed" | "from STUDY/N" | "warm start: " remark
//           | "density ratio e^X, the best new one of N"
//           | "emitted, log-probability X" again | "emitted and mutated: what was emitted is known"
//           | ("mutation" | "mutant" | "second mutant" | "neighbour") " of N" (": " changed |
//           again) | "crossover of N and M" again
//   again   = [", mutated"] [", mutated until new"]
//
// `changed` names decisions, as many as a strategy cares to name; what they were is in the trials.
struct Origin {
  enum class Source {
    kRandom,      // drawn from the whole space
    kEnumerated,  // one of all, in mixed order
    kListed,
    kInherited,  // of another study: trial `parent` of `study`
    kWarmStart,  // of the study file's warm start: `remark` is "STUDY/N" or "listed N"
    kDensity,    // drawn from the density of the good trials: `value` is how much likelier, as a
                 // logarithm, it is among them than among the others; the best of `drawn`
    kPolicy,     // emitted by a policy, which gives it the logarithm `value` of a probability
    kMutation,   // of `parent`
    kNeighbour,  // of `parent`
    kCrossover,  // of `parent` and `other`
  };
  enum class Judgement {
    kNone,
    kImprovement,  // `value` is expected beyond the best so far
    kHypervolume,  // `value` is expected to be added to the front's, in deviations of the results
    kFeasibility,  // `value` is the probability that it is feasible, where nothing has been yet
    kDraw,         // `value` was drawn from what is predicted, in deviations of the results so far
  };
  // Of the result, larger is better: as measured (negated where it is minimised), in deviations
  // (kDraw) or, with weights, as their distance from the best of every objective, negated.
  struct Prediction {
    double mean = 0;
    double deviation = 0;
    bool operator==(const Prediction&) const = default;
  };

  Source source = Source::kRandom;
  int64_t parent = 0;  // 0: none
  int64_t other = 0;
  std::string study;
  std::string changed;     // "cell.edge_0_1, cell.edge_0_2, …"
  std::string remark;      // of a random one ("no improvement expected nearby"), of a warm start
  bool twice = false;      // the mutation is one of a mutation
  bool mutated = false;    // and then a decision was changed
  bool until_new = false;  // and then others, until it was no work that is known
  int64_t drawn = 0;

  Judgement judgement = Judgement::kNone;
  std::optional<double> value;          // of the judgement; without one of the source
  std::vector<Prediction> predictions;  // of each objective (kHypervolume), or one, or none
  std::vector<double> weights;          // by objective, if there are several
  std::string reason;  // why this strategy, with its first trial: "auto: gp, since …"

  std::string ToString() const;
  bool operator==(const Origin&) const = default;
};

// Nothing if the line is none of these.
std::optional<Origin> ParseOrigin(absl::string_view line);

// The line, and why its strategy was chosen: "auto: gp, since …".
std::string WithReason(absl::string_view line, absl::string_view reason);

// Whether two lines say the same, so far as the first, which may be of an older program that wrote
// down less, says anything.
bool SaysTheSame(absl::string_view recorded, absl::string_view now);

}  // namespace cambrian
