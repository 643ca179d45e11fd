// Trials as rows: their objectives with spread, their size, their architecture in short.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "cambrian/v1/trial.pb.h"
#include "client/format/table.h"
#include "common/spec/study_spec.h"

namespace cambrian {

struct TrialTableOptions {
  bool state = false;  // what became of each, and why
};

// For people: columns of the study's objectives, of metrics that its constraints name, parameters
// and test accuracy where known, and of the architecture.
Table TrialTable(const StudySpec& study, absl::Span<const v1::Trial> trials,
                 const TrialTableOptions& options);

// For programs: every metric with its interval, every decision of the space.
std::string TrialsCsv(const StudySpec& study, absl::Span<const v1::Trial> trials);

// What all decisions of the network begin with: "cell"; "architecture" if nothing.
std::string ArchitectureTitle(const SearchSpace& space);
// Its values in order: "conv3x3 ·skip ·none"; those of the recipe after them with their names.
std::string ShortArchitecture(const std::string& architecture_json);

}  // namespace cambrian
