#include "server/simulate/report.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "server/simulate/chart.h"

namespace cambrian {
namespace {

constexpr int kMostDecimals = 6;
constexpr double kHour = 3600;
constexpr double kDay = 24 * kHour;

// "93.17 ± 0.03": as many digits as the error allows.
std::string Text(const Estimate& estimate, double scale = 1) {
  if (std::isnan(estimate.mean)) return "–";
  const double error = estimate.error * scale;
  if (!(error > 0)) return absl::StrFormat("%.6g", estimate.mean * scale);
  const int decimals =
      std::clamp(1 - static_cast<int>(std::floor(std::log10(error))), 0, kMostDecimals);
  return absl::StrFormat("%.*f ± %.*f", decimals, estimate.mean * scale, decimals, error);
}

// "45 s", "4.2 min", "12 min", "3.5 h", "2.1 days".
std::string Length(const Estimate& seconds) {
  const double s = seconds.mean;
  if (std::isnan(s)) return "–";
  if (s < 10) return absl::StrFormat("%.2g s", s);
  if (s < 60) return absl::StrFormat("%.0f s", s);
  if (s < 600) return absl::StrFormat("%.1f min", s / 60);
  if (s < 2 * kHour) return absl::StrFormat("%.0f min", s / 60);
  if (s < 2 * kDay) return absl::StrFormat("%.1f h", s / kHour);
  return absl::StrFormat("%.1f days", s / kDay);
}

// Columns as wide as their widest cell, numbers to the right.
std::string Aligned(const std::vector<std::vector<std::string>>& rows) {
  const auto width_of = [](const std::string& text) {  // characters, not bytes
    return static_cast<size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  };
  std::vector<size_t> widths(rows[0].size(), 0);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - width_of(row[i]), ' ');
      absl::StrAppend(&line, "  ", i == 0 ? row[i] : space, i == 0 ? space : row[i]);
    }
    absl::StrAppend(&text, line.substr(0, line.find_last_not_of(' ') + 1), "\n");
  }
  return text;
}

// What stands after so many trials, or after all if there were fewer; null if there were none.
const CurvePoint* PointAt(const Summary& summary, int64_t trials) {
  if (summary.curve.empty()) return nullptr;
  const size_t last = summary.curve.size();
  return &summary.curve[std::min<size_t>(static_cast<size_t>(trials), last) - 1];
}

bool HasJudge(const SimulationReport& report) { return report.judge != report.guide; }

std::string CsvNumbers(const Estimate& estimate) {
  const auto number = [](double value) {
    return std::isnan(value) ? std::string() : absl::StrFormat("%.10g", value);
  };
  return absl::StrCat(number(estimate.mean), ",", number(estimate.error));
}

std::string CsvRow(const Variant& variant, const CurvePoint& point, int64_t trials) {
  return absl::StrCat(variant.strategy, ",", variant.workers, ",", trials, ",",
                      CsvNumbers(point.judged), ",", CsvNumbers(point.guided), ",",
                      CsvNumbers(point.seconds));
}

constexpr char kCsvHeader[] =
    "strategy,workers,trials,judged,judged_error,guided,guided_error,seconds,seconds_error";

nlohmann::ordered_json Json(const Estimate& estimate) {
  return {{"mean", estimate.mean}, {"error", estimate.error}};
}

}  // namespace

std::vector<int64_t> UsualBudgets(int64_t trials) {
  std::vector<int64_t> budgets;
  for (int64_t ten = 10; ten < trials; ten *= 10) {
    budgets.push_back(ten);
    if (3 * ten < trials) budgets.push_back(3 * ten);
  }
  budgets.push_back(trials);
  return budgets;
}

std::string ReportTable(const SimulationReport& report) {
  std::string text =
      absl::StrCat(report.study, ": ", report.runs, report.runs == 1 ? " run" : " runs", " of ",
                   report.trials, " trials in ", report.table, " (", report.rows, " rows)\n");
  absl::StrAppend(&text, "guided by ", report.guide,
                  HasJudge(report) ? absl::StrCat(", judged by ", report.judge) : "",
                  "; means ± standard errors\n\n");
  std::vector<std::vector<std::string>> rows = {{"strategy", "workers", "trials", report.judge}};
  if (HasJudge(report)) rows[0].push_back(report.guide);
  rows[0].push_back("after");
  for (const Variant& variant : report.variants) {
    for (const int64_t budget : report.budgets) {
      const CurvePoint* const point = PointAt(variant.summary, budget);
      if (point == nullptr) continue;
      std::vector<std::string>& row = rows.emplace_back();
      row = {variant.strategy, absl::StrCat(variant.workers), absl::StrCat(budget),
             Text(point->judged)};
      if (HasJudge(report)) row.push_back(Text(point->guided));
      row.push_back(Length(point->seconds));
    }
  }
  absl::StrAppend(&text, Aligned(rows), "\n");
  rows = {{"strategy", "workers", "busy", "a run takes", "attempts lost"}};
  for (const Variant& variant : report.variants) {
    rows.push_back({variant.strategy, absl::StrCat(variant.workers),
                    absl::StrCat(Text(variant.summary.utilization, 100), " %"),
                    Length(variant.summary.seconds), Text(variant.summary.lost_attempts)});
  }
  absl::StrAppend(&text, Aligned(rows));
  return text;
}

