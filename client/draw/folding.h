// Which parts of a network repeat the one before them, so that a picture shows them once.
#pragma once

#include <string>
#include <vector>

#include "common/nas/network.h"

namespace cambrian {

// A part that stands `times` times in a row, of which the first is drawn.
struct Repeat {
  size_t begin = 0;  // its operations, [begin, end)
  size_t end = 0;
  int times = 1;
  std::string name;  // where it stands, without numbers at the end: "cell", "stage.1"
};

struct Folding {
  std::vector<size_t> stands_for;  // by operation: the one that is drawn for it, often itself
  std::vector<Repeat> repeats;     // outer ones before those inside them
};

// Nothing folded.
Folding Unfolded(const Network& network);

// Folds neighbours whose places differ in one number if their operations, arguments and sizes are
// equal (but for the channels that come in) and each reads the one before it, or what that one
// reads.
Folding FoldRepeats(const Network& network);

}  // namespace cambrian
