#include "common/spec/space_report.h"

#include <stdexcept>
#include <string>

#include "common/spec/space_parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const Task kTask = {.input = {.channels = 3, .axes = {16, 16}}, .classes = 10};

std::shared_ptr<const SearchSpace> Parse(const std::string& text) {
  Diagnostics diagnostics("space.yaml", text);
  const Node file = ParseYaml(text, diagnostics);
  auto space = ParseSpace(file, {}, nullptr, diagnostics, diagnostics);
  if (space == nullptr) throw std::runtime_error(diagnostics.Render());
  return space;
}

// Two paths are summed; `wide` widens one of them in one of `options` cases.
std::string SumSpace(const std::string& widths) {
  return R"(
network:
  - {name: start, conv: {kernel: 1, out: 8}}
  - {name: a, conv: {kernel: 3, out: {choose: )" +
         widths + R"(}}}
  - {name: both, from: [a, start], relu: {}}
  - head
)";
}

TEST(SpaceReportTest, ClimbsToTheSmallestAndTheLargest) {
  const auto space = Parse(R"(
parameters: {width: {range: [1, 64]}, kernel: {choose: [1, 3, 5, 7]}}
network:
  - conv: {kernel: $kernel, out: $width}
  - {name: body, repeat: {times: {range: [1, 6]}, block: {conv: {kernel: $kernel, out: $width}}}}
  - head
)");
  const SpaceReport report = ExamineSpace(*space, kTask);
  ASSERT_TRUE(report.smallest && report.largest);
  // width 1, kernel 1, one repetition: 3 + 1 weights, and the head's 10 + 10.
  EXPECT_EQ(report.smallest->parameters, 3 + 1 + 20);
  // width 64, kernel 7, six repetitions.
  EXPECT_EQ(report.largest->parameters, 49 * 64 * 3 + 6 * 49 * 64 * 64 + 64 * 10 + 10);
  EXPECT_GT(report.largest->peak_memory_bytes, report.smallest->peak_memory_bytes);
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_THAT(report.warnings, IsEmpty());
  EXPECT_EQ(report.draws, 1000);
}

TEST(SpaceReportTest, NetworksThatLetNothingThroughAreNoError) {
  const auto space = Parse(R"(
network:
  - cell
  - head
cells:
  cell: {graph: {nodes: 1, edge: {choose: [none, skip]}}}
)");
  const SpaceReport report = ExamineSpace(*space, kTask);
  EXPECT_GT(report.empty, 300);
  EXPECT_LT(report.empty, 700);
  EXPECT_EQ(report.broken, 0);
  EXPECT_TRUE(report.smallest.has_value());
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_TRUE(CheckSpace(*space, kTask).ok());
}

TEST(SpaceReportTest, ASpaceWithoutAnyNetworkIsRefused) {
  const auto space = Parse(R"(
network:
  - cell
  - head
cells:
  cell: {graph: {nodes: 1, edge: {choose: [none]}}}
)");
  const SpaceReport report = ExamineSpace(*space, kTask);
  EXPECT_FALSE(report.smallest.has_value());
  EXPECT_TRUE(absl::IsInvalidArgument(CheckSpace(*space, kTask)));
}

TEST(SpaceReportTest, ShapesThatFailOneChangeFromAnExtremeAreAnError) {
  const auto space = Parse(SumSpace("[8, 16]"));
  const SpaceReport report = ExamineSpace(*space, kTask);
  ASSERT_THAT(report.errors, Not(IsEmpty()));
  EXPECT_THAT(report.errors[0], HasSubstr("space.yaml:"));
  EXPECT_THAT(report.errors[0], HasSubstr("sum of"));
  // Half of the draws, too.
  EXPECT_THAT(report.errors.back(), HasSubstr("draws shapes cannot work"));
  EXPECT_THAT(std::string(CheckSpace(*space, kTask).message()), HasSubstr("fit"));
}

TEST(SpaceReportTest, FewBrokenDrawsAreAWarning) {
  // Broken only where three rare choices meet, which no single change of an extreme does.
  const auto space = Parse(R"(
parameters:
  a: {choose: [1, 2, 3, 4, 5]}
  b: {choose: [1, 2, 3, 4, 5]}
network:
  - {name: start, conv: {kernel: 1, out: 8}}
  - {name: first, conv: {kernel: 3, out: 8 if $a != 3 or $b != 3 else 16}}
  - {name: both, from: [first, start], relu: {}}
  - conv: {kernel: 1, out: $a}
  - conv: {kernel: 1, out: $b}
  - head
)");
  const SpaceReport report = ExamineSpace(*space, kTask);
  EXPECT_GT(report.broken, 10);
  EXPECT_LE(report.broken, 100);
  EXPECT_THAT(report.errors, IsEmpty());
  ASSERT_THAT(report.warnings, SizeIs(1));
  EXPECT_THAT(report.warnings[0], HasSubstr("draws shapes cannot work"));
  EXPECT_TRUE(CheckSpace(*space, kTask).ok());
}

TEST(SpaceReportTest, TheSameSeedGivesTheSameReport) {
  const auto space = Parse(SumSpace("[8, 16, 24]"));
  EXPECT_EQ(ExamineSpace(*space, kTask).broken, ExamineSpace(*space, kTask).broken);
}

}  // namespace
}  // namespace cambrian
