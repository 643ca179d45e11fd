// The rows of the table `event`.
#pragma once

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

// Of those events that have rows.
std::vector<EventRow> EventRows(const std::vector<EventRecord>& events);
// \error kDataLoss
absl::StatusOr<std::vector<EventRecord>> ToEvents(std::vector<EventRow> rows);

}  // namespace cambrian
