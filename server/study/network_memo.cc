#include "server/study/network_memo.h"

#include <algorithm>
#include <utility>

namespace cambrian {

NetworkMemo::NetworkMemo(const SearchSpace& space) {
  const std::vector<Decision>& all = space.decisions();
  const auto recipe = std::find_if(all.begin(), all.end(),
                                   [](const Decision& decision) { return decision.recipe; });
  decisions_ = static_cast<size_t>(recipe - all.begin());
}

NetworkFacts NetworkMemo::Get(const Architecture& architecture,
                              absl::FunctionRef<NetworkFacts()> look) {
  std::string key(reinterpret_cast<const char*>(architecture.values.data()),
                  decisions_ * sizeof(double));
  {
    MutexLock lock(&mutex_);
    if (const auto it = known_.find(key); it != known_.end()) return it->second;
  }
  NetworkFacts facts = look();
  MutexLock lock(&mutex_);
  if (known_.size() >= kMost || key_bytes_ + key.size() > kMostKeyBytes) {
    known_.clear();
    key_bytes_ = 0;
  }
  key_bytes_ += key.size();
  known_.emplace(std::move(key), facts);
  return facts;
}

}  // namespace cambrian
