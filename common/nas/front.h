// The feasible, non-dominated points of a study.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace cambrian {

// Points of which a larger value is better in every coordinate (negate what is minimised). Not
// thread-safe.
class Front {
 public:
  struct Point {
    int64_t id = 0;
    std::vector<double> values;
  };

  // Adds the point and drops those that it dominates. Of points with equal values the first stays.
  // Returns whether it is on the front now; points with a NaN are refused.
  bool Insert(Point point);

  // Best in the first coordinate first.
  const std::vector<Point>& points() const { return points_; }

  // The volume that the front dominates above `reference` (worse than every point of interest), by
  // slicing; points that are not better than it in every coordinate do not count. Two coordinates:
  // O(n log n).
  double Hypervolume(absl::Span<const double> reference) const;

 private:
  std::vector<Point> points_;
};

// Whether `a` is at least as good everywhere and better somewhere.
bool Dominates(absl::Span<const double> a, absl::Span<const double> b);

}  // namespace cambrian
