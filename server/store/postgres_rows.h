// The statements that read records from PostgreSQL; `row_reader.h` reads their rows.
#pragma once

namespace cambrian::postgres {

extern const char kSelectStudies[];     // all, by id
extern const char kSelectStudy[];       // name
extern const char kSelectTrials[];      // study, after, limit
extern const char kSelectFront[];       // study
extern const char kSelectSince[];       // study, event
extern const char kSelectResultKeys[];  // study
extern const char kSelectEvents[];      // study, first, last
extern const char kSelectTrialsWith[];  // study, array of numbers
extern const char kSelectCurve[];       // study, trial: messages, with the attempts that count
extern const char kSelectAttempts[];    // study, trial; without logs
extern const char kSelectLog[];         // study, trial
extern const char kSelectSnapshot[];    // study

}  // namespace cambrian::postgres
