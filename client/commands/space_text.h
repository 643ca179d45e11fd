// Search spaces as people and programs read them, and where the verbs get them from.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/format/table.h"
#include "common/nas/network.h"
#include "common/spec/space_report.h"
#include "nlohmann/json.hpp"

namespace cambrian {

// The text of a built-in space, or of the file `name`. \error kInvalidArgument with a suggestion.
absl::StatusOr<std::string> SpaceText(const std::string& name);

// The space `name` (built in, or a file) with parameters set as "name=value".
// \error kInvalidArgument with all that is wrong.
absl::StatusOr<std::shared_ptr<const SearchSpace>> LoadSpace(
    const std::string& name, const std::vector<std::string>& settings);

// "3x32x32": channels, then axes. \error kInvalidArgument
absl::StatusOr<Shape> ParseShape(const std::string& text);

// "conv3x3, skip, none", "1 … 8", "0.001 … 0.5 (log)".
std::string DescribeValues(const Decision& decision);
Table DecisionTable(const SearchSpace& space);
nlohmann::ordered_json DecisionsToJson(const SearchSpace& space);
// {"decisions", "architectures" (an integer as text, null if not exact), "architectures_log10"}
nlohmann::ordered_json SpaceToJson(const SearchSpace& space);

Table ExtremesTable(const SpaceReport& report);
nlohmann::ordered_json ExtremeToJson(const SearchSpace& space,
                                     const std::optional<SpaceReport::Extreme>& extreme);

// The network as an SVG document, with what the architecture chose in it.
absl::StatusOr<std::string> DrawArchitecture(const SearchSpace& space,
                                             const Architecture& architecture, const Task& task,
                                             const std::string& title);

// Writes to the file, or to stdout if `path` is empty or "-". \error kInternal
absl::Status WriteOutput(const std::string& path, const std::string& text);

}  // namespace cambrian
