// A line chart as SVG: curves with a band around each.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"

namespace cambrian {

struct ChartLine {
  struct Point {
    double x = 0;
    double y = 0;
    double half = 0;  // of the band, along y
  };
  std::string name;           // for the legend
  std::vector<Point> points;  // by x; those that are not finite are left out
};

struct ChartLabels {
  std::string title;
  std::string x;
  std::string y;
  bool log_x = false;  // then points whose x is not above 0 are left out
};

// A whole file, readable on light and dark ground. Any text may stand in it.
std::string RenderChart(const ChartLabels& labels, absl::Span<const ChartLine> lines);

// Round values between `low` and `high`, about `count` of them, ascending: 1, 2 or 5 times a power
// of ten apart. Of an empty range: its value.
std::vector<double> Ticks(double low, double high, int count);

// 1, 2 and 5 times the powers of ten between `low` and `high`, both above 0.
std::vector<double> LogTicks(double low, double high);

}  // namespace cambrian
