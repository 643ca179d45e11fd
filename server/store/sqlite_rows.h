// The statements that read records from SQLite, whose rows `row_reader.h` reads, and those that
// write them.
#pragma once

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/store/event_rows.h"
#include "server/store/records.h"
#include "server/store/sqlite_database.h"

namespace cambrian {

extern const char kSelectStudies[];     // all, by id
extern const char kSelectStudy[];       // ?: name
extern const char kSelectTrials[];      // ?: study, after, limit
extern const char kSelectFront[];       // ?: study
extern const char kSelectSince[];       // ?: study, event
extern const char kSelectResultKeys[];  // ?: study
extern const char kSelectAttempts[];    // ?: study, trial; without logs
extern const char kSelectEvents[];      // ?: study, first, last
extern const char kSelectTrialsWith[];  // ?: study, JSON list of numbers
extern const char kSelectProgress[];    // ?: study, trial; events of all attempts

absl::Status WriteStudy(SqliteDatabase& database, const StudyRecord& study);
absl::Status WriteTrials(SqliteDatabase& database, absl::Span<const TrialRecord> trials);
absl::Status WriteEvents(SqliteDatabase& database, absl::Span<const EventRow> events);
absl::Status WriteAttempts(SqliteDatabase& database,
                           absl::Span<const AttemptRecord* const> attempts);
absl::Status WriteWorker(SqliteDatabase& database, const WorkerRecord& worker);
absl::Status WriteSnapshot(SqliteDatabase& database, const SnapshotRecord& snapshot);

}  // namespace cambrian
