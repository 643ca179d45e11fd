// Architectures as numbers, and how far apart two of them are: what models of them stand on.
#pragma once

#include <memory>
#include <vector>

#include "Eigen/Core"
#include "common/nas/search_space.h"
#include "server/strategy/cell_graph.h"

namespace cambrian {

// Every decision as a block of numbers in [0, 1]: of options one in its place (of ordered ones and
// of numbers their place in the range, of sets a number for each member), and one that says whether
// the decision exists. Scaled so that the L1 distance of two architectures is the number of
// decisions in which they differ, numbers and sets by how much. Immutable and thread-safe.
class DecisionEncoder {
 public:
  // `space` outlives it.
  explicit DecisionEncoder(const SearchSpace& space);

  // How many numbers.
  int size() const { return size_; }
  // Only of the decisions that `included` says.
  Eigen::ArrayXf Encode(const Architecture& architecture, const std::vector<bool>& included) const;
  Eigen::ArrayXf Encode(const Architecture& architecture) const;

 private:
  struct Block {
    int begin = 0;
    int width = 0;                          // without the one for existence
    bool number = false;                    // one number: the place in the range
    std::vector<std::vector<int>> members;  // by option of a set
  };

  const std::vector<Decision>& decisions_;
  std::vector<Block> blocks_;
  std::vector<bool> all_;
  int size_ = 0;
};

// What a distance looks at.
enum class Likeness {
  kHamming,  // the number of decisions that differ
  kPaths,    // the ways through a cell (White et al. 2021)
  kRefined,  // Weisfeiler and Leman's colours of a cell (Ru et al. 2021)
  // Half by the decisions that differ, half by the ways (the colours where those are too many): a
  // cost depends on what is computed in vain as well.
  kCombined,
};

// Those that make sense in a space: hamming everywhere, paths where its graphs have few enough.
std::vector<Likeness> LikenessesOf(const SearchSpace& space);

// One architecture as a distance sees it.
struct Encoded {
  Eigen::ArrayXf decisions;
  std::vector<Features> features;
};

// A distance between architectures, 1 on average between random ones. With graphs, the decisions
// that no graph speaks for count by their share of all. exp(−distance / ℓ) is a kernel for each ℓ.
// Immutable and thread-safe.
class ArchitectureDistance {
 public:
  // `space` outlives it. Without graphs every likeness is kHamming.
  ArchitectureDistance(const SearchSpace& space, Likeness likeness);

  Encoded Encode(const Architecture& architecture) const;
  double operator()(const Encoded& a, const Encoded& b) const;

 private:
  void Scale(const SearchSpace& space);
  bool LooksAtPaths() const { return likeness_ == Likeness::kPaths || few_paths_; }

  DecisionEncoder encoder_;
  std::vector<CellGraph> graphs_;
  std::vector<bool> by_decision_;  // decisions that are compared as such
  Likeness likeness_ = Likeness::kHamming;
  bool few_paths_ = false;  // of kCombined
  double decisions_weight_ = 1;
  std::vector<double> features_weights_;
};

}  // namespace cambrian
