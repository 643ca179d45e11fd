// From a template and an architecture to a network.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/nas/architecture.h"
#include "common/nas/network.h"
#include "common/nas/template.h"

namespace cambrian {

// Builds the network that `values` (as in Architecture) choose, for a task; dead parts are dropped.
// `file` names the space in messages. Pure and thread-safe. \error kInvalidArgument
// "FILE:LINE:COLUMN: …" if its shapes cannot work; kFailedPrecondition if nothing gets through to
// the head, or a `require` on $edges or $nodes does not hold; kResourceExhausted past 100,000
// operations.
absl::StatusOr<Network> LowerTemplate(const Template& network,
                                      const std::vector<Decision>& decisions,
                                      absl::Span<const double> values, const Task& task,
                                      const std::string& file);

}  // namespace cambrian
