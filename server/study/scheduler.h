// Which study feeds the next free slot.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"

namespace cambrian {

// Fair and pure: of the studies that have work, the one with the fewest leases; of equals the one
// that waits longest for a slot, then the oldest. Not thread-safe.
class Scheduler {
 public:
  // The study has work, and so many leases.
  void Set(int64_t study, int64_t running);
  // It has no work for now; when it last got a slot is remembered.
  void Rest(int64_t study);
  // It has ended.
  void Remove(int64_t study);
  // It has got a slot.
  void Granted(int64_t study);

  // The first in order that fits the slot. Nothing if none does.
  std::optional<int64_t> Pick(absl::FunctionRef<bool(int64_t study)> fits) const;
  bool HasWork() const { return !order_.empty(); }

 private:
  struct Load {
    int64_t running = 0;
    int64_t last_grant = 0;  // counts grants; 0: never
    bool waits = false;      // it is in order_
  };
  using Key = std::tuple<int64_t, int64_t, int64_t>;  // running, last grant, study

  static Key KeyOf(int64_t study, const Load& load) {
    return {load.running, load.last_grant, study};
  }
  void Leave(int64_t study, Load& load);

  int64_t grants_ = 0;
  absl::flat_hash_map<int64_t, Load> loads_;
  std::set<Key> order_;
};

}  // namespace cambrian
