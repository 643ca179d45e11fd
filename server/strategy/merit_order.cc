#include "server/strategy/merit_order.h"

#include <algorithm>
#include <limits>

#include "common/nas/front.h"

namespace cambrian {
namespace {

using Outcomes = std::vector<const Outcome*>;
using Members = std::vector<size_t>;

// 0 feasible, 1 a result, 2 none.
int ClassOf(const Outcome& outcome) {
  if (outcome.values.empty()) return 2;
  return outcome.feasible ? 0 : 1;
}

// Sorted by values, the largest first, no member is dominated by a later one. With two objectives a
// front's newest member has its largest second value, so it stands for the whole front, and the
// fronts' newest members get worse from front to front: binary search.
std::vector<Members> FrontsOf(const Outcomes& outcomes, Members members) {
  std::stable_sort(members.begin(), members.end(),
                   [&](size_t a, size_t b) { return outcomes[a]->values > outcomes[b]->values; });
  const bool plane = outcomes[members[0]]->values.size() <= 2;
  std::vector<Members> fronts;
  for (const size_t member : members) {
    const auto dominated = [&](const Members& front) {
      const auto by = [&](size_t other) {
        return Dominates(outcomes[other]->values, outcomes[member]->values);
      };
      return plane ? by(front.back()) : std::any_of(front.rbegin(), front.rend(), by);
    };
    auto front = plane ? std::partition_point(fronts.begin(), fronts.end(), dominated)
                       : std::find_if_not(fronts.begin(), fronts.end(), dominated);
    if (front == fronts.end()) front = fronts.emplace(front);
    front->push_back(member);
  }
  return fronts;
}

void AddCrowding(const Outcomes& outcomes, Members front, std::vector<Merit>& merits) {
  const size_t objectives = outcomes[front[0]]->values.size();
  if (objectives == 1) return;
  for (size_t k = 0; k < objectives; ++k) {
    const auto value = [&](size_t i) { return outcomes[i]->values[k]; };
    std::sort(front.begin(), front.end(), [&](size_t a, size_t b) {
      return value(a) != value(b) ? value(a) < value(b) : a < b;
    });
    const double range = value(front.back()) - value(front.front());
    merits[front.front()].crowding = std::numeric_limits<double>::infinity();
    merits[front.back()].crowding = std::numeric_limits<double>::infinity();
    if (!(range > 0)) continue;
    for (size_t i = 1; i + 1 < front.size(); ++i) {
      merits[front[i]].crowding += (value(front[i + 1]) - value(front[i - 1])) / range;
    }
  }
}

}  // namespace

std::vector<Merit> MeritsOf(const Outcomes& outcomes) {
  std::vector<Merit> merits(outcomes.size());
  int front = 0;
  for (const int wanted : {0, 1, 2}) {
    Members members;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (ClassOf(*outcomes[i]) == wanted) members.push_back(i);
    }
    if (members.empty()) continue;
    if (wanted == 2) {
      for (const size_t i : members) merits[i].front = front;
      continue;
    }
    for (const Members& of_front : FrontsOf(outcomes, std::move(members))) {
      for (const size_t i : of_front) merits[i].front = front;
      AddCrowding(outcomes, of_front, merits);
      ++front;
    }
  }
  return merits;
}

}  // namespace cambrian
