#include "server/simulate/chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace cambrian {
namespace {

constexpr double kWidth = 760;
constexpr double kHeight = 440;
constexpr double kLeft = 74;
constexpr double kRight = 20;
constexpr double kTop = 46;
constexpr double kBottom = 54;
constexpr int kTicks = 6;
constexpr double kRowHeight = 18;  // of the legend

// Okabe and Ito's colours, which people with any colour vision tell apart.
constexpr const char* kColours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                    "#E69F00", "#56B4E9", "#000000"};

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

bool IsShown(const ChartLine::Point& point, bool log_x) {
  return std::isfinite(point.x) && std::isfinite(point.y) && (!log_x || point.x > 0);
}

double HalfOf(const ChartLine::Point& point) { return std::isfinite(point.half) ? point.half : 0; }

// What is shown along one axis, and where.
struct Axis {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  double from = 0;  // the place of `low`
  double to = 0;
  bool is_log = false;

  void Include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void Settle() {
    if (low > high) low = 0, high = 1;
    if (low < high) return;
    low = is_log ? low / 2 : low - 0.5;
    high = is_log ? high * 2 : high + 0.5;
  }
  double Place(double value) const {
    const double share =
        is_log ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
    return from + share * (to - from);
  }
  std::vector<double> ticks() const {
    return is_log ? LogTicks(low, high) : Ticks(low, high, kTicks);
  }
};

std::string Text(double x, double y, const char* anchor, const std::string& text,
                 const char* more = "") {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y,
                         anchor, more, Escaped(text));
}

std::string Rule(double x1, double y1, double x2, double y2) {
  return absl::StrFormat("<line class=\"rule\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                         x1, y1, x2, y2);
}

std::string Frame(const Axis& x, const Axis& y, const ChartLabels& labels) {
  std::string svg;
  for (const double value : y.ticks()) {
    absl::StrAppend(&svg, Rule(x.from, y.Place(value), x.to, y.Place(value)),
                    Text(x.from - 8, y.Place(value) + 4, "end", absl::StrCat(value)));
  }
  for (const double value : x.ticks()) {
    absl::StrAppend(&svg, Rule(x.Place(value), y.from, x.Place(value), y.from + 5),
                    Text(x.Place(value), y.from + 20, "middle", absl::StrCat(value)));
  }
  const double middle = (y.from + y.to) / 2;
  absl::StrAppend(&svg, Rule(x.from, y.from, x.to, y.from),
                  Text((x.from + x.to) / 2, kHeight - 12, "middle", labels.x),
                  Text(18, middle, "middle", labels.y,
                       absl::StrFormat(" transform=\"rotate(-90 18 %.1f)\"", middle).c_str()),
                  Text(kLeft, 24, "start", labels.title, " class=\"title\""));
  return svg;
}

std::string Curve(const ChartLine& line, const Axis& x, const Axis& y, const char* colour) {
  std::string path, upper, lower;
  for (const ChartLine::Point& point : line.points) {
    if (!IsShown(point, x.is_log)) continue;
    const double half = HalfOf(point);
    const auto place = [&](double value) {
      return absl::StrFormat("%.1f,%.1f ", x.Place(point.x), y.Place(value));
    };
    absl::StrAppend(&path, place(point.y));
    absl::StrAppend(&upper, place(point.y + half));
    lower = absl::StrCat(place(point.y - half), lower);
  }
  if (path.empty()) return "";
  return absl::StrCat("<polygon fill=\"", colour, "\" fill-opacity=\".18\" points=\"", upper, lower,
                      "\"/>\n<polyline fill=\"none\" stroke=\"", colour,
                      "\" stroke-width=\"2\" points=\"", path, "\"/>\n");
}

std::string Legend(absl::Span<const ChartLine> lines, const Axis& x, const Axis& y) {
  std::string svg;
  double at = y.from - 12 - kRowHeight * static_cast<double>(lines.size() - 1);
  for (size_t i = 0; i < lines.size(); ++i, at += kRowHeight) {
    absl::StrAppend(
        &svg,
        absl::StrFormat("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
                        "stroke-width=\"3\"/>\n",
                        x.to - 24, at - 4, x.to - 4, at - 4, kColours[i % std::size(kColours)]),
        Text(x.to - 30, at, "end", lines[i].name));
  }
  return svg;
}

}  // namespace

std::vector<double> Ticks(double low, double high, int count) {
  if (!(high > low)) return {low};
  const double rough = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= rough * 0.999) step = factor * power;
  }
  std::vector<double> ticks;
  const int64_t first = static_cast<int64_t>(std::ceil(low / step - 1e-9));
  for (int64_t i = first; static_cast<double>(i) * step <= high + 1e-9 * step; ++i) {
    // Rounded, so that 0.3 is written as such.
    ticks.push_back(std::round(static_cast<double>(i) * step * 1e12) / 1e12);
  }
  return ticks;
}

std::vector<double> LogTicks(double low, double high) {
  std::vector<double> ticks;
  for (int power = static_cast<int>(std::floor(std::log10(low))); std::pow(10, power) <= high;
       ++power) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10, power);
      if (value >= low && value <= high) ticks.push_back(value);
    }
  }
  return ticks;
}

std::string RenderChart(const ChartLabels& labels, absl::Span<const ChartLine> lines) {
  Axis x, y;
  x.is_log = labels.log_x;
  for (const ChartLine& line : lines) {
    for (const ChartLine::Point& point : line.points) {
      if (!IsShown(point, x.is_log)) continue;
      x.Include(point.x);
      y.Include(point.y - HalfOf(point));
      y.Include(point.y + HalfOf(point));
    }
  }
  x.Settle();
  y.Settle();
  x.from = kLeft;
  x.to = kWidth - kRight;
  y.from = kHeight - kBottom;
  y.to = kTop;
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n<style>\n  .ground { fill: #fff } text { fill: #222 } .rule { stroke: "
      "#ddd } .title { font-size: 15px; font-weight: bold }\n  @media (prefers-color-scheme: dark) "
      "{ .ground { fill: #1c1c1c } text { fill: #ddd } .rule { stroke: #444 } }\n</style>\n<rect "
      "class=\"ground\" width=\"%g\" height=\"%g\"/>\n",
      kWidth, kHeight, kWidth, kHeight);
  absl::StrAppend(&svg, Frame(x, y, labels));
  for (size_t i = 0; i < lines.size(); ++i) {
    absl::StrAppend(&svg, Curve(lines[i], x, y, kColours[i % std::size(kColours)]));
  }
  if (!lines.empty()) absl::StrAppend(&svg, Legend(lines, x, y));
  return absl::StrCat(svg, "</svg>\n");
}

}  // namespace cambrian
