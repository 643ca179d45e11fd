// Who is better among many, with one objective or several.
#pragma once

#include <vector>

#include "server/strategy/interface.h"

namespace cambrian {

// The place of an outcome among others. Plain data.
struct Merit {
  // The number of its front: feasible ones first, then infeasible ones that have values, then all
  // that have none. With one objective equal values share a front.
  int front = 0;
  // The crowding distance within that front (Deb et al. 2002): the sum over objectives of the gap
  // between its two neighbours, in shares of the front's range; infinite at the ends. 0 with one
  // objective.
  double crowding = 0;

  bool operator==(const Merit&) const = default;
};

// Whether `a` is better: an earlier front, then a lonelier place on it.
inline bool Better(const Merit& a, const Merit& b) {
  return a.front != b.front ? a.front < b.front : a.crowding > b.crowding;
}

// By outcome. O(n log n) with up to two objectives; with more at most O(n²), mostly far less: each
// outcome is held against the fronts before it from their newest member (Zhang et al. 2015, ENS).
std::vector<Merit> MeritsOf(const std::vector<const Outcome*>& outcomes);

}  // namespace cambrian
