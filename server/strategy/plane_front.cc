#include "server/strategy/plane_front.h"

#include <iterator>

#include "server/strategy/gaussian_process.h"

namespace cambrian {

void PlaneFront::Insert(Point point) {
  if (!(point[0] > reference_[0] && point[1] > reference_[1])) return;
  auto it = points_.lower_bound(point[0]);
  if (it != points_.end() && it->second >= point[1]) return;
  if (it != points_.end() && it->first == point[0]) it = points_.erase(it);
  while (it != points_.begin() && std::prev(it)->second <= point[1]) {
    it = points_.erase(std::prev(it));
  }
  points_.emplace_hint(it, point[0], point[1]);
}

// Where the first objective lies between two neighbours, the second one exceeds the right one's.
double PlaneFront::ExpectedGain(Point mean, Point deviation) const {
  double gain = 0;
  double beyond = ExpectedImprovement(mean[0], deviation[0], reference_[0]);
  for (const auto& [first, second] : points_) {
    const double beyond_next = ExpectedImprovement(mean[0], deviation[0], first);
    gain += (beyond - beyond_next) * ExpectedImprovement(mean[1], deviation[1], second);
    beyond = beyond_next;
  }
  return gain + beyond * ExpectedImprovement(mean[1], deviation[1], reference_[1]);
}

}  // namespace cambrian
