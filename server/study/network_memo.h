// What lowering says of networks, remembered.
#pragma once

#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "common/base/mutex.h"
#include "common/nas/architecture.h"
#include "common/nas/objective.h"
#include "common/nas/search_space.h"

namespace cambrian {

// A network before any work.
struct NetworkFacts {
  std::string canonical_key;  // empty: there is none
  std::string obstacle;       // then why
  Metrics metrics;            // analytic: parameters, macs
};

// Strategies look at the same networks again and again: mutations meet, and a joint search varies
// the recipe of one network. So what was looked at is remembered, up to a few megabytes, then begun
// anew. Thread-safe; its space outlives it.
class NetworkMemo {
 public:
  explicit NetworkMemo(const SearchSpace& space);

  // What is remembered of the network of `architecture`, else what `look` finds.
  NetworkFacts Get(const Architecture& architecture, absl::FunctionRef<NetworkFacts()> look);

 private:
  static constexpr size_t kMost = 4096;  // more are forgotten, all at once
  static constexpr size_t kMostKeyBytes = 4 << 20;

  size_t decisions_ = 0;  // those of the network come first
  Mutex mutex_;
  size_t key_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, NetworkFacts> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cambrian
