// Summaries as text: for people, for programs, and as curves.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/simulate/summary.h"

namespace cambrian {

// One strategy with so many workers.
struct Variant {
  std::string strategy;
  int workers = 0;
  Summary summary;
};

// What all variants have in common.
struct SimulationReport {
  std::string study;
  std::string table;
  int64_t rows = 0;
  int64_t trials = 0;            // of a run, at most
  int runs = 0;                  // seeds
  std::string guide;             // the first objective's metric
  std::string judge;             // the judge's column; the guide where there is none
  std::vector<int64_t> budgets;  // trials after which a search is looked at, ascending
  std::vector<Variant> variants;
};

// 10, 30, 100, 300 … up to `trials`, and `trials` itself.
std::vector<int64_t> UsualBudgets(int64_t trials);

std::string ReportTable(const SimulationReport& report);
// An object a line, for each variant.
std::string ReportJson(const SimulationReport& report);
// A row for each variant and budget.
std::string ReportCsv(const SimulationReport& report);

// A row for each variant and trial.
std::string CurveCsv(const SimulationReport& report);
// The judge's values over trials or, where variants differ in their workers, over time. The first
// twentieth of the trials, which is steep, is left out.
std::string CurveSvg(const SimulationReport& report);

}  // namespace cambrian
