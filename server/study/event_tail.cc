#include "server/study/event_tail.h"

#include <algorithm>

namespace cambrian {

void EventTail::Add(const Batch& batch) {
  MutexLock lock(&mutex_);
  for (const EventRecord& event : batch.events) {
    std::deque<EventRecord>& tail = tails_[event.study];
    // Another server was active in between.
    if (!tail.empty() && event.number != tail.back().number + 1) tail.clear();
    tail.push_back(event);
    if (tail.size() > limit_) tail.pop_front();
  }
  for (const StudyRecord& study : batch.studies) {
    if (study.state != v1::ACTIVE && study.state != v1::PAUSED) tails_.erase(study.id);
  }
}

std::optional<std::vector<EventRecord>> EventTail::After(int64_t study, int64_t after,
                                                         int64_t limit) const {
  MutexLock lock(&mutex_);
  const auto it = tails_.find(study);
  if (it == tails_.end()) return std::nullopt;
  const std::deque<EventRecord>& tail = it->second;
  if (after + 1 < tail.front().number || after >= tail.back().number) return std::nullopt;
  const auto first = tail.begin() + (after + 1 - tail.front().number);
  return std::vector<EventRecord>(first, first + std::min<int64_t>(limit, tail.end() - first));
}

}  // namespace cambrian
