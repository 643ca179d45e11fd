#include "common/nas/expression.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

constexpr double kLargestInteger = 9007199254740992.0;  // 2^53: doubles count exactly up to here

Scalar Number(double value, bool integer) {
  return {Scalar::Kind::kNumber, value, integer && std::abs(value) <= kLargestInteger, {}};
}

absl::Status WrongType(absl::string_view operation, const Scalar& value) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", operation, "\" needs a number, not \"", value.ToString(), "\""));
}

absl::StatusOr<bool> Truth(const Scalar& value) {
  if (value.kind == Scalar::Kind::kText) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", value.text, "\" is neither true nor false"));
  }
  return value.number != 0;
}

absl::StatusOr<Scalar> Unary(const std::string& operation, const Scalar& a) {
  if (operation == "not") {
    ASSIGN_OR_RETURN(const bool truth, Truth(a));
    return Scalar::Bool(!truth);
  }
  if (a.kind != Scalar::Kind::kNumber) return WrongType(operation, a);
  const double x = a.number;
  if (operation == "-") return Number(-x, a.integer);
  if (operation == "abs") return Number(std::abs(x), a.integer);
  if (operation == "round") return Number(std::round(x), true);
  if (operation == "ceil") return Number(std::ceil(x), true);
  if (operation == "floor") return Number(std::floor(x), true);
  if (operation == "log2" && x > 0) return Number(std::log2(x), false);
  if (operation == "sqrt" && x >= 0) return Number(std::sqrt(x), false);
  return absl::InvalidArgumentError(absl::StrCat(operation, "(", a.ToString(), ") has no value"));
}

absl::StatusOr<Scalar> Compare(const std::string& operation, const Scalar& a, const Scalar& b) {
  if (operation == "==" || operation == "!=") {
    const bool text = a.kind == Scalar::Kind::kText;
    const bool equal =
        text == (b.kind == Scalar::Kind::kText) && (text ? a.text == b.text : a.number == b.number);
    return Scalar::Bool(equal == (operation == "=="));
  }
  if (a.kind == Scalar::Kind::kText) return WrongType(operation, a);
  if (b.kind == Scalar::Kind::kText) return WrongType(operation, b);
  if (operation == "<") return Scalar::Bool(a.number < b.number);
  if (operation == "<=") return Scalar::Bool(a.number <= b.number);
  if (operation == ">") return Scalar::Bool(a.number > b.number);
  return Scalar::Bool(a.number >= b.number);
}

absl::StatusOr<Scalar> Binary(const std::string& operation, const Scalar& a, const Scalar& b) {
  if (operation == "<" || operation == ">" || operation.back() == '=') {
    return Compare(operation, a, b);
  }
  if (operation == "and" || operation == "or") {
    ASSIGN_OR_RETURN(const bool x, Truth(a));
    ASSIGN_OR_RETURN(const bool y, Truth(b));
    return Scalar::Bool(operation == "and" ? x && y : x || y);
  }
  if (a.kind != Scalar::Kind::kNumber) return WrongType(operation, a);
  if (b.kind != Scalar::Kind::kNumber) return WrongType(operation, b);
  const double x = a.number;
  const double y = b.number;
  const bool integer = a.integer && b.integer;
  if (operation == "+") return Number(x + y, integer);
  if (operation == "-") return Number(x - y, integer);
  if (operation == "*") return Number(x * y, integer);
  if (operation == "**") {
    const double power = std::pow(x, y);
    if (!std::isfinite(power)) {
      return absl::InvalidArgumentError(
          absl::StrCat(a.ToString(), " ** ", b.ToString(), " has no finite value"));
    }
    return Number(power, integer && y >= 0);
  }
  if (y == 0)
    return absl::InvalidArgumentError(absl::StrCat("division by zero in \"", operation, "\""));
  if (operation == "/") return Number(x / y, false);
  const double quotient = std::floor(x / y);
  if (operation == "//") return Number(quotient, integer);
  return Number(x - quotient * y, integer);  // %, with the divisor's sign
}

std::shared_ptr<Expression> Make(Expression::Kind kind, std::vector<ExpressionPtr> operands) {
  auto expression = std::make_shared<Expression>();
  expression->kind = kind;
  for (const ExpressionPtr& operand : operands) {
    expression->size += operand->size;
    expression->uses_shapes |= operand->uses_shapes;
    expression->uses_liveness |= operand->uses_liveness;
    expression->decisions.insert(expression->decisions.end(), operand->decisions.begin(),
                                 operand->decisions.end());
  }
  expression->operands = std::move(operands);
  return expression;
}

