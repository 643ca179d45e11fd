// A network: what an architecture is lowered to, and what is built, counted, drawn, exported.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/nas/operation.h"
#include "common/nas/shape.h"
#include "nlohmann/json.hpp"

namespace cambrian {

// A graph of operations in topological order without dead parts. Plain data; operation 0 is the
// only kInput, the last one is the output, and every operation is read by a later one. Its last
// shape is {classes, {}}.
struct Network {
  std::vector<Operation> operations;

  int64_t Parameters() const;
  int64_t Macs() const;
  // The most bytes that live fp32 maps hold at once when one example passes, operation by
  // operation, plus the parameters' bytes.
  int64_t PeakMemoryBytes() const;
};

// {"operations": [{"op", "inputs", "arguments" (those that the operation reads), "shape":
// [channels, axes…], "place", "decisions"}]}
nlohmann::json ToJson(const Network& network);

// Checks everything: kinds, indices, argument ranges, that each shape is what the operation gives,
// sizes. \error kInvalidArgument that names the operation.
absl::StatusOr<Network> NetworkFromJson(const nlohmann::json& json);

}  // namespace cambrian
