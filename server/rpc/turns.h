// Work of which only one may be under way at a time.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "common/base/mutex.h"

namespace cambrian {

// Thread-safe. Work of one key begins in order, each after the one before has said that it is done;
// keys do not wait for each other. Outlives whatever it runs.
class Turns {
 public:
  using Done = std::function<void()>;
  // Is handed what to call, once and from any thread, when it is over.
  using Work = std::function<void(Done done)>;

  // Runs `work` now, or on the thread that ends the one before it.
  void Take(const std::string& key, Work work) {
    {
      MutexLock lock(&mutex_);
      const auto [entry, is_first] = waiting_.try_emplace(key);
      if (!is_first) return entry->second.push_back(std::move(work));
    }
    work([this, key] { Next(key); });
  }

 private:
  void Next(const std::string& key) {
    Work work;
    {
      MutexLock lock(&mutex_);
      const auto entry = waiting_.find(key);
      if (entry->second.empty()) {
        waiting_.erase(entry);
        return;
      }
      work = std::move(entry->second.front());
      entry->second.pop_front();
    }
    work([this, key] { Next(key); });
  }

  Mutex mutex_;
  std::map<std::string, std::deque<Work>> waiting_ ABSL_GUARDED_BY(mutex_);  // behind one that runs
};

}  // namespace cambrian
