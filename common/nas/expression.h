// Expressions of the space language after names are resolved: constants, decisions, and what is
// computed from them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace cambrian {

// A scalar: a number, a truth or a text (the name of an operation, of a join …). Plain data.
struct Scalar {
  enum class Kind { kNumber, kBool, kText };
  Kind kind = Kind::kNumber;
  double number = 0;     // kNumber, kBool (0 or 1)
  bool integer = false;  // kNumber: written or computed as an integer
  std::string text;      // kText

  static Scalar Integer(int64_t value) {
    return {Kind::kNumber, static_cast<double>(value), true, {}};
  }
  static Scalar Real(double value) { return {Kind::kNumber, value, false, {}}; }
  static Scalar Bool(bool value) { return {Kind::kBool, value ? 1.0 : 0.0, false, {}}; }
  static Scalar Text(std::string value) { return {Kind::kText, 0, false, std::move(value)}; }

  // As in a file: "3", "0.25", "true", "relu".
  std::string ToString() const;
  bool operator==(const Scalar&) const = default;
};

struct Expression;
using ExpressionPtr = std::shared_ptr<const Expression>;

// A node of an expression. Immutable; shared between the places that use it.
struct Expression {
  enum class Kind {
    kConstant,
    kNumber,  // the value of a numeric decision
    kSelect,  // the operand that a categorical decision chose
    kIn,      // $in: channels that come in
    kEdges,   // $edges, $nodes: what is alive of the definition
    kNodes,
    kUnary,        // operation: "-", "not", or a function of one argument
    kBinary,       // operation: "+", "**", "<=", "and" …
    kConditional,  // operands: then, condition, else
  };
  Kind kind = Kind::kConstant;
  Scalar constant;
  std::string operation;
  int decision = -1;
  bool integer = false;  // kNumber
  std::vector<ExpressionPtr> operands;
  int64_t size = 1;            // nodes of the tree, shared ones counted each time
  std::vector<int> decisions;  // all that it depends on, sorted
  bool uses_shapes = false;    // $in
  bool uses_liveness = false;  // $edges or $nodes
};

// What an expression is evaluated in: an architecture's values and what the place gives.
struct ExpressionContext {
  absl::Span<const double> values;
  int64_t in = 0;
  int64_t edges = 0;
  int64_t nodes = 0;
};

ExpressionPtr ConstantExpression(Scalar value);
ExpressionPtr NumberExpression(int decision, bool integer);
ExpressionPtr SelectExpression(int decision, std::vector<ExpressionPtr> options);
ExpressionPtr PlaceExpression(Expression::Kind kind);  // kIn, kEdges, kNodes
// Folds constants. \error kInvalidArgument: wrong types, or an operation on constants that fails.
absl::StatusOr<ExpressionPtr> ComputedExpression(Expression::Kind kind, std::string operation,
                                                 std::vector<ExpressionPtr> operands);

// \error kInvalidArgument: division by zero, wrong types, a decision without a value.
absl::StatusOr<Scalar> Evaluate(const Expression& expression, const ExpressionContext& context);
// Numbers other than zero and true are true. \error kInvalidArgument for texts.
absl::StatusOr<bool> EvaluateBool(const Expression& expression, const ExpressionContext& context);

}  // namespace cambrian