void SortDecisions(Expression& expression) {
  std::vector<int>& d = expression.decisions;
  std::sort(d.begin(), d.end());
  d.erase(std::unique(d.begin(), d.end()), d.end());
}

absl::Status Unset() {
  return absl::InvalidArgumentError("a decision that this needs has no value");
}

}  // namespace

std::string Scalar::ToString() const {
  if (kind == Kind::kText) return text;
  if (kind == Kind::kBool) return number != 0 ? "true" : "false";
  if (integer) return absl::StrFormat("%.0f", number);
  std::string shortest = absl::StrFormat("%.15g", number);
  for (int digits = 1; digits < 15; ++digits) {
    std::string candidate = absl::StrFormat("%.*g", digits, number);
    if (std::strtod(candidate.c_str(), nullptr) == number) {
      shortest = std::move(candidate);
      break;
    }
  }
  if (shortest.find_first_of(".en") == std::string::npos) shortest += ".0";
  return shortest;
}

ExpressionPtr ConstantExpression(Scalar value) {
  auto expression = std::make_shared<Expression>();
  expression->constant = std::move(value);
  return expression;
}

ExpressionPtr NumberExpression(int decision, bool integer) {
  auto expression = std::make_shared<Expression>();
  expression->kind = Expression::Kind::kNumber;
  expression->decision = decision;
  expression->integer = integer;
  expression->decisions = {decision};
  return expression;
}

ExpressionPtr SelectExpression(int decision, std::vector<ExpressionPtr> options) {
  auto expression = Make(Expression::Kind::kSelect, std::move(options));
  expression->decision = decision;
  expression->decisions.push_back(decision);
  SortDecisions(*expression);
  return expression;
}

ExpressionPtr PlaceExpression(Expression::Kind kind) {
  auto expression = std::make_shared<Expression>();
  expression->kind = kind;
  expression->uses_shapes = kind == Expression::Kind::kIn;
  expression->uses_liveness = !expression->uses_shapes;
  return expression;
}

absl::StatusOr<ExpressionPtr> ComputedExpression(Expression::Kind kind, std::string operation,
                                                 std::vector<ExpressionPtr> operands) {
  auto expression = Make(kind, std::move(operands));
  expression->operation = std::move(operation);
  SortDecisions(*expression);
  if (expression->decisions.empty() && !expression->uses_shapes && !expression->uses_liveness) {
    ASSIGN_OR_RETURN(Scalar value, Evaluate(*expression, {}));
    return ConstantExpression(std::move(value));
  }
  return ExpressionPtr(std::move(expression));
}

absl::StatusOr<Scalar> Evaluate(const Expression& expression, const ExpressionContext& context) {
  switch (expression.kind) {
    case Expression::Kind::kConstant:
      return expression.constant;
    case Expression::Kind::kNumber: {
      const double value = context.values[expression.decision];
      if (std::isnan(value)) return Unset();
      return Number(value, expression.integer);
    }
    case Expression::Kind::kSelect: {
      const double value = context.values[expression.decision];
      if (std::isnan(value)) return Unset();
      return Evaluate(*expression.operands[static_cast<size_t>(value)], context);
    }
    case Expression::Kind::kIn:
      return Scalar::Integer(context.in);
    case Expression::Kind::kEdges:
      return Scalar::Integer(context.edges);
    case Expression::Kind::kNodes:
      return Scalar::Integer(context.nodes);
    case Expression::Kind::kUnary: {
      ASSIGN_OR_RETURN(const Scalar a, Evaluate(*expression.operands[0], context));
      return Unary(expression.operation, a);
    }
    case Expression::Kind::kBinary: {
      ASSIGN_OR_RETURN(const Scalar a, Evaluate(*expression.operands[0], context));
      // The right side of a decided "and" / "or" may make no sense, as in "$x > 0 and 8 // $x".
      if (expression.operation == "and" || expression.operation == "or") {
        ASSIGN_OR_RETURN(const bool left, Truth(a));
        if (left == (expression.operation == "or")) return Scalar::Bool(left);
      }
      ASSIGN_OR_RETURN(const Scalar b, Evaluate(*expression.operands[1], context));
      return Binary(expression.operation, a, b);
    }
    case Expression::Kind::kConditional: {
      ASSIGN_OR_RETURN(const bool condition, EvaluateBool(*expression.operands[1], context));
      return Evaluate(*expression.operands[condition ? 0 : 2], context);
    }
  }
  return absl::InternalError("unknown kind of expression");
}

absl::StatusOr<bool> EvaluateBool(const Expression& expression, const ExpressionContext& context) {
  ASSIGN_OR_RETURN(const Scalar value, Evaluate(expression, context));
  return Truth(value);
}

}  // namespace cambrian
