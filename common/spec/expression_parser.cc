#include "common/spec/expression_parser.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

using Kind = Expression::Kind;

constexpr int kMaxDepth = 64;
constexpr int64_t kMaxSize = 10'000;

bool IsWordCharacter(char c) { return absl::ascii_isalnum(c) || c == '_'; }

absl::StatusOr<std::vector<std::string>> Tokenize(absl::string_view text) {
  std::vector<std::string> tokens;
  size_t i = 0;
  while (i < text.size()) {
    const char c = text[i];
    if (absl::ascii_isspace(c)) {
      ++i;
      continue;
    }
    size_t end = i + 1;
    if (c == '$' || absl::ascii_isalpha(c) || c == '_') {
      while (end < text.size() && (IsWordCharacter(text[end]) || (c == '$' && text[end] == '.')))
        ++end;
    } else if (absl::ascii_isdigit(c) || c == '.') {
      while (end < text.size() && (absl::ascii_isalnum(text[end]) || text[end] == '.' ||
                                   ((text[end] == '-' || text[end] == '+') &&
                                    (text[end - 1] == 'e' || text[end - 1] == 'E')))) {
        ++end;
      }
    } else {
      static constexpr absl::string_view kTwo[] = {"**", "//", "==", "!=", "<=", ">="};
      for (const absl::string_view two : kTwo) {
        if (absl::StartsWith(text.substr(i), two)) end = i + 2;
      }
      if (end == i + 1 && !absl::StrContains("+-*/%<>()", absl::string_view(&text[i], 1))) {
        return absl::InvalidArgumentError(
            absl::StrCat("\"", text.substr(i, 1), "\" has no meaning in an expression"));
      }
    }
    tokens.emplace_back(text.substr(i, end - i));
    i = end;
  }
  return tokens;
}

// Recursive descent, a method per level of precedence.
class Parser {
 public:
  Parser(std::vector<std::string> tokens, const NameLookup& lookup)
      : tokens_(std::move(tokens)), lookup_(lookup) {}

  absl::StatusOr<ExpressionPtr> Parse() {
    ASSIGN_OR_RETURN(ExpressionPtr expression, Conditional());
    if (next_ < tokens_.size()) return Unexpected();
    return expression;
  }

 private:
  bool Take(absl::string_view token) {
    if (next_ >= tokens_.size() || tokens_[next_] != token) return false;
    ++next_;
    return true;
  }
  // The token if it is one of `choices`.
  std::string TakeOneOf(std::initializer_list<absl::string_view> choices) {
    for (const absl::string_view choice : choices) {
      if (Take(choice)) return std::string(choice);
    }
    return {};
  }
  absl::Status Unexpected() const {
    if (next_ >= tokens_.size()) return absl::InvalidArgumentError("the expression ends too early");
    return absl::InvalidArgumentError(
        absl::StrCat("\"", tokens_[next_], "\" is not expected here"));
  }
  static absl::StatusOr<ExpressionPtr> Computed(Kind kind, std::string operation,
                                                std::vector<ExpressionPtr> operands) {
    ASSIGN_OR_RETURN(ExpressionPtr result,
                     ComputedExpression(kind, std::move(operation), std::move(operands)));
    if (result->size > kMaxSize) return absl::InvalidArgumentError("the expression is too large");
    return result;
  }

  absl::StatusOr<ExpressionPtr> Conditional() {
    if (++depth_ > kMaxDepth)
      return absl::InvalidArgumentError("the expression is nested too deeply");
    ASSIGN_OR_RETURN(ExpressionPtr value, Or());
    if (Take("if")) {
      ASSIGN_OR_RETURN(ExpressionPtr condition, Or());
      if (!Take("else")) return Unexpected();
      ASSIGN_OR_RETURN(ExpressionPtr otherwise, Conditional());
      ASSIGN_OR_RETURN(value, Computed(Kind::kConditional, "if", {value, condition, otherwise}));
    }
    --depth_;
    return value;
  }

  absl::StatusOr<ExpressionPtr> Or() { return LeftToRight({"or"}, &Parser::And); }
  absl::StatusOr<ExpressionPtr> And() { return LeftToRight({"and"}, &Parser::Not); }

  absl::StatusOr<ExpressionPtr> Not() {
    if (!Take("not")) return Comparison();
    if (++depth_ > kMaxDepth)
      return absl::InvalidArgumentError("the expression is nested too deeply");
    ASSIGN_OR_RETURN(ExpressionPtr operand, Not());
    --depth_;
    return Computed(Kind::kUnary, "not", {operand});
  }

