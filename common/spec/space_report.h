// Whether the networks of a space can work, and how small and how large they are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/nas/search_space.h"
#include "common/nas/shape.h"

namespace cambrian {

// What looking at a part of a space's networks has shown. Plain data.
struct SpaceReport {
  struct Extreme {
    Architecture architecture;
    int64_t parameters = 0;
    int64_t macs = 0;
    int64_t peak_memory_bytes = 0;  // predicted: Network::PeakMemoryBytes
  };
  // The fewest and the most parameters that single changes lead to. Empty if no network lets
  // anything through.
  std::optional<Extreme> smallest;
  std::optional<Extreme> largest;

  int draws = 0;
  int empty = 0;   // of the draws: nothing gets through; INFEASIBLE, but no error
  int broken = 0;  // of the draws: shapes cannot work

  // In words for the author of the space. There is an error if shapes cannot work in the smallest
  // or largest network or one change away from them, or in more than a tenth of the draws; else
  // broken draws are a warning.
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

struct SpaceReportOptions {
  int draws = 1000;  // lowered to find broken ones
  int starts = 100;  // draws among which the climbs begin
  int climbs = 3;    // in each direction, from the smallest and the largest of them
  uint64_t seed = 1;
};

// Lowers draws, then climbs to the smallest and the largest network. Takes a few thousand
// lowerings: some seconds for networks of many operations.
SpaceReport ExamineSpace(const SearchSpace& space, const Task& task,
                         const SpaceReportOptions& options = {});

// The quick part, before a study is submitted: 100 draws.
// \error kInvalidArgument if too many of them are broken, or none gets anything through.
absl::Status CheckSpace(const SearchSpace& space, const Task& task);

}  // namespace cambrian
