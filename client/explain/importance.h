// Which decisions matter: how much of the results each of them decides.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "client/explain/trials.h"
#include "common/nas/architecture.h"

namespace cambrian {

// The mean over the pairs of trees, and their standard deviation.
struct Spread {
  double mean = 0;
  double deviation = 0;
};

struct DecisionImportance {
  size_t decision = 0;
  // Shares of the variance over the whole space. What is 0 in truth comes out as 0 give or take its
  // deviation, also below it.
  Spread alone;     // what knowing this decision alone explains: the main effect, V_d / V
  Spread together;  // what is not explained without it, interactions included: the total effect

  // The levels with the best and the worst mean, and what result that is: the quantile of the
  // results at the mean rank. Empty where the decision has one level.
  std::string best;
  std::string worst;
  double best_value = 0;
  double worst_value = 0;
};

struct ImportanceReport {
  size_t trials = 0;    // it rests on
  bool enough = false;  // trials, and results that differ; else the rest is empty
  // Of the results' ranks, what trees say of trials that they have not seen: 1 is perfect, 0 what
  // guessing the mean does, and less is possible.
  double r2 = 0;
  std::vector<DecisionImportance> decisions;  // the largest `together` first
  // What no decision explains alone: their main effects taken from 1, 0 at least.
  double interactions = 0;
};

inline constexpr size_t kLeastForImportance = 20;  // trials

// Functional ANOVA of a random forest (Hutter, Hoos and Leyton-Brown, "An Efficient Approach for
// Assessing Hyperparameter Importance", 2014): trees (Breiman 2001) learn the results, and their
// variance over the whole space, where every value is as likely as in a random draw, is split into
// what each decision explains. Total effects as in Jansen 1999, by drawing.
//
// Two things differ. Results enter by their ranks (Iman and Conover 1979), so that neither a
// metric's scale nor a few disasters decide. And trees come in pairs, grown on two halves of the
// trials; an effect is the product of what the two say of it, not the square of what one says
// (cross-fitting): what one half shows by chance the other one does not, so that a decision which
// does nothing gets 0 on average and not what the trees overfitted. The deviation over the pairs is
// that of the figure itself: each pair is a delete-half jackknife sample (Shao and Wu 1989). Trees
// predict the halves that they have not seen, which is r2.
//
// A decision that does not exist in a trial gets a random value there, another one for each pair:
// that it has no effect is then learned, and its absence does not stand in for what caused it.
//
// Shares are of what the two halves' trees agree on, which is less than all there is: they miss
// interactions that half of the trials are too few to show. r2 says how much they have learned.
//
// `values` by trial, finite. Deterministic; O(pairs · trials · decisions · log trials). Beyond
// 20,000 trials, or 800,000 of them times decisions, a pair learns from a random choice of them.
ImportanceReport ComputeImportance(const std::vector<Decision>& decisions,
                                   absl::Span<const EvaluatedTrial> trials,
                                   absl::Span<const double> values, bool maximize);

}  // namespace cambrian
