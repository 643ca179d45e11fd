// What is read off the rows that a search evaluated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"

namespace cambrian {

struct MeanAndError {
  double mean = 0;
  double error = 0;  // standard error of the mean
};
MeanAndError MeanOf(absl::Span<const double> values);

// The middle value; of an even number the mean of the two. At least one value.
double MedianOf(std::vector<double> values);

// The judge's value of the row that the guide likes best among the first `evaluations` rows; the
// first of equals. At least one row.
double JudgedBest(absl::Span<const size_t> rows, size_t evaluations,
                  const std::vector<double>& guide, const std::vector<double>& judge);

// What `JudgedBest` comes to on average for that many distinct rows drawn uniformly: exact.
double ExpectedJudgedBest(size_t evaluations, const std::vector<double>& guide,
                          const std::vector<double>& judge);

// How many rows it took to meet one with the guide's largest value; nothing if none of them has it.
std::optional<size_t> StepsToBest(absl::Span<const size_t> rows, const std::vector<double>& guide);

// What the first `evaluations` rows dominate above `reference`, as a share of what all rows do.
// Both objectives: larger is better.
class HypervolumeShare {
 public:
  HypervolumeShare(const std::vector<double>& first, const std::vector<double>& second,
                   double first_reference, double second_reference);

  double Of(absl::Span<const size_t> rows, size_t evaluations) const;

 private:
  double Volume(absl::Span<const size_t> rows) const;

  const std::vector<double>& first_;
  const std::vector<double>& second_;
  const double reference_[2];
  double whole_ = 1;
};

}  // namespace cambrian