  absl::StatusOr<ExpressionPtr> Comparison() {
    ASSIGN_OR_RETURN(ExpressionPtr left, Sum());
    const std::string operation = TakeOneOf({"==", "!=", "<=", ">=", "<", ">"});
    if (operation.empty()) return left;
    ASSIGN_OR_RETURN(ExpressionPtr right, Sum());
    return Computed(Kind::kBinary, operation, {left, right});
  }

  absl::StatusOr<ExpressionPtr> Sum() { return LeftToRight({"+", "-"}, &Parser::Product); }
  absl::StatusOr<ExpressionPtr> Product() {
    return LeftToRight({"*", "//", "/", "%"}, &Parser::Negative);
  }

  absl::StatusOr<ExpressionPtr> LeftToRight(std::initializer_list<absl::string_view> operations,
                                            absl::StatusOr<ExpressionPtr> (Parser::*operand)()) {
    ASSIGN_OR_RETURN(ExpressionPtr left, (this->*operand)());
    for (;;) {
      const std::string operation = TakeOneOf(operations);
      if (operation.empty()) return left;
      ASSIGN_OR_RETURN(ExpressionPtr right, (this->*operand)());
      ASSIGN_OR_RETURN(left, Computed(Kind::kBinary, operation, {left, right}));
    }
  }

  absl::StatusOr<ExpressionPtr> Negative() {
    if (!Take("-")) return Power();
    if (++depth_ > kMaxDepth)
      return absl::InvalidArgumentError("the expression is nested too deeply");
    ASSIGN_OR_RETURN(ExpressionPtr operand, Negative());
    --depth_;
    return Computed(Kind::kUnary, "-", {operand});
  }

  absl::StatusOr<ExpressionPtr> Power() {
    ASSIGN_OR_RETURN(ExpressionPtr base, Atom());
    if (!Take("**")) return base;
    if (++depth_ > kMaxDepth)
      return absl::InvalidArgumentError("the expression is nested too deeply");
    ASSIGN_OR_RETURN(ExpressionPtr exponent, Negative());  // right to left, and 2 ** -1
    --depth_;
    return Computed(Kind::kBinary, "**", {base, exponent});
  }

  absl::StatusOr<ExpressionPtr> Atom() {
    if (next_ >= tokens_.size()) return Unexpected();
    if (Take("(")) {
      ASSIGN_OR_RETURN(ExpressionPtr inner, Conditional());
      if (!Take(")")) return Unexpected();
      return inner;
    }
    const std::string token = tokens_[next_];
    if (token[0] == '$') {
      ++next_;
      return lookup_(absl::string_view(token).substr(1));
    }
    if (absl::ascii_isdigit(token[0]) || token[0] == '.') return NumberAtom(token);
    if (!IsWordCharacter(token[0])) return Unexpected();
    ++next_;
    if (Take("(")) return Function(token);
    if (token == "true" || token == "false")
      return ConstantExpression(Scalar::Bool(token == "true"));
    if (token == "if" || token == "else" || token == "and" || token == "or") {
      --next_;
      return Unexpected();
    }
    return ConstantExpression(Scalar::Text(token));
  }

  absl::StatusOr<ExpressionPtr> NumberAtom(const std::string& token) {
    ++next_;
    int64_t integer = 0;
    if (absl::SimpleAtoi(token, &integer)) return ConstantExpression(Scalar::Integer(integer));
    double real = 0;
    if (absl::SimpleAtod(token, &real)) return ConstantExpression(Scalar::Real(real));
    return absl::InvalidArgumentError(absl::StrCat("\"", token, "\" is not a number"));
  }

  absl::StatusOr<ExpressionPtr> Function(const std::string& name) {
    static constexpr absl::string_view kFunctions[] = {"round", "ceil", "floor",
                                                       "abs",   "log2", "sqrt"};
    if (std::find(std::begin(kFunctions), std::end(kFunctions), name) == std::end(kFunctions)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "there is no function \"", name, "\"; there are round, ceil, floor, abs, log2 and sqrt"));
    }
    ASSIGN_OR_RETURN(ExpressionPtr argument, Conditional());
    if (!Take(")")) return Unexpected();
    return Computed(Kind::kUnary, name, {argument});
  }

  const std::vector<std::string> tokens_;
  const NameLookup& lookup_;
  size_t next_ = 0;
  int depth_ = 0;
};

}  // namespace

bool IsExpression(absl::string_view text) { return absl::StrContains(text, "$"); }

absl::StatusOr<ExpressionPtr> ParseExpression(absl::string_view text, const NameLookup& lookup) {
  ASSIGN_OR_RETURN(std::vector<std::string> tokens, Tokenize(text));
  return Parser(std::move(tokens), lookup).Parse();
}

}  // namespace cambrian
