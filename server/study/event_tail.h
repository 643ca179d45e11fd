// The newest events of open studies, in memory: who follows a study need not search the store.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/mutex.h"
#include "server/store/records.h"

namespace cambrian {

// Holds what is committed. Thread-safe.
class EventTail {
 public:
  explicit EventTail(size_t events_a_study = 4096) : limit_(events_a_study) {}

  // To be called after each commit, in their order.
  void Add(const Batch& batch);
  // At most `limit` events with numbers above `after`, none missing; nothing if the first of them
  // is not here: the store has it, if there is one.
  std::optional<std::vector<EventRecord>> After(int64_t study, int64_t after, int64_t limit) const;

 private:
  const size_t limit_;
  mutable Mutex mutex_;
  // By study, with numbers that follow each other.
  absl::flat_hash_map<int64_t, std::deque<EventRecord>> tails_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cambrian
