#include "server/study/event_tail.h"

#include <algorithm>

namespace cambrian {
namespace {

size_t BytesOf(const EventRecord& event) { return sizeof(event) + event.event.ByteSizeLong(); }

}  // namespace

void EventTail::Add(const Batch& batch) {
  MutexLock lock(&mutex_);
  for (const EventRecord& event : batch.events) {
    const auto known = tails_.find(event.study);
    const bool follows = known == tails_.end() || known->second.back().number + 1 == event.number;
    if (!follows) ClearAll();  // another server was active in between
    tails_[event.study].push_back(event);
    order_.push_back(event.study);
    bytes_ += BytesOf(event);
  }
  while (bytes_ > limit_) DropOldest();
}

void EventTail::DropOldest() {
  const auto oldest = tails_.find(order_.front());
  order_.pop_front();
  bytes_ -= BytesOf(oldest->second.front());
  oldest->second.pop_front();
  if (oldest->second.empty()) tails_.erase(oldest);
}

void EventTail::Clear() {
  MutexLock lock(&mutex_);
  ClearAll();
}

void EventTail::ClearAll() {
  tails_.clear();
  order_.clear();
  bytes_ = 0;
}

std::optional<std::vector<EventRecord>> EventTail::After(int64_t study, int64_t after,
                                                         int64_t limit) const {
  MutexLock lock(&mutex_);
  const auto it = tails_.find(study);
  if (it == tails_.end()) return std::nullopt;
  const std::deque<EventRecord>& tail = it->second;
  if (after < tail.front().number - 1 || after > tail.back().number) return std::nullopt;
  const auto first = tail.begin() + (after + 1 - tail.front().number);
  return std::vector<EventRecord>(first, first + std::min<int64_t>(limit, tail.end() - first));
}

}  // namespace cambrian