std::string ReportJson(const SimulationReport& report) {
  std::string text;
  for (const Variant& variant : report.variants) {
    nlohmann::ordered_json json = {{"study", report.study},
                                   {"strategy", variant.strategy},
                                   {"workers", variant.workers},
                                   {"runs", report.runs},
                                   {"trials", report.trials},
                                   {"table", report.table},
                                   {"guide", report.guide},
                                   {"judge", report.judge},
                                   {"utilization", Json(variant.summary.utilization)},
                                   {"seconds", Json(variant.summary.seconds)},
                                   {"lost_attempts", Json(variant.summary.lost_attempts)},
                                   {"without_row", variant.summary.without_row}};
    nlohmann::ordered_json budgets = nlohmann::ordered_json::array();
    for (const int64_t budget : report.budgets) {
      const CurvePoint* const point = PointAt(variant.summary, budget);
      if (point == nullptr) continue;
      budgets.push_back({{"trials", budget},
                         {"judged", Json(point->judged)},
                         {"guided", Json(point->guided)},
                         {"seconds", Json(point->seconds)}});
    }
    json["budgets"] = std::move(budgets);
    absl::StrAppend(
        &text, json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace), "\n");
  }
  return text;
}

std::string ReportCsv(const SimulationReport& report) {
  std::string text = absl::StrCat(
      kCsvHeader, ",utilization,utilization_error,lost_attempts,lost_attempts_error\n");
  for (const Variant& variant : report.variants) {
    for (const int64_t budget : report.budgets) {
      const CurvePoint* const point = PointAt(variant.summary, budget);
      if (point == nullptr) continue;
      absl::StrAppend(&text, CsvRow(variant, *point, budget), ",",
                      CsvNumbers(variant.summary.utilization), ",",
                      CsvNumbers(variant.summary.lost_attempts), "\n");
    }
  }
  return text;
}

std::string CurveCsv(const SimulationReport& report) {
  std::string text = absl::StrCat(kCsvHeader, "\n");
  for (const Variant& variant : report.variants) {
    for (const CurvePoint& point : variant.summary.curve) {
      absl::StrAppend(&text, CsvRow(variant, point, point.trials), "\n");
    }
  }
  return text;
}

std::string CurveSvg(const SimulationReport& report) {
  const bool by_time = std::any_of(
      report.variants.begin(), report.variants.end(),
      [&](const Variant& variant) { return variant.workers != report.variants[0].workers; });
  const bool by_strategy = std::any_of(
      report.variants.begin(), report.variants.end(),
      [&](const Variant& variant) { return variant.strategy != report.variants[0].strategy; });
  std::vector<ChartLine> lines;
  for (const Variant& variant : report.variants) {
    ChartLine& line = lines.emplace_back();
    const std::string workers =
        absl::StrCat(variant.workers, variant.workers == 1 ? " worker" : " workers");
    line.name = !by_time      ? variant.strategy
                : by_strategy ? absl::StrCat(variant.strategy, ", ", workers)
                              : workers;
    for (const CurvePoint& point : variant.summary.curve) {
      if (point.trials * 20 < report.trials) continue;
      const double x = by_time ? point.seconds.mean / kHour : static_cast<double>(point.trials);
      line.points.push_back({x, point.judged.mean, point.judged.error});
    }
  }
  ChartLabels labels;
  labels.title = absl::StrCat(report.study, ": the best trial so far, ", report.runs,
                              report.runs == 1 ? " run" : " runs, mean ± standard error");
  labels.x = by_time ? "hours" : "trials";
  labels.y = report.judge;
  labels.log_x = by_time;  // few workers take many times as long as many
  return RenderChart(labels, lines);
}

}  // namespace cambrian
