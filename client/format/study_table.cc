#include "client/format/study_table.h"

#include "absl/strings/str_cat.h"
#include "client/format/json.h"
#include "client/format/time.h"
#include "common/wire/convert.h"

namespace cambrian {

int64_t FinishedTrials(const v1::Study& study) {
  return study.trials() - study.queued() - study.running();
}

Table StudyTable(absl::Span<const v1::Study> studies, absl::Time now, absl::TimeZone zone) {
  Table table;
  table.columns = {{.title = "study"},
                   {.title = "state"},
                   {.title = "trials", .right = true},
                   {.title = "running", .right = true, .drop = 1},
                   {.title = "infeasible", .right = true, .drop = 3},
                   {.title = "failed", .right = true, .drop = 2},
                   {.title = "elapsed", .right = true, .drop = 4},
                   {.title = "created", .right = true, .drop = 5},
                   {.title = "retrains", .drop = 6}};
  for (const v1::Study& study : studies) {
    table.rows.push_back({study.name(), StudyStateName(study.state()),
                          absl::StrCat(FinishedTrials(study), "/", study.trial_budget()),
                          absl::StrCat(study.running()), absl::StrCat(study.infeasible()),
                          absl::StrCat(study.failed()), FormatElapsed(FromProto(study.elapsed())),
                          FormatWhen(FromProto(study.created()), now, zone), study.parent()});
  }
  return table;
}

std::string StudiesCsv(absl::Span<const v1::Study> studies) {
  std::string out = CsvLine({"study", "state", "finished", "trial_budget", "running", "succeeded",
                             "infeasible", "failed", "elapsed_seconds", "created", "parent"});
  for (const v1::Study& study : studies) {
    out += CsvLine({study.name(), StudyStateName(study.state()),
                    absl::StrCat(FinishedTrials(study)), absl::StrCat(study.trial_budget()),
                    absl::StrCat(study.running()), absl::StrCat(study.succeeded()),
                    absl::StrCat(study.infeasible()), absl::StrCat(study.failed()),
                    absl::StrCat(absl::ToDoubleSeconds(FromProto(study.elapsed()))),
                    FormatUtc(FromProto(study.created())), study.parent()});
  }
  return out;
}

}  // namespace cambrian
