#include "server/simulate/chart.h"

#include <cmath>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pointwise;

void ExpectTicks(double low, double high, const std::vector<double>& expected) {
  EXPECT_THAT(Ticks(low, high, 5), Pointwise(DoubleNear(1e-9), expected)) << low << " " << high;
}

TEST(ChartTest, TicksAreRoundValues) {
  ExpectTicks(0, 100, {0, 20, 40, 60, 80, 100});
  ExpectTicks(92.13, 94.2, {92.5, 93, 93.5, 94});
  ExpectTicks(-0.03, 0.02, {-0.03, -0.02, -0.01, 0, 0.01, 0.02});
  ExpectTicks(3, 3, {3});
}

// The numbers of an attribute.
std::vector<double> Numbers(const std::string& svg, const std::string& before) {
  const size_t start = svg.find(before) + before.size();
  std::vector<double> numbers;
  for (const auto part : absl::StrSplit(svg.substr(start, svg.find('"', start) - start),
                                        absl::ByAnyChar(", "), absl::SkipEmpty())) {
    numbers.push_back(std::stod(std::string(part)));
  }
  return numbers;
}

TEST(ChartTest, CurvesFillTheFrame) {
  const ChartLine line{"one", {{0, 1, 0}, {5, 2, 0}, {10, 3, 0}}};
  const std::string svg = RenderChart({"title", "x", "y", false}, {line});
  const std::vector<double> places = Numbers(svg, "stroke-width=\"2\" points=\"");
  ASSERT_EQ(places.size(), 6u);
  EXPECT_LT(places[0], places[2]);
  EXPECT_NEAR(places[2] - places[0], places[4] - places[2], 0.2) << "x is to scale";
  EXPECT_GT(places[1], places[3]) << "larger is higher";
  EXPECT_NEAR(places[1] - places[3], places[3] - places[5], 0.2) << "y is to scale";
}

TEST(ChartTest, TimesMaySpanPowersOfTen) {
  EXPECT_THAT(LogTicks(0.04, 3), Pointwise(DoubleNear(1e-9), {0.05, 0.1, 0.2, 0.5, 1.0, 2.0}));
  const ChartLine line{"one", {{0, 9, 0}, {0.1, 1, 0}, {1, 2, 0}, {10, 3, 0}}};
  const std::string svg = RenderChart({"title", "x", "y", /*log_x=*/true}, {line});
  const std::vector<double> places = Numbers(svg, "stroke-width=\"2\" points=\"");
  ASSERT_EQ(places.size(), 6u) << "nothing at 0";
  EXPECT_NEAR(places[2] - places[0], places[4] - places[2], 0.2);
}

TEST(ChartTest, WhatIsNotFiniteIsLeftOut) {
  const double nan = std::nan("");
  const ChartLine line{"one", {{0, nan, 0}, {1, 2, nan}, {2, 3, 1}}};
  const std::string svg = RenderChart({"t", "x", "y", false}, {line, {"empty", {}}});
  EXPECT_EQ(Numbers(svg, "stroke-width=\"2\" points=\"").size(), 4u);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(RenderChart({"t", "x", "y", false}, {}), HasSubstr("</svg>"));
}

TEST(ChartTest, AnyTextMayStandInIt) {
  const std::string svg = RenderChart({"<script>&", "x", "y", false}, {{"a<b", {{0, 1, 0}}}});
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;&amp;"));
  EXPECT_THAT(svg, HasSubstr("a&lt;b"));
  EXPECT_THAT(svg, Not(HasSubstr("<script>")));
}

}  // namespace
}  // namespace cambrian
