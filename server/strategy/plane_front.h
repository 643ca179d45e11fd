// A front of two objectives, and how much a guess is expected to add to it.
#pragma once

#include <array>
#include <map>

namespace cambrian {

// What non-dominated points dominate above a reference point, larger values being better. Not
// thread-safe.
class PlaneFront {
 public:
  using Point = std::array<double, 2>;

  explicit PlaneFront(Point reference) : reference_(reference) {}

  // Nothing changes if the front dominates it, or it does not exceed the reference in both.
  void Insert(Point point);

  // The expected hypervolume improvement, exactly: the mean area that a point adds whose objectives
  // are independent normals. In strips between neighbours of the front (Emmerich et al. 2011; Yang
  // et al. 2019, section 4): O(front). The area is convex in each objective, so that more doubt
  // (deviations ≥ 0) never makes it less.
  double ExpectedGain(Point mean, Point deviation) const;

  // By the first objective, ascending: to the second, descending.
  const std::map<double, double>& points() const { return points_; }

 private:
  const Point reference_;
  std::map<double, double> points_;
};

}  // namespace cambrian
