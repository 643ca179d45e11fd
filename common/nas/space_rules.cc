#include "common/nas/space_rules.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cambrian {
namespace {

constexpr int kRoot = -1;
constexpr int kTangled = -2;

// The decision on which alone the existence of `d` hangs where `d`'s parent exists, kRoot or
// kTangled.
int ParentOf(const SpaceRules& rules, size_t d) {
  const std::vector<Conjunction>& alternatives = rules.existence[d];
  if (alternatives.size() != 1) return kTangled;
  const Conjunction& atoms = alternatives[0];
  if (atoms.empty()) return kRoot;
  int parent = kRoot;
  int deciding = 0;
  for (const int atom : atoms) {
    if (rules.atoms[atom].decision < 0) return kTangled;
    if (rules.atoms[atom].decision >= parent) {
      deciding += rules.atoms[atom].decision == parent ? 1 : 1 - deciding;
      parent = rules.atoms[atom].decision;
    }
  }
  if (deciding != 1 || rules.existence[parent].size() != 1) return kTangled;
  const Conjunction& implied = rules.existence[parent][0];
  for (const int atom : atoms) {
    if (rules.atoms[atom].decision == parent) continue;
    if (!std::binary_search(implied.begin(), implied.end(), atom)) return kTangled;
  }
  return parent;
}

const Atom& AtomOn(const SpaceRules& rules, size_t d, int parent) {
  for (const int atom : rules.existence[d][0]) {
    if (rules.atoms[atom].decision == parent) return rules.atoms[atom];
  }
  return rules.atoms[0];  // not reached: ParentOf found one
}

double LogMeanExp(const std::vector<double>& logs) {
  const double top = *std::max_element(logs.begin(), logs.end());
  double sum = 0;
  for (const double x : logs) sum += std::exp(x - top);
  return top + std::log(sum / static_cast<double>(logs.size()));
}

// Counts below each decision; the count of a decision is the sum over its values of the product
// over what they open.
struct Tree {
  const SpaceRules& rules;
  std::vector<std::vector<size_t>> children;
  bool overflow = false;

  absl::uint128 Times(absl::uint128 a, absl::uint128 b) {
    if (b != 0 && a > absl::Uint128Max() / b) overflow = true;
    return a * b;
  }
  absl::uint128 Count(size_t d, long double& log) {
    const uint64_t values = ValueCount(rules.decisions[d]);
    if (children[d].empty()) {
      log = std::log(static_cast<long double>(values));
      return values;
    }
    std::vector<std::pair<absl::uint128, long double>> below;
    for (const size_t child : children[d]) {
      long double child_log = 0;
      const absl::uint128 count = Count(child, child_log);
      below.emplace_back(count, child_log);
    }
    absl::uint128 sum = 0;
    long double log_sum = -std::numeric_limits<long double>::infinity();
    for (uint64_t v = 0; v < values; ++v) {
      absl::uint128 product = 1;
      long double log_product = 0;
      for (size_t c = 0; c < children[d].size(); ++c) {
        if (!AtomOn(rules, children[d][c], static_cast<int>(d)).allowed[v]) continue;
        product = Times(product, below[c].first);
        log_product += below[c].second;
      }
      if (product > absl::Uint128Max() - sum) overflow = true;
      sum += product;
      const long double top = std::max(log_sum, log_product);
      log_sum = top + std::log(std::exp(log_sum - top) + std::exp(log_product - top));
    }
    log = log_sum;
    return sum;
  }
};

}  // namespace

bool SpaceRules::Holds(const Conjunction& conjunction, absl::Span<const double> values) const {
  for (const int index : conjunction) {
    const Atom& atom = atoms[index];
    if (atom.decision >= 0) {
      const double value = values[atom.decision];
      if (std::isnan(value)) return false;
      const Decision& decision = decisions[atom.decision];
      const size_t at = decision.kind == Decision::Kind::kCategorical ? static_cast<size_t>(value)
                                                                      : IndexOf(decision, value);
      if (!atom.allowed[at]) return false;
    } else if (!EvaluateBool(*atom.expression, {values}).value_or(false)) {
      return false;
    }
  }
  return true;
}

bool SpaceRules::Exists(size_t decision, absl::Span<const double> values) const {
  for (const Conjunction& alternative : existence[decision]) {
    if (Holds(alternative, values)) return true;
  }
  return false;
}

uint64_t ValueCount(const Decision& decision) {
  switch (decision.kind) {
    case Decision::Kind::kCategorical:
      return decision.options.size();
    case Decision::Kind::kInteger:
      return static_cast<uint64_t>((decision.high - decision.low) / decision.step) + 1;
    case Decision::Kind::kReal:
      return 0;
  }
  return 0;
}

double ValueAt(const Decision& decision, uint64_t index) {
  if (decision.kind == Decision::Kind::kCategorical) return static_cast<double>(index);
  return decision.low + decision.step * static_cast<double>(index);
}

uint64_t IndexOf(const Decision& decision, double value) {
  if (decision.kind == Decision::Kind::kCategorical) return static_cast<uint64_t>(value);
  return static_cast<uint64_t>(std::llround((value - decision.low) / decision.step));
}

bool SizeNeedsSamples(const SpaceRules& rules) {
  if (!rules.requirements.empty() || rules.counted_requirements) return true;
  for (size_t d = 0; d < rules.decisions.size(); ++d) {
    if (ParentOf(rules, d) == kTangled) return true;
  }
  return false;
}

SpaceSize SizeOf(const SpaceRules& rules, const std::vector<double>& log_weights) {
  SpaceSize size;
  for (const Decision& decision : rules.decisions) {
    if (decision.kind == Decision::Kind::kReal) size.infinite = true;
  }
  if (size.infinite) return size;
  if (!log_weights.empty()) {
    size.log10 = LogMeanExp(log_weights) / std::log(10.0);
    return size;
  }
  Tree tree{rules, std::vector<std::vector<size_t>>(rules.decisions.size())};
  std::vector<size_t> roots;
  for (size_t d = 0; d < rules.decisions.size(); ++d) {
    const int parent = ParentOf(rules, d);
    (parent == kRoot ? roots : tree.children[parent]).push_back(d);
  }
  absl::uint128 count = 1;
  long double log = 0;
  for (const size_t root : roots) {
    long double root_log = 0;
    count = tree.Times(count, tree.Count(root, root_log));
    log += root_log;
  }
  size.exact = !tree.overflow;
  size.count = size.exact ? count : absl::uint128(0);
  size.log10 = static_cast<double>(log / std::log(10.0L));
  return size;
}

}  // namespace cambrian
