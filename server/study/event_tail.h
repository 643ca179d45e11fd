// The newest events, in memory: who follows a study need not search the store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/mutex.h"
#include "server/store/records.h"

namespace cambrian {

// Holds what was committed last, of all studies, up to a number of bytes. Thread-safe.
class EventTail {
 public:
  static constexpr size_t kDefaultBytes = size_t{32} << 20;
  explicit EventTail(size_t bytes = kDefaultBytes) : limit_(bytes) {}

  // To be called after each commit, in their order.
  void Add(const Batch& batch);
  // To be called when the store may have what no commit told of.
  void Clear();
  // At most `limit` events with numbers above `after`, none missing; none if `after` is the newest,
  // as far as commits were heard of. Nothing if that is not known here: the store knows.
  std::optional<std::vector<EventRecord>> After(int64_t study, int64_t after, int64_t limit) const;

 private:
  void ClearAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t limit_;
  mutable Mutex mutex_;
  // By study, with numbers that follow each other; none is empty.
  absl::flat_hash_map<int64_t, std::deque<EventRecord>> tails_ ABSL_GUARDED_BY(mutex_);
  std::deque<int64_t> order_ ABSL_GUARDED_BY(mutex_);  // the studies of all events, oldest first
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cambrian
