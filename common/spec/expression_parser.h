// Expressions of the space language: text → Expression.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/nas/expression.h"

namespace cambrian {

// Whether a scalar of a file is computed: it holds a "$".
bool IsExpression(absl::string_view text);

// What "$name" stands for. \error kNotFound with a suggestion.
using NameLookup = std::function<absl::StatusOr<ExpressionPtr>(absl::string_view name)>;

// Precedence as in Python, lowest first: `a if c else b`, or, and, not, comparisons (not chained),
// + -, * / // %, unary -, **. Functions of one argument: round (halves away from zero), ceil,
// floor, abs, log2, sqrt. A bare word is a text. \error kInvalidArgument that quotes what was not
// understood; what `lookup` returns.
absl::StatusOr<ExpressionPtr> ParseExpression(absl::string_view text, const NameLookup& lookup);

}  // namespace cambrian
