// Pictures of networks: top to bottom, a colour and a shape for each family of operations, sizes on
// the arrows where they change, chosen operations in bold, repeats folded into one box ("cell ×
// 5").
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "common/nas/network.h"

namespace cambrian {

struct DrawOptions {
  std::string title;  // above the picture; empty: none
  bool fold = true;   // draw alike neighbours once
  // What a decision chose, by its name: {"cell.edge_0_1", "conv3x3"}. Names alone are drawn for
  // those that are missing.
  std::map<std::string, std::string> choices;
};

// The picture in Graphviz's language.
std::string NetworkToDot(const Network& network, const DrawOptions& options);

// The picture as an SVG document. One call at a time in a process: Graphviz's library is not
// thread-safe. Two drawings of one network may differ in what stands left and right. \error
// kInvalidArgument if the network is too large for a picture, kInternal with Graphviz's message.
absl::StatusOr<std::string> DrawNetwork(const Network& network, const DrawOptions& options);

}  // namespace cambrian
