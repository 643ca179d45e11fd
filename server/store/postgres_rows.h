// The statements that read records from PostgreSQL, beside the functions that know their columns.
#pragma once

#include "server/store/postgres_connection.h"
#include "server/store/records.h"

namespace cambrian::postgres {

extern const char kSelectStudies[];     // all, by id
extern const char kSelectStudy[];       // name
extern const char kSelectTrials[];      // study, after, limit
extern const char kSelectFront[];       // study
extern const char kSelectSince[];       // study, event
extern const char kSelectResultKeys[];  // study
extern const char kSelectEvaluation[];  // tenant, evaluation key
extern const char kSelectEvents[];      // study, after, limit; complete
extern const char kSelectCurve[];       // study, trial: messages, with the attempts that count
extern const char kSelectAttempts[];    // study, trial; without logs
extern const char kSelectLog[];         // study, trial
extern const char kSelectSnapshot[];    // study

// From the current row of one of these.
StudyRecord ReadStudy(PostgresRow& row);
TrialRecord ReadTrial(PostgresRow& row);
EventRecord ReadEvent(PostgresRow& row);
ResultKey ReadResultKey(PostgresRow& row);
AttemptRecord ReadAttempt(PostgresRow& row);
SnapshotRecord ReadSnapshot(PostgresRow& row);

}  // namespace cambrian::postgres
