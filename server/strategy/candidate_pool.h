// Architectures from which a model picks the most promising.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "common/base/random.h"
#include "common/nas/origin.h"
#include "common/nas/search_space.h"

namespace cambrian {

struct PoolEntry {
  Architecture architecture;
  // Where it comes from: one or two changes of a trial, two trials, or nowhere.
  int changes = 0;
  int64_t parent = -1;
  int64_t other = -1;

  // Not yet judged.
  Origin ToOrigin() const;
};

struct PoolParent {
  const Architecture* architecture = nullptr;
  int64_t trial = 0;
};

// Equal for equal architectures, on one machine.
uint64_t HashOf(const Architecture& architecture);

// Neighbours of the parents (best first), mutants of their mutants, crossovers, and random ones:
// about `size` of them, each once, none whose hash is in `seen`. Without parents, random ones.
std::vector<PoolEntry> MakePool(const SearchSpace& space, const std::vector<PoolParent>& parents,
                                const absl::flat_hash_set<uint64_t>& seen, size_t size,
                                Random& random);

}  // namespace cambrian
