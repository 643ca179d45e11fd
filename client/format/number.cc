#include "client/format/number.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace cambrian {
namespace {

constexpr char kUnknown[] = "–";

// Puts commas between thousands of a number in plain notation.
std::string WithCommas(std::string digits) {
  const size_t start = !digits.empty() && digits[0] == '-' ? 1 : 0;
  size_t end = digits.find('.');
  if (end == std::string::npos) end = digits.size();
  for (size_t i = end; i > start + 3;) {
    i -= 3;
    digits.insert(digits.begin() + i, ',');
  }
  return digits;
}

// Digits after the point for `digits` significant ones.
int DecimalsFor(double value, int digits) {
  if (value == 0 || !std::isfinite(value)) return digits - 1;
  const int magnitude = static_cast<int>(std::floor(std::log10(std::abs(value))));
  return std::clamp(digits - 1 - magnitude, 0, 9);
}

bool IsCount(absl::string_view metric) { return metric == "parameters" || metric == "macs"; }

// Metrics whose interval is one around the value, by their nature.
bool IsSymmetric(absl::string_view metric) { return absl::StrContains(metric, "accuracy"); }

std::string Scaled(double value, absl::Span<const absl::string_view> units) {
  size_t unit = 0;
  while (std::abs(value) >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  const int decimals = unit == 0 ? 0 : std::min(DecimalsFor(value, 3), value >= 9.995 ? 0 : 2);
  return absl::StrCat(FormatFixed(value, decimals), units[unit]);
}

}  // namespace

std::string FormatCount(int64_t value) { return WithCommas(absl::StrCat(value)); }

std::string FormatCompact(double value) {
  if (!std::isfinite(value)) return kUnknown;
  static constexpr std::array<absl::string_view, 5> kUnits = {"", " k", " M", " G", " T"};
  return Scaled(value, kUnits);
}

std::string FormatBytes(int64_t bytes) {
  static constexpr std::array<absl::string_view, 5> kUnits = {" B", " kB", " MB", " GB", " TB"};
  return Scaled(static_cast<double>(bytes), kUnits);
}

std::string FormatFixed(double value, int decimals) {
  if (std::isnan(value)) return kUnknown;
  if (std::isinf(value)) return value > 0 ? "∞" : "-∞";
  return WithCommas(absl::StrFormat("%.*f", decimals, value));
}

std::string FormatNumber(double value) { return FormatFixed(value, DecimalsFor(value, 3)); }

double HalfWidth(const Measurement& measurement) {
  if (!measurement.low || !measurement.high) return 0;
  const double half = (*measurement.high - *measurement.low) / 2;
  return std::isfinite(half) ? std::max(half, 0.0) : 0;
}

int DecimalsForSpread(double half_width) {
  if (!(half_width > 0)) return 3;
  return std::clamp(-static_cast<int>(std::floor(std::log10(half_width / 1.95))), 0, 6);
}

MetricFormat::MetricFormat(absl::string_view metric, absl::Span<const Measurement> values)
    : counts_(IsCount(metric)), symmetric_(IsSymmetric(metric)) {
  std::vector<int> by_spread;
  int by_value = 0;
  for (const Measurement& m : values) {
    if (m.low && m.high) has_spread_ = true;
    if (const double half = HalfWidth(m); half > 0) by_spread.push_back(DecimalsForSpread(half));
    by_value = std::max(by_value, std::min(DecimalsFor(m.value, 3), 4));
  }
  if (by_spread.empty()) {
    decimals_ = symmetric_ ? 3 : by_value;
    return;
  }
  // The median, so that one lucky measurement does not lengthen the whole column.
  const auto median = by_spread.begin() + (by_spread.size() - 1) / 2;
  std::nth_element(by_spread.begin(), median, by_spread.end());
  decimals_ = *median;
}

std::string MetricFormat::Value(const Measurement& measurement) const {
  if (counts_ && std::isfinite(measurement.value)) {
    return FormatFixed(std::round(measurement.value), 0);
  }
  return FormatFixed(measurement.value, decimals_);
}

std::string MetricFormat::Spread(const Measurement& measurement) const {
  if (!measurement.low || !measurement.high) return "";
  if (symmetric_) return FormatFixed(HalfWidth(measurement), decimals_);
  return absl::StrCat(FormatFixed(*measurement.low, decimals_), "–",
                      FormatFixed(*measurement.high, decimals_));
}

std::string MetricFormat::ValueAndSpread(const Measurement& measurement) const {
  const std::string spread = Spread(measurement);
  if (spread.empty()) return Value(measurement);
  return symmetric_ ? absl::StrCat(Value(measurement), " ± ", spread)
                    : absl::StrCat(Value(measurement), " (", spread, ")");
}

absl::string_view MetricFormat::SpreadTitle() const { return symmetric_ ? "±95 %" : "p10–p90"; }

std::string DescribeMetric(absl::string_view metric, const Measurement& measurement) {
  if (IsCount(metric)) return absl::StrCat(metric, " ", FormatCompact(measurement.value));
  absl::string_view name = metric;
  absl::string_view unit;
  if (absl::ConsumeSuffix(&name, "_ms")) {
    unit = " ms";
  } else if (absl::ConsumeSuffix(&name, "_mb")) {
    unit = " MB";
  } else if (absl::ConsumeSuffix(&name, "_seconds")) {
    unit = " s";
  }
  const MetricFormat format(metric, {measurement});
  std::string text = absl::StrCat(
      name, " ",
      IsSymmetric(metric) ? format.ValueAndSpread(measurement) : format.Value(measurement));
  std::replace(text.begin(), text.end(), '_', ' ');
  return absl::StrCat(text, unit);
}

std::string Sparkline(absl::Span<const double> values, int width) {
  static constexpr std::array<absl::string_view, 8> kBlocks = {"▁", "▂", "▃", "▄",
                                                               "▅", "▆", "▇", "█"};
  if (width <= 0) return "";
  if (values.size() > static_cast<size_t>(width)) values.remove_prefix(values.size() - width);
  double low = 0;
  double high = 0;
  bool any = false;
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    low = any ? std::min(low, v) : v;
    high = any ? std::max(high, v) : v;
    any = true;
  }
  std::string out;
  for (const double v : values) {
    if (!std::isfinite(v)) {
      out += "·";
      continue;
    }
    const double share = high > low ? (v - low) / (high - low) : 0.5;
    absl::StrAppend(&out, kBlocks[std::min<size_t>(static_cast<size_t>(share * 8), 7)]);
  }
  return out;
}

}  // namespace cambrian
