#include "server/strategy/encoding.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "absl/strings/str_split.h"
#include "common/base/random.h"

namespace cambrian {
namespace {

constexpr size_t kHeights = 2;          // of refinement: 0 and 1
constexpr double kCombinedShare = 0.5;  // of the decisions
constexpr int kScalePairs = 200;        // random pairs by which a distance is scaled
constexpr uint64_t kScaleSeed = 17;

double Place(const Decision& d, double value) {
  double low = d.low;
  double high = d.high;
  if (d.kind == Decision::Kind::kCategorical) {  // ordered
    value = d.numbers[static_cast<size_t>(value)];
    const auto [least, most] = std::minmax_element(d.numbers.begin(), d.numbers.end());
    low = *least;
    high = *most;
    // Numbers that span orders of magnitude are compared by their logarithm: 16, 32, 64, …
    if (low > 0 && high / low >= 8) {
      value = std::log(value);
      low = std::log(low);
      high = std::log(high);
    }
  } else if (d.log_scale) {
    value = std::log(value);
    low = std::log(low);
    high = std::log(high);
  }
  return high > low ? (value - low) / (high - low) : 0;
}

// How many features two multisets do not share.
double Difference(const Features& a, const Features& b) {
  size_t shared = 0;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {  // no branches to guess
    const uint64_t x = a[i];
    const uint64_t y = b[j];
    shared += static_cast<size_t>(x == y);
    i += static_cast<size_t>(x <= y);
    j += static_cast<size_t>(y <= x);
  }
  return static_cast<double>(a.size() + b.size() - 2 * shared);
}

bool HaveFewPaths(const std::vector<CellGraph>& graphs) {
  return std::all_of(graphs.begin(), graphs.end(), [](const CellGraph& graph) {
    return graph.MostPaths() <= static_cast<double>(CellGraph::kMaxPaths);
  });
}

}  // namespace

DecisionEncoder::DecisionEncoder(const SearchSpace& space)
    : decisions_(space.decisions()), all_(space.decisions().size(), true) {
  for (const Decision& d : decisions_) {
    Block block;
    block.begin = size_;
    block.number = d.kind != Decision::Kind::kCategorical || d.ordered;
    block.width = block.number ? 1 : static_cast<int>(d.options.size());
    if (d.is_set) {
      std::map<std::string, int> places;
      for (const std::string& option : d.options) {
        block.members.emplace_back();
        for (const std::string& member : std::vector<std::string>(absl::StrSplit(option, '+'))) {
          const int next = static_cast<int>(places.size());
          block.members.back().push_back(places.try_emplace(member, next).first->second);
        }
      }
      block.width = static_cast<int>(places.size());
    }
    size_ += block.width + 1;
    blocks_.push_back(std::move(block));
  }
}

Eigen::ArrayXf DecisionEncoder::Encode(const Architecture& architecture) const {
  return Encode(architecture, all_);
}

Eigen::ArrayXf DecisionEncoder::Encode(const Architecture& architecture,
                                       const std::vector<bool>& included) const {
  Eigen::ArrayXf code = Eigen::ArrayXf::Zero(size_);
  for (size_t d = 0; d < blocks_.size(); ++d) {
    if (!included[d]) continue;
    const Block& block = blocks_[d];
    if (!architecture.Has(d)) {
      if (block.number) code[block.begin] = 0.5F;
      continue;
    }
    const double value = architecture.values[d];
    code[block.begin + block.width] = 0.5F;
    if (block.number) {
      code[block.begin] = static_cast<float>(Place(decisions_[d], value));
    } else if (!block.members.empty()) {
      const std::vector<int>& members = block.members[static_cast<size_t>(value)];
      for (const int member : members) {
        code[block.begin + member] = 0.5F / static_cast<float>(members.size());
      }
    } else {
      code[block.begin + static_cast<int>(value)] = 0.5F;
    }
  }
  return code;
}

std::vector<Likeness> LikenessesOf(const SearchSpace& space) {
  std::vector<bool> covered;
  const std::vector<CellGraph> graphs = CellGraph::Find(space, covered);
  if (graphs.empty()) return {Likeness::kHamming};
  if (!HaveFewPaths(graphs)) return {Likeness::kRefined, Likeness::kHamming};
  return {Likeness::kPaths, Likeness::kRefined, Likeness::kHamming};
}

ArchitectureDistance::ArchitectureDistance(const SearchSpace& space, Likeness likeness)
    : encoder_(space), by_decision_(space.decisions().size(), true) {
  if (likeness != Likeness::kHamming) {
    std::vector<bool> covered;
    graphs_ = CellGraph::Find(space, covered);
    if (!graphs_.empty()) {
      likeness_ = likeness;
      if (likeness == Likeness::kCombined) {
        few_paths_ = HaveFewPaths(graphs_);
      } else {
        covered.flip();
        by_decision_ = covered;
      }
    }
  }
  Scale(space);
}

// Each part has its share of the mean distance between random architectures.
void ArchitectureDistance::Scale(const SearchSpace& space) {
  Random random(kScaleSeed);
  double decisions = 0;
  std::vector<double> features;
  for (int pair = 0; pair < kScalePairs; ++pair) {
    const Encoded a = Encode(space.Sample(random));
    const Encoded b = Encode(space.Sample(random));
    decisions += (a.decisions - b.decisions).abs().sum();
    features.resize(a.features.size());
    for (size_t f = 0; f < features.size(); ++f) {
      features[f] += Difference(a.features[f], b.features[f]);
    }
  }
  const auto plain = std::count(by_decision_.begin(), by_decision_.end(), true);
  double share = 1;
  if (likeness_ == Likeness::kCombined) {
    share = kCombinedShare;
  } else if (!by_decision_.empty()) {
    share = static_cast<double>(plain) / static_cast<double>(by_decision_.size());
  }
  decisions_weight_ = decisions > 0 ? share * kScalePairs / decisions : 0;
  for (const double sum : features) {
    features_weights_.push_back(
        sum > 0 ? (1 - share) / static_cast<double>(features.size()) * kScalePairs / sum : 0);
  }
}

Encoded ArchitectureDistance::Encode(const Architecture& architecture) const {
  Encoded encoded;
  encoded.decisions = encoder_.Encode(architecture, by_decision_);
  if (likeness_ == Likeness::kHamming) return encoded;
  encoded.features.resize(LooksAtPaths() ? 1 : kHeights);
  for (const CellGraph& graph : graphs_) {
    if (LooksAtPaths()) {
      graph.AddPaths(architecture, encoded.features[0]);
    } else {
      graph.AddRefined(architecture, encoded.features);
    }
  }
  for (Features& features : encoded.features) std::sort(features.begin(), features.end());
  return encoded;
}

double ArchitectureDistance::operator()(const Encoded& a, const Encoded& b) const {
  double distance = 0;
  if (decisions_weight_ > 0) {
    distance = decisions_weight_ * (a.decisions - b.decisions).abs().sum();
  }
  for (size_t f = 0; f < features_weights_.size(); ++f) {
    distance += features_weights_[f] * Difference(a.features[f], b.features[f]);
  }
  return distance;
}

}  // namespace cambrian
