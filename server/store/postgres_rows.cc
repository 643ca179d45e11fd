#include "server/store/postgres_rows.h"

#include "server/store/row_reader.h"

namespace cambrian::postgres {

const char kSelectStudies[] = "SELECT " CAMBRIAN_STUDY_COLUMNS " FROM study ORDER BY id";
const char kSelectStudy[] = "SELECT " CAMBRIAN_STUDY_COLUMNS " FROM study WHERE name = $1";
const char kSelectTrials[] = "SELECT " CAMBRIAN_TRIAL_COLUMNS
                             " FROM trial WHERE study_id = $1::bigint AND number > $2::bigint "
                             "ORDER BY number LIMIT $3::bigint";
const char kSelectFront[] = "SELECT " CAMBRIAN_TRIAL_COLUMNS
                            " FROM trial WHERE study_id = $1::bigint AND on_front ORDER BY number";
const char kSelectSince[] =
    "SELECT " CAMBRIAN_TRIAL_COLUMNS
    " FROM trial WHERE study_id = $1::bigint AND (ended_event = 0 OR on_front OR "
    "proposed_event > $2::bigint OR ended_event > $2::bigint) ORDER BY number";
const char kSelectResultKeys[] =
    "SELECT min(number), evaluation_key FROM trial WHERE study_id = $1::bigint AND "
    "state IN ('succeeded', 'infeasible') GROUP BY evaluation_key ORDER BY 1";
const char kSelectEvents[] =
    "SELECT study_id, number, kind, trial, message FROM event WHERE study_id = $1::bigint AND "
    "number BETWEEN $2::bigint AND $3::bigint AND kind NOT IN (2, 6) "
    "UNION ALL SELECT study_id, proposed_event, 2, number, '' FROM trial "
    "WHERE study_id = $1::bigint AND number <= $3::bigint AND "
    "proposed_event BETWEEN $2::bigint AND $3::bigint "
    "UNION ALL SELECT study_id, ended_event, 6, number, '' FROM trial "
    "WHERE study_id = $1::bigint AND number <= $3::bigint AND "
    "ended_event BETWEEN $2::bigint AND $3::bigint ORDER BY 2";
const char kSelectTrialsWith[] =
    "SELECT " CAMBRIAN_TRIAL_COLUMNS
    " FROM trial WHERE study_id = $1::bigint AND number = ANY ($2::bigint[]) ORDER BY number";
const char kSelectCurve[] =
    "SELECT message, attempts FROM event JOIN trial ON trial.study_id = event.study_id AND "
    "trial.number = event.trial WHERE event.study_id = $1::bigint AND event.trial = $2::bigint AND "
    "kind = 4 ORDER BY event.number";
const char kSelectAttempts[] =
    "SELECT study_id, trial, token, worker, measures, started_us, ended_us, outcome, reason, "
    "seconds FROM trial_attempt WHERE study_id = $1::bigint AND trial = $2::bigint ORDER BY token";
const char kSelectLog[] =
    "SELECT log FROM trial_attempt WHERE study_id = $1::bigint AND trial = $2::bigint AND "
    "log <> '' ORDER BY token DESC LIMIT 1";
const char kSelectSnapshot[] =
    "SELECT study_id, event, strategy, state FROM snapshot WHERE study_id = $1::bigint";

}  // namespace cambrian::postgres
