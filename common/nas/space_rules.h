// Which decisions of a space exist when, and what must hold of them.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "common/nas/architecture.h"
#include "common/nas/expression.h"
#include "common/nas/search_space.h"
#include "common/nas/template.h"

namespace cambrian {

// A condition on decisions. Plain data.
struct Atom {
  int decision =
      -1;  // a condition on one decision: by option, or by step of an integer, whether it holds …
  std::vector<bool> allowed;
  ExpressionPtr expression;  // … else on several: an expression that must be true
  bool operator==(const Atom&) const = default;
};

// All of these atoms hold, by index into SpaceRules::atoms, sorted. Empty: always.
using Conjunction = std::vector<int>;

struct Requirement {
  ExpressionPtr condition;
  Conjunction where;  // it must hold only where its definition is built
  std::string text;
  TemplateMark mark;
  int last = -1;  // the decision that settles it: the last one that it or `where` names
};

// Plain data, immutable once a space is made. A decision comes after all that its conditions name.
struct SpaceRules {
  std::vector<Decision> decisions;
  std::vector<Atom> atoms;
  std::vector<std::vector<Conjunction>> existence;  // by decision: it exists if one of them holds
  std::vector<Requirement> requirements;
  bool counted_requirements =
      false;  // a `require` on $edges or $nodes, which only a network can answer

  bool Holds(const Conjunction& conjunction, absl::Span<const double> values) const;
  bool Exists(size_t decision, absl::Span<const double> values) const;
};

// How many values a decision has, 0 for real ones; the value that the index stands for, and the
// index of a value.
uint64_t ValueCount(const Decision& decision);
double ValueAt(const Decision& decision, uint64_t index);
uint64_t IndexOf(const Decision& decision, double value);

// Exact by sums and products where existence is a tree and nothing is required; else estimated from
// `samples`, each the logarithm of the number of ways that a top-down draw had: the mean of their
// exponentials is the size.
SpaceSize SizeOf(const SpaceRules& rules, const std::vector<double>& log_weights);
// Whether SizeOf needs samples.
bool SizeNeedsSamples(const SpaceRules& rules);

}  // namespace cambrian
