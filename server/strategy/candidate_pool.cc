#include "server/strategy/candidate_pool.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace cambrian {
namespace {

// Shares of the pool; the rest is drawn at random.
constexpr double kNeighbours = 0.5;
constexpr double kMutants = 0.2;
constexpr double kCrossovers = 0.1;

class Pool {
 public:
  Pool(const SearchSpace& space, const absl::flat_hash_set<uint64_t>& seen, Random& random)
      : space_(space), seen_(seen), random_(random) {}

  void Add(PoolEntry entry) {
    const uint64_t hash = HashOf(entry.architecture);
    if (seen_.contains(hash) || !added_.insert(hash).second) return;
    entries_.push_back(std::move(entry));
  }

  void AddNeighbours(const PoolParent& parent, size_t most) {
    std::vector<Architecture> neighbours = space_.Neighbours(*parent.architecture, random_);
    for (size_t i = 0; i < neighbours.size() && i < most; ++i) {
      std::swap(neighbours[i], neighbours[i + random_.Below(neighbours.size() - i)]);
      Add({std::move(neighbours[i]), 1, parent.trial});
    }
  }

  // The pool after `add` was called as often as `count` says.
  template <typename AddOne>
  void Draw(size_t count, const AddOne& add) {
    for (size_t i = 0; i < count; ++i) add();
  }

  std::vector<PoolEntry> Take() { return std::move(entries_); }

 private:
  const SearchSpace& space_;
  const absl::flat_hash_set<uint64_t>& seen_;
  Random& random_;
  absl::flat_hash_set<uint64_t> added_;
  std::vector<PoolEntry> entries_;
};

}  // namespace

Origin PoolEntry::ToOrigin() const {
  Origin origin;
  if (changes == 0) return origin;
  origin.source = other >= 0 ? Origin::Source::kCrossover : Origin::Source::kMutation;
  origin.parent = parent;
  origin.other = std::max<int64_t>(other, 0);
  origin.twice = changes == 2;
  return origin;
}

uint64_t HashOf(const Architecture& architecture) {
  uint64_t hash = 0x9e3779b97f4a7c15;
  for (size_t d = 0; d < architecture.values.size(); ++d) {
    uint64_t bits = 1;
    if (architecture.Has(d)) std::memcpy(&bits, &architecture.values[d], sizeof bits);
    hash = (hash ^ bits) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
  }
  return hash;
}

std::vector<PoolEntry> MakePool(const SearchSpace& space, const std::vector<PoolParent>& parents,
                                const absl::flat_hash_set<uint64_t>& seen, size_t size,
                                Random& random) {
  Pool pool(space, seen, random);
  const auto share = [&](double part) {
    return static_cast<size_t>(part * static_cast<double>(size));
  };
  const auto any = [&]() -> const PoolParent& { return parents[random.Below(parents.size())]; };
  if (!parents.empty()) {
    for (const PoolParent& parent : parents) {
      pool.AddNeighbours(parent, share(kNeighbours) / parents.size());
    }
    pool.Draw(share(kMutants), [&] {
      const PoolParent& parent = any();
      pool.Add({space.Mutate(space.Mutate(*parent.architecture, random), random), 2, parent.trial});
    });
    pool.Draw(share(kCrossovers), [&] {
      const PoolParent& a = any();
      const PoolParent& b = any();
      if (a.trial == b.trial) return;
      pool.Add({space.Crossover(*a.architecture, *b.architecture, random), 1, a.trial, b.trial});
    });
  }
  const double drawn = parents.empty() ? 1 : 1 - kNeighbours - kMutants - kCrossovers;
  pool.Draw(share(drawn), [&] { pool.Add({space.Sample(random)}); });
  return pool.Take();
}

}  // namespace cambrian
