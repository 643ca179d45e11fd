#include "common/spec/expression_parser.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

absl::StatusOr<ExpressionPtr> Lookup(absl::string_view name) {
  if (name == "width") return ConstantExpression(Scalar::Integer(16));
  if (name == "ratio") return ConstantExpression(Scalar::Real(3.5));
  if (name == "act") return ConstantExpression(Scalar::Text("relu"));
  if (name == "depth") return NumberExpression(0, true);
  return absl::NotFoundError("unknown name");
}

std::string Value(absl::string_view text) {
  const auto expression = ParseExpression(text, Lookup);
  if (!expression.ok()) return std::string(expression.status().message());
  const std::vector<double> values = {3};
  const auto value = Evaluate(**expression, {values, 24, 0, 0});
  return value.ok() ? value->ToString() : std::string(value.status().message());
}

TEST(ExpressionParserTest, ComputesAsPythonDoes) {
  EXPECT_EQ(Value("2 * $width"), "32");
  EXPECT_EQ(Value("$width * 2 ** 3"), "128");
  EXPECT_EQ(Value("-2 ** 2"), "-4");
  EXPECT_EQ(Value("2 ** -1"), "0.5");
  EXPECT_EQ(Value("7 // 2"), "3");
  EXPECT_EQ(Value("-7 // 2"), "-4");
  EXPECT_EQ(Value("-7 % 4"), "1");
  EXPECT_EQ(Value("7 / 2"), "3.5");
  EXPECT_EQ(Value("8 / 2"), "4.0");
  EXPECT_EQ(Value("$ratio * $width"), "56.0");
  EXPECT_EQ(Value("1 + 2 * 3 - 4"), "3");
  EXPECT_EQ(Value("(1 + 2) * 3"), "9");
  EXPECT_EQ(Value("2 ** 3 ** 2"), "512");
}

TEST(ExpressionParserTest, RoundTakesHalvesAwayFromZero) {
  EXPECT_EQ(Value("round(2.5)"), "3");
  EXPECT_EQ(Value("round(-2.5)"), "-3");
  EXPECT_EQ(Value("round($width * 1.2 / 8) * 8"), "16");
  EXPECT_EQ(Value("ceil(1.2) + floor(1.8) + abs(-3)"), "6");
  EXPECT_EQ(Value("log2(8)"), "3.0");
  EXPECT_EQ(Value("sqrt(16)"), "4.0");
}

TEST(ExpressionParserTest, DecidesAndCompares) {
  EXPECT_EQ(Value("1 if $width == 16 else 2"), "1");
  EXPECT_EQ(Value("1 if $width < 16 else 2 if $width > 20 else 3"), "3");
  EXPECT_EQ(Value("not $width == 3 and 2 <= 2 or false"), "true");
  EXPECT_EQ(Value("$act == relu"), "true");
  EXPECT_EQ(Value("$act != relu"), "false");
  EXPECT_EQ(Value("$width == 0 or 16 // $width == 1"), "true");
  EXPECT_EQ(Value("$width > 0 or 16 // 0 == 1"), "division by zero in \"//\"")
      << "constants are folded before they are needed";
}

TEST(ExpressionParserTest, KnowsDecisionsAndShapes) {
  EXPECT_EQ(Value("$depth * 2"), "6");
  const auto depends = ParseExpression("$depth + 1", Lookup);
  EXPECT_THAT((*depends)->decisions, ::testing::ElementsAre(0));
}

TEST(ExpressionParserTest, RefusesWithTheWordThatIsWrong) {
  EXPECT_EQ(Value("2 *"), "the expression ends too early");
  EXPECT_EQ(Value("2 3"), "\"3\" is not expected here");
  EXPECT_EQ(Value("max($width)"),
            "there is no function \"max\"; there are round, ceil, floor, abs, log2 and sqrt");
  EXPECT_EQ(Value("1 / 0"), "division by zero in \"/\"");
  EXPECT_EQ(Value("$act + 1"), "\"+\" needs a number, not \"relu\"");
  EXPECT_EQ(Value("$width, 2"), "\",\" has no meaning in an expression");
  EXPECT_EQ(Value("10 ** 400"), "10 ** 400 has no finite value");
  EXPECT_EQ(Value("sqrt(-1)"), "sqrt(-1) has no value");
}

TEST(ExpressionParserTest, NestingIsBounded) {
  std::string deep;
  for (int i = 0; i < 5'000; ++i) deep += "(";
  EXPECT_EQ(Value(deep), "the expression is nested too deeply");
  EXPECT_EQ(Value(std::string(5'000, '-')), "the expression is nested too deeply");
}

}  // namespace
}  // namespace cambrian
