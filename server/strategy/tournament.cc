#include "server/strategy/tournament.h"

#include <algorithm>
#include <limits>

#include "common/nas/front.h"

namespace cambrian {
namespace {

// 2 feasible, 1 a result, 0 none.
int Class(const Outcome& outcome) {
  if (outcome.values.empty()) return 0;
  return outcome.feasible ? 2 : 1;
}

// Of each in `members`, which are the positions of one front: the sum over objectives of the gap
// between its two neighbours, in shares of the front's range; infinite at the ends.
std::vector<double> Crowding(const std::vector<const Outcome*>& outcomes,
                             const std::vector<size_t>& members) {
  std::vector<double> crowding(members.size(), 0);
  for (size_t k = 0; k < outcomes[members[0]]->values.size(); ++k) {
    const auto value = [&](size_t i) { return outcomes[members[i]]->values[k]; };
    std::vector<size_t> order(members.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return value(a) < value(b); });
    const double range = value(order.back()) - value(order.front());
    crowding[order.front()] = crowding[order.back()] = std::numeric_limits<double>::infinity();
    if (range <= 0) continue;
    for (size_t i = 1; i + 1 < order.size(); ++i) {
      crowding[order[i]] += (value(order[i + 1]) - value(order[i - 1])) / range;
    }
  }
  return crowding;
}

}  // namespace

size_t BestOf(const std::vector<const Outcome*>& outcomes) {
  int best_class = 0;
  for (const Outcome* outcome : outcomes) best_class = std::max(best_class, Class(*outcome));
  std::vector<size_t> front;  // of the best class, what nobody in it dominates
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (Class(*outcomes[i]) != best_class) continue;
    const bool dominated =
        best_class > 0 && std::any_of(outcomes.begin(), outcomes.end(), [&](const Outcome* other) {
          return Class(*other) == best_class && Dominates(other->values, outcomes[i]->values);
        });
    if (!dominated) front.push_back(i);
  }
  if (best_class == 0 || outcomes[front[0]]->values.size() == 1) return front[0];
  const std::vector<double> crowding = Crowding(outcomes, front);
  return front[std::max_element(crowding.begin(), crowding.end()) - crowding.begin()];
}

}  // namespace cambrian
