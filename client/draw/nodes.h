// The nodes of a picture: an operation, or a chain that a person reads as one ("relu, conv 3×3,
// batch norm").
#pragma once

#include <string>
#include <vector>

#include "client/draw/folding.h"
#include "common/nas/network.h"

namespace cambrian {

enum class Family { kEnd, kConvolution, kPooling, kNorm, kActivation, kJoin, kLinear };

struct DrawnNode {
  std::vector<size_t> operations;  // first to last, each the only reader of the one before
  Family family = Family::kEnd;
};

// The drawn operations of the network in nodes, in the order of their first operations.
std::vector<DrawnNode> MakeNodes(const Network& network, const Folding& folding);

// What a person reads in the node: "relu, conv 3×3, batch norm".
std::string NodeText(const Network& network, const DrawnNode& node);

}  // namespace cambrian
