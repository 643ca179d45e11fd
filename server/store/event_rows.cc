#include "server/store/event_rows.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "cambrian/v1/stored.pb.h"

namespace cambrian {
namespace {

// PostgreSQL compresses and moves out what makes a row longer than 2 KB, SQLite what makes it
// longer than a page of 4 KB.
constexpr size_t kMostBytes = 1700;

EventRow PackOne(const EventRecord& event) {
  return {event.study, event.number, static_cast<int64_t>(event.kind), event.trial,
          event.event.SerializeAsString()};
}

}  // namespace

std::vector<EventRow> PackEvents(const std::vector<EventRecord>& events) {
  std::vector<EventRow> rows;
  struct Open {
    v1::StoredEvents list;
    size_t bytes = 0;
  };
  absl::flat_hash_map<int64_t, Open> by_study;
  const auto close = [&rows](int64_t study, Open& open) {
    if (open.bytes == 0) return;
    const auto& list = open.list.events();
    rows.push_back({study, list.rbegin()->number(), 0, 0, open.list.SerializeAsString()});
    open.list.clear_events();
    open.bytes = 0;
  };
  for (const EventRecord& event : events) {
    Open& open = by_study[event.study];
    if (event.kind == EventKind::kProgress) {
      close(event.study, open);
      rows.push_back(PackOne(event));
      continue;
    }
    v1::StoredEvent stored;
    stored.set_number(event.number);
    stored.set_kind(static_cast<int>(event.kind));
    stored.set_trial(event.trial);
    event.event.SerializeToString(stored.mutable_event());
    const size_t bytes = stored.ByteSizeLong() + 3;
    if (open.bytes + bytes > kMostBytes) close(event.study, open);
    *open.list.add_events() = std::move(stored);
    open.bytes += bytes;
  }
  for (auto& [study, open] : by_study) close(study, open);
  return rows;
}

absl::Status UnpackEvents(const EventRow& row, int64_t after, std::vector<EventRecord>& events) {
  const auto broken = [&row] {
    return absl::DataLossError(
        absl::StrCat("the events up to ", row.number, " of study ", row.study, " are broken"));
  };
  v1::StoredEvents list;
  if (row.kind == 0) {
    if (!list.ParseFromString(row.message)) return broken();
  } else {
    v1::StoredEvent& stored = *list.add_events();
    stored.set_number(row.number);
    stored.set_kind(static_cast<int>(row.kind));
    stored.set_trial(row.trial);
    stored.set_event(row.message);
  }
  for (const v1::StoredEvent& stored : list.events()) {
    if (stored.number() <= after) continue;
    EventRecord& event = events.emplace_back();
    event.study = row.study;
    event.number = stored.number();
    event.kind = static_cast<EventKind>(stored.kind());
    event.trial = stored.trial();
    if (!event.event.ParseFromString(stored.event())) return broken();
  }
  return absl::OkStatus();
}

std::set<int64_t> TrialsOf(const std::vector<EventRecord>& events) {
  std::set<int64_t> trials;
  for (const EventRecord& event : events) {
    if (event.trial != 0) trials.insert(event.trial);
  }
  return trials;
}

void AddConstants(const std::map<int64_t, TrialConstants>& trials,
                  std::vector<EventRecord>& events) {
  for (EventRecord& event : events) {
    if (event.trial == 0) continue;
    const auto it = trials.find(event.trial);
    if (it == trials.end()) return events.clear();
    v1::Trial& trial = *event.event.mutable_trial();
    trial.set_architecture(it->second.architecture);
    trial.set_canonical_key(it->second.canonical_key);
    trial.set_origin(it->second.origin);
  }
}

}  // namespace cambrian
