// The decisions of a space while it is compiled: their names, and under which conditions each was
// met.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/nas/space_rules.h"
#include "common/spec/document.h"

namespace cambrian {

// How a hole is named, and which design it belongs to: two uses of one block are two designs, all
// uses of a cell are one.
struct HolePath {
  std::string name;
  uint64_t design = 0;

  HolePath Under(absl::string_view segment) const;
  // The same name in the design of a block that is used at `place`.
  HolePath UsedAt(const Node* place) const;
};

// Not thread-safe. The compiler walks the template with every option; `Push` and `Pop` bracket what
// exists only under a condition, and each `Touch` notes that the decision exists under all
// conditions that are pushed.
class HoleRegistry {
 public:
  static constexpr size_t kMaxDecisions = 10'000;

  // `order`: names in the order in which decisions are numbered (from an earlier walk); others
  // follow.
  explicit HoleRegistry(const std::vector<std::string>& order);

  // The number of the decision of that name, written at `hole` in a design.
  // \error kAlreadyExists if another hole or design has the name; kResourceExhausted.
  absl::StatusOr<int> Declare(const Node* hole, uint64_t design, Decision decision);
  const Decision& decision(int number) const { return rules_.decisions[number]; }

  void Touch(int decision);
  // Every decision that the expression can need, each under the options that lead to it.
  void Touch(const Expression& expression);

  // "The decision has one of these values", by option or step of an integer.
  void Push(int decision, std::vector<bool> allowed);
  void Push(int decision, int option);
  // The expression is true. Made a condition on one decision where it is one.
  void Push(const ExpressionPtr& expression);
  void Pop() { conditions_.pop_back(); }

  void Require(ExpressionPtr condition, const std::string& text, TemplateMark mark);
  void CountedRequirement() { rules_.counted_requirements = true; }

  // All values of an expression of discrete decisions. \error kInvalidArgument if one is real,
  // there are more than 10,000 combinations, or the expression fails for one of them.
  absl::StatusOr<std::vector<Scalar>> AllValues(const Expression& expression) const;

  // Names so that a decision comes after all that it depends on; first met, first. Empty if they
  // depend on each other in a circle.
  std::vector<std::string> Order() const;
  // Decisions that were never touched are dropped only if they stand at the end; the compiler
  // touches all that it declares.
  SpaceRules Take() &&;

 private:
  int Intern(Atom atom);
  Conjunction Current() const;
  bool MergeExistence(std::vector<Conjunction>& alternatives, const Conjunction& added);

  SpaceRules rules_;
  absl::flat_hash_map<std::string, int> numbers_;
  absl::flat_hash_map<std::string, int> atom_numbers_;
  std::vector<std::pair<const Node*, uint64_t>> holes_;
  std::vector<int> met_;         // the order in which decisions were first touched
  std::vector<int> conditions_;  // atoms, in the order of Push; -1: always true
};

}  // namespace cambrian
