// The rows of the table `event`: what a commit adds to a study is one row, but for progress.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "server/store/records.h"

namespace cambrian {

struct EventRow {
  int64_t study = 0;
  int64_t last = 0;     // the number of its last event
  int64_t kind = 0;     // an EventKind, or 0: several events of any kind
  int64_t trial = 0;    // 0: several, or of the study itself
  std::string message;  // v1::StoredEvents, or of one event v1::Event
};

// \pre the events of each study are in order
std::vector<EventRow> PackEvents(const std::vector<EventRecord>& events);
// Appends those with numbers above `after`, without what their trials' rows say.
void UnpackEvents(const EventRow& row, int64_t after, std::vector<EventRecord>& events);

// What a trial's row says for good.
struct TrialConstants {
  std::string architecture;
  std::string canonical_key;
  std::string origin;
};
// The trials of events as a list: "1,2,3".
std::string TrialsOf(const std::vector<EventRecord>& events);
void Complete(const std::map<int64_t, TrialConstants>& trials, std::vector<EventRecord>& events);

}  // namespace cambrian
