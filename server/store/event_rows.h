// The rows of the table `event`: those that a commit adds to a study lie together in few rows, but
// for events of progress, which have one each.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/store/records.h"

namespace cambrian {

struct EventRow {
  int64_t study = 0;
  int64_t number = 0;   // of its last event
  int64_t kind = 0;     // an EventKind, or 0: several events of any kind
  int64_t trial = 0;    // 0: several, or of the study itself
  std::string message;  // v1::StoredEvents, or of one event v1::Event
};

// \pre the events of each study are in order
std::vector<EventRow> PackEvents(const std::vector<EventRecord>& events);
// Appends those with numbers above `after`, without what their trials' rows say. \error kDataLoss
absl::Status UnpackEvents(const EventRow& row, int64_t after, std::vector<EventRecord>& events);

// What a trial's row says for good.
struct TrialConstants {
  std::string architecture;
  std::string canonical_key;
  std::string origin;
};
std::set<int64_t> TrialsOf(const std::vector<EventRecord>& events);
// Adds it to the events, by the trials' numbers. They were read before it: if a trial is missing,
// its study was deleted in between, and so are the events.
void AddConstants(const std::map<int64_t, TrialConstants>& trials,
                  std::vector<EventRecord>& events);

}  // namespace cambrian
