#include "client/explain/ancestry.h"

#include <set>
#include <utility>

namespace cambrian {
namespace {

bool HasParents(const Origin& origin) {
  switch (origin.source) {
    case Origin::Source::kMutation:
    case Origin::Source::kNeighbour:
    case Origin::Source::kCrossover:
      return true;
    default:
      return false;  // also what another study's trial was: it is not among these
  }
}

// The trials that it was made of, the one that its origin names first before the other.
std::vector<const ProposedTrial*> ParentsOf(const ProposedTrial& trial, const FindTrial& find) {
  std::vector<const ProposedTrial*> parents;
  if (!trial.origin || !HasParents(*trial.origin)) return parents;
  for (const int64_t number : {trial.origin->parent, trial.origin->other}) {
    if (number < 1 || number >= trial.number) continue;
    if (const ProposedTrial* const parent = find(number)) parents.push_back(parent);
  }
  return parents;
}

size_t CountAncestors(const ProposedTrial& trial, const FindTrial& find) {
  std::set<int64_t> known;
  std::vector<const ProposedTrial*> open = {&trial};
  while (!open.empty()) {
    const ProposedTrial* const next = open.back();
    open.pop_back();
    for (const ProposedTrial* const parent : ParentsOf(*next, find)) {
      if (known.insert(parent->number).second) open.push_back(parent);
    }
  }
  return known.size();
}

}  // namespace

std::vector<DecisionChange> ChangesBetween(const Architecture& from, const Architecture& to) {
  std::vector<DecisionChange> changes;
  for (size_t d = 0; d < to.values.size(); ++d) {
    DecisionChange change{d, std::nullopt, std::nullopt};
    if (from.Has(d)) change.from = from.values[d];
    if (to.Has(d)) change.to = to.values[d];
    if (change.from != change.to) changes.push_back(change);
  }
  return changes;
}

Ancestry TraceAncestry(const ProposedTrial& trial, const FindTrial& find) {
  Ancestry ancestry;
  ancestry.ancestors = CountAncestors(trial, find);
  const ProposedTrial* next = &trial;
  while (next != nullptr) {
    AncestryStep step;
    step.trial = next;
    std::vector<const ProposedTrial*> parents = ParentsOf(*next, find);
    if (!parents.empty()) {
      step.parent = parents[0];
      step.changes = ChangesBetween(parents[0]->architecture, next->architecture);
    }
    if (parents.size() > 1) {
      step.other = parents[1];
      std::vector<DecisionChange> changes =
          ChangesBetween(parents[1]->architecture, next->architecture);
      if (changes.size() < step.changes.size()) {
        std::swap(step.parent, step.other);
        step.changes = std::move(changes);
      }
    }
    next = step.parent;
    ancestry.line.push_back(std::move(step));
  }
  return ancestry;
}

}  // namespace cambrian
