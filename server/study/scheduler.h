// Which study feeds the next free slot.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/types/span.h"

namespace cambrian {

// A study that may have work for the slot.
struct StudyLoad {
  int64_t study = 0;
  int64_t running = 0;     // its leases
  int64_t last_grant = 0;  // when it last got a slot, in any unit that grows; 0: never
};

// Fair and pure: the study with the fewest leases; of equals the one that waits longest for a slot,
// then the oldest. Nothing if there is none.
std::optional<int64_t> PickStudy(absl::Span<const StudyLoad> studies);

}  // namespace cambrian
