// Numbers as people read them: as many digits as mean something, with their unit.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/nas/objective.h"

namespace cambrian {

// "58,122".
std::string FormatCount(int64_t value);
// "58 k", "3.35 M", "912": three significant digits.
std::string FormatCompact(double value);
// "2.1 MB", by powers of 1,000.
std::string FormatBytes(int64_t bytes);
// With so many digits after the point; "–" for NaN.
std::string FormatFixed(double value, int decimals);
// With about three significant digits: "0.413", "12.4", "1,234".
std::string FormatNumber(double value);

// Half the width of a measurement's interval, or 0 if it has none.
double HalfWidth(const Measurement& measurement);
// Digits after the point that a spread allows: 0.006 → 3, 0.02 → 2, 5 → 0; one more where it begins
// with a 1: 0.012 → 3. A spread of 0 says nothing: 3.
int DecimalsForSpread(double half_width);

// How a metric's values are written, alike for a whole column.
class MetricFormat {
 public:
  // `values` are all that will stand in the column.
  MetricFormat(absl::string_view metric, absl::Span<const Measurement> values);

  std::string Value(const Measurement& measurement) const;
  // "0.006" where the interval is symmetric by nature (accuracy), "0.40–0.44" else; empty without.
  std::string Spread(const Measurement& measurement) const;
  // "0.874 ± 0.006", "0.41 (0.40–0.44)"; the value alone without an interval.
  std::string ValueAndSpread(const Measurement& measurement) const;
  // Whether any value of the column has a spread.
  bool has_spread() const { return has_spread_; }
  // "±95 %" or "p10–p90".
  absl::string_view SpreadTitle() const;

 private:
  bool counts_ = false;  // whole numbers
  bool symmetric_ = false;
  bool has_spread_ = false;
  int decimals_ = 3;
};

// For a sentence: "accuracy 0.874 ± 0.006", "latency 0.41 ms", "parameters 58 k".
std::string DescribeMetric(absl::string_view metric, const Measurement& measurement);

// "▂▅▆▇": one block for each value, from the least to the largest; the newest `width` of them.
std::string Sparkline(absl::Span<const double> values, int width);

}  // namespace cambrian
