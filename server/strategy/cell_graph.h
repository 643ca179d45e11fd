// The cells of a space as graphs: what their decisions leave, and features of it by which two cells
// can be compared.
//
// A space's file says `graph`, and the decisions of one bear its places as their last segment
// (docs/spaces.md, Names): "edge_0_2", "from_3", "op_3", "edge_3_out", … So the graphs are read off
// the names; nothing is lowered. Where names do not tell (which nodes leave a cell), the usual form
// is taken: the last node, or all of them where nodes choose their sources.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/nas/search_space.h"

namespace cambrian {

// A multiset of features, each a hash, sorted. Hashes are the same on every machine.
using Features = std::vector<uint64_t>;

// The graph of one cell. Immutable. Numbers of nodes begin with those of its inputs.
class CellGraph {
 public:
  // What one architecture leaves: operations and what they read, dead ones dropped. Skips count as
  // operations here.
  struct Vertex {
    uint64_t label = 0;  // hash of the operation's name
    std::vector<int> inputs;
    std::vector<int> readers;
  };

  // The ways from an input to what leaves, each the hash of the operations along it without skips
  // (White et al. 2021). At most kMaxPaths.
  static constexpr size_t kMaxPaths = 256;
  void AddPaths(const Architecture& architecture, Features& paths) const;
  // How many there are at most.
  double MostPaths() const;

  // Weisfeiler and Leman's colours of the operations at heights 0, 1 and 2, those towards the input
  // and those towards the output on their own: `refined[height]`.
  void AddRefined(const Architecture& architecture, std::vector<Features>& refined) const;

  // The graphs of a space. `covered` is set at the decisions that they speak for.
  static std::vector<CellGraph> Find(const SearchSpace& space, std::vector<bool>& covered);

 private:
  struct Link {
    int from = 0;
    int decision = -1;
  };
  struct Node {
    int from_decision = -1;
    int op_decision = -1;
    std::vector<std::vector<int>> chosen;  // by option of from_decision: sources
    std::vector<Link> links;               // those with a decision
  };
  friend class CellGraphReader;

  // An operation where a decision stands: alive, a skip, or what name it has.
  struct Operation {
    bool dead = false;
    bool skip = true;
    uint64_t label = 0;
  };
  // A link of an architecture that is there.
  struct Live {
    int from = 0;
    Operation operation;
  };

  Operation OperationAt(int decision, const Architecture& architecture) const;
  bool IsEnd(size_t node) const;
  // By node; dead ends included.
  std::vector<std::vector<Live>> LinksOf(const Architecture& architecture) const;

  uint64_t name_ = 0;  // hash of the cell's
  int inputs_ = 0;
  std::vector<Node> nodes_;                    // by number, inputs first (empty)
  bool chooses_sources_ = false;               // any node does
  bool has_out_ = false;                       // the last node is the output
  std::vector<std::vector<uint64_t>> labels_;  // by decision of the space, by option
  std::vector<std::vector<char>> kinds_;       // likewise: 'n' none, 's' skip, 'o' an operation
};

}  // namespace cambrian
