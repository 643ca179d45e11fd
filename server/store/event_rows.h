// The rows of the table `event`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/records.h"

namespace cambrian {

struct EventRow {
  int64_t study = 0;
  int64_t number = 0;
  int64_t kind = 0;  // an EventKind
  int64_t trial = 0;
  std::string message;  // v1::Event; empty of events that have no row
};

// The statements name the kinds that have no row by their numbers; an older program, which a newer
// one stands by for, may still write rows of them.
static_assert(static_cast<int>(EventKind::kProposed) == 2);
static_assert(static_cast<int>(EventKind::kEnded) == 6);

// The numbers of the events that may be among `limit` ones after number `after`.
struct EventNumbers {
  EventNumbers(int64_t after, int64_t limit)
      : first(std::clamp<int64_t>(after, 0, kMost) + 1),
        last(first - 1 + std::clamp<int64_t>(limit, 0, kMost)) {}

  static constexpr int64_t kMost = int64_t{1} << 60;
  int64_t first;
  int64_t last;
};

// Of those events that have rows.
std::vector<EventRow> EventRows(const std::vector<EventRecord>& events);
// \error kDataLoss
absl::StatusOr<std::vector<EventRecord>> ToEvents(const std::vector<EventRow>& rows);

}  // namespace cambrian
