#include "client/format/number.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace cambrian {
namespace {

Measurement Between(double value, double low, double high) {
  return {.value = value, .low = low, .high = high};
}

Measurement Only(double value) {
  return {.value = value, .low = std::nullopt, .high = std::nullopt};
}

TEST(NumberTest, CountsHaveCommas) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(58122), "58,122");
  EXPECT_EQ(FormatCount(-1234567), "-1,234,567");
}

TEST(NumberTest, CompactNumbersHaveThreeDigits) {
  EXPECT_EQ(FormatCompact(912), "912");
  EXPECT_EQ(FormatCompact(58122), "58 k");
  EXPECT_EQ(FormatCompact(9114), "9.11 k");
  EXPECT_EQ(FormatCompact(3349342), "3.35 M");
  EXPECT_EQ(FormatCompact(999999), "1.00 M");
  EXPECT_EQ(FormatCompact(std::nan("")), "–");
}

TEST(NumberTest, BytesHaveUnits) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(2'100'000), "2.10 MB");
  EXPECT_EQ(FormatBytes(64'000), "64 kB");
}

TEST(NumberTest, UnknownAndInfiniteNumbersAreNoDigits) {
  EXPECT_EQ(FormatFixed(std::nan(""), 2), "–");
  EXPECT_EQ(FormatFixed(-std::numeric_limits<double>::infinity(), 2), "-∞");
}

TEST(NumberTest, ASpreadDecidesTheDigits) {
  EXPECT_EQ(DecimalsForSpread(0.006), 3);
  EXPECT_EQ(DecimalsForSpread(0.012), 3);
  EXPECT_EQ(DecimalsForSpread(0.02), 2);
  EXPECT_EQ(DecimalsForSpread(5), 0);
  EXPECT_EQ(DecimalsForSpread(0), 3);
}

TEST(NumberTest, AccuracyHasPlusMinusAndLatencyItsRange) {
  const Measurement accuracy = Between(0.8741, 0.868, 0.880);
  const MetricFormat format("accuracy", {accuracy});
  EXPECT_EQ(format.Value(accuracy), "0.874");
  EXPECT_EQ(format.Spread(accuracy), "0.006");
  EXPECT_EQ(format.SpreadTitle(), "±95 %");

  const Measurement latency = Between(0.4142, 0.40, 0.44);
  const MetricFormat latencies("latency_ms", {latency});
  EXPECT_EQ(latencies.Value(latency), "0.41");
  EXPECT_EQ(latencies.Spread(latency), "0.40–0.44");
  EXPECT_EQ(latencies.SpreadTitle(), "p10–p90");
}

TEST(NumberTest, OneLuckyMeasurementDoesNotLengthenAColumn) {
  const std::vector<Measurement> column = {Between(10.4, 10.1, 10.8), Between(12.1, 11.8, 12.5),
                                           Between(11.0, 10.9999, 11.0001)};
  const MetricFormat format("latency_ms", column);
  EXPECT_EQ(format.Value(column[2]), "11.0");
}

TEST(NumberTest, MetricsInASentenceHaveUnits) {
  EXPECT_EQ(DescribeMetric("accuracy", Between(0.8741, 0.868, 0.880)), "accuracy 0.874 ± 0.006");
  EXPECT_EQ(DescribeMetric("latency_ms", Between(0.4142, 0.40, 0.44)), "latency 0.41 ms");
  EXPECT_EQ(DescribeMetric("parameters", Only(58122)), "parameters 58 k");
  EXPECT_EQ(DescribeMetric("peak_memory_mb", Only(1.5)), "peak memory 1.50 MB");
}

TEST(NumberTest, SparklinesGoFromTheLeastToTheLargest) {
  EXPECT_EQ(Sparkline({0.1, 0.4, 0.8}, 8), "▁▄█");
  EXPECT_EQ(Sparkline({0.1, 0.4, 0.8}, 2), "▁█");
  EXPECT_EQ(Sparkline({0.5, 0.5}, 8), "▅▅");
  EXPECT_EQ(Sparkline({0.1, std::nan(""), 0.8}, 8), "▁·█");
  EXPECT_EQ(Sparkline({}, 8), "");
}

}  // namespace
}  // namespace cambrian
