#include "server/replay_command.h"

#include <cstdio>
#include <memory>
#include <vector>

#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "server/store/postgres.h"
#include "server/store/sqlite.h"
#include "server/study/replay.h"
#include "server/study/study_reader.h"

namespace cambrian {
namespace {

constexpr int64_t kPage = 1000;  // trials read at once

absl::StatusOr<std::vector<TrialRecord>> AllTrials(TrialStore& store, const StudyRecord& record) {
  std::vector<TrialRecord> trials;
  while (static_cast<int64_t>(trials.size()) < record.trials) {
    ASSIGN_OR_RETURN(std::vector<TrialRecord> page,
                     store.Trials(record.id, static_cast<int64_t>(trials.size()), kPage));
    if (page.empty()) return absl::DataLossError("trials are missing in the database");
    trials.insert(trials.end(), std::make_move_iterator(page.begin()),
                  std::make_move_iterator(page.end()));
  }
  return trials;
}

absl::StatusOr<ReplayReport> Replay(TrialStore& store, absl::string_view name) {
  // The record first: whatever is read after it knows at least as much.
  ASSIGN_OR_RETURN(const StudyRecord record, store.Study(name));
  ASSIGN_OR_RETURN(const std::string text, store.StudyText(record.id));
  ASSIGN_OR_RETURN(const std::shared_ptr<const StudySpec> spec, NewStudyReader().parse(text));
  ASSIGN_OR_RETURN(const std::vector<TrialRecord> trials, AllTrials(store, record));
  return VerifyReplay(spec, record.continues, record.event, trials);
}

int Fail(const absl::Status& status) {
  fprintf(stderr, "error: %s\n", std::string(status.message()).c_str());
  return 1;
}

absl::StatusOr<std::unique_ptr<TrialStore>> OpenForReading(const std::string& database) {
  absl::string_view path = database;
  if (absl::ConsumePrefix(&path, "sqlite:")) return OpenSqliteStoreForReading(std::string(path));
  return OpenPostgresStore(database);
}

}  // namespace

int ReplayCommand(TrialStore& store, absl::string_view study) {
  const absl::StatusOr<ReplayReport> report = Replay(store, study);
  if (!report.ok()) return Fail(Annotate(report.status(), absl::StrCat("study ", study)));
  printf("study %s: %lld of %lld proposals reproduced", std::string(study).c_str(),
         static_cast<long long>(report->reproduced), static_cast<long long>(report->proposals));
  if (report->inherited > 0) {
    printf(", after %lld trials of another study", static_cast<long long>(report->inherited));
  }
  printf("\n");
  if (report->difference.empty()) return 0;
  printf("%s\n", report->difference.c_str());
  return 1;
}

int ReplayCommand(const std::string& database, absl::string_view study) {
  const absl::StatusOr<std::unique_ptr<TrialStore>> store = OpenForReading(database);
  if (!store.ok()) return Fail(store.status());
  return ReplayCommand(**store, study);
}

}  // namespace cambrian
