#include "server/store/event_rows.h"

#include "absl/strings/str_cat.h"

namespace cambrian {

std::vector<EventRow> EventRows(const std::vector<EventRecord>& events) {
  std::vector<EventRow> rows;
  for (const EventRecord& event : events) {
    if (!HasRow(event.kind)) continue;
    rows.push_back({event.study, event.number, static_cast<int64_t>(event.kind), event.trial,
                    event.event.SerializeAsString()});
  }
  return rows;
}

absl::StatusOr<std::vector<EventRecord>> ToEvents(const std::vector<EventRow>& rows) {
  std::vector<EventRecord> events;
  events.reserve(rows.size());
  for (const EventRow& row : rows) {
    EventRecord& event = events.emplace_back();
    event.study = row.study;
    event.number = row.number;
    event.kind = static_cast<EventKind>(row.kind);
    event.trial = row.trial;
    if (!event.event.ParseFromString(row.message)) {
      return absl::DataLossError(
          absl::StrCat("event ", row.number, " of study ", row.study, " is broken"));
    }
  }
  return events;
}

}  // namespace cambrian
