#include "server/store/sqlite_rows.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/wire/convert.h"
#include "server/store/row_reader.h"
#include "server/store/rows.h"

namespace cambrian {
namespace {

constexpr char kWriteStudy[] =
    "INSERT INTO study (" CAMBRIAN_STUDY_COLUMNS
    ") VALUES "
    "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET "
    "state = excluded.state, reason = excluded.reason, ended_us = excluded.ended_us, "
    "elapsed_us = excluded.elapsed_us, successor = excluded.successor, trials = excluded.trials, "
    "queued = excluded.queued, running = excluded.running, succeeded = excluded.succeeded, "
    "infeasible = excluded.infeasible, failed = excluded.failed, cancelled = excluded.cancelled, "
    "known = excluded.known, trial_budget = excluded.trial_budget, "
    "time_budget_us = excluded.time_budget_us, "
    "device_seconds = excluded.device_seconds, event = excluded.event, "
    "hypervolume = excluded.hypervolume, reference = excluded.reference";

constexpr int kTrialColumns = 27;
constexpr char kIntoTrial[] = "INSERT INTO trial (" CAMBRIAN_TRIAL_COLUMNS ")";
constexpr char kOrUpdateTrial[] =
    " ON CONFLICT (study_id, number) DO UPDATE "
    "SET state = excluded.state, reason = excluded.reason, metrics = excluded.metrics, "
    "same_as = excluded.same_as, known = excluded.known, started_us = excluded.started_us, "
    "ended_us = excluded.ended_us, ended_event = excluded.ended_event, "
    "attempts = excluded.attempts, losses = excluded.losses, "
    "out_of_memory = excluded.out_of_memory, token = excluded.token, worker = excluded.worker, "
    "seconds = excluded.seconds, checkpoint = excluded.checkpoint, "
    "on_front = excluded.on_front, progress = excluded.progress, "
    "resume_from = excluded.resume_from, trained = excluded.trained";

// Writes many rows by few statements: each statement costs something beside its rows.
template <typename Row>
class Insert {
 public:
  // `into`: "INSERT INTO table"; `bind` binds so many `columns`.
  Insert(absl::string_view into, int columns, absl::string_view after,
         void (*bind)(SqliteQuery&, const Row&))
      : bind_(bind) {
    std::string row = "(?";
    for (int i = 1; i < columns; ++i) row += ",?";
    row += ")";
    one_ = absl::StrCat(into, " VALUES ", row, after);
    many_ = absl::StrCat(into, " VALUES ", row);
    for (size_t i = 1; i < kMany; ++i) absl::StrAppend(&many_, ",", row);
    absl::StrAppend(&many_, after);
  }

  absl::Status Run(SqliteDatabase& database, absl::Span<const Row> rows) const {
    while (!rows.empty()) {
      const size_t count = rows.size() < kMany ? 1 : kMany;
      SqliteQuery query = database.Query((count == 1 ? one_ : many_).c_str());
      for (const Row& row : rows.first(count)) bind_(query, row);
      RETURN_IF_ERROR(query.Run());
      rows.remove_prefix(count);
    }
    return absl::OkStatus();
  }

 private:
  static constexpr size_t kMany = 8;

  void (*const bind_)(SqliteQuery&, const Row&);
  std::string one_;
  std::string many_;
};

void BindTrial(SqliteQuery& query, const TrialRecord& trial) {
  query.Bind(trial.study).Bind(trial.number).Bind(TrialStateName(trial.state)).Bind(trial.reason);
  query.Bind(trial.architecture).Bind(trial.canonical_key).Bind(trial.evaluation_key);
  query.Bind(trial.origin).Bind(MetricsColumn(trial.metrics)).Bind(trial.same_as);
  query.Bind(static_cast<int64_t>(trial.known)).Bind(TimeColumn(trial.created));
  query.Bind(TimeColumn(trial.started)).Bind(TimeColumn(trial.ended));
  query.Bind(trial.proposed_event).Bind(trial.ended_event);
  query.Bind(int64_t{trial.attempts}).Bind(int64_t{trial.losses});
  query.Bind(int64_t{trial.out_of_memory}).Bind(trial.token).Bind(trial.worker);
  query.Bind(trial.seconds).Bind(trial.checkpoint).Bind(trial.resume_from);
  query.Bind(static_cast<int64_t>(trial.trained)).Bind(static_cast<int64_t>(trial.on_front));
  query.BindBlob(trial.progress.SerializeAsString());
}

void BindEvent(SqliteQuery& query, const EventRow& event) {
  query.Bind(event.study).Bind(event.number).Bind(event.kind).Bind(event.trial);
  query.BindBlob(event.message);
}

void BindAttempt(SqliteQuery& query, const AttemptRecord* const& record) {
  const AttemptRecord& attempt = *record;
  query.Bind(attempt.study).Bind(attempt.trial).Bind(attempt.token).Bind(attempt.worker);
  query.Bind(static_cast<int64_t>(attempt.measures));
  query.Bind(TimeColumn(attempt.started)).Bind(TimeColumn(attempt.ended));
  query.Bind(AttemptEndColumn(attempt.end)).Bind(attempt.reason).Bind(attempt.seconds);
  query.BindBlob(attempt.log);
}

}  // namespace

const char kSelectStudies[] = "SELECT " CAMBRIAN_STUDY_COLUMNS " FROM study ORDER BY id";
const char kSelectStudy[] = "SELECT " CAMBRIAN_STUDY_COLUMNS " FROM study WHERE name = ?";
const char kSelectTrials[] =
    "SELECT " CAMBRIAN_TRIAL_COLUMNS
    " FROM trial WHERE study_id = ? AND number > ? ORDER BY number LIMIT ?";
const char kSelectFront[] = "SELECT " CAMBRIAN_TRIAL_COLUMNS
                            " FROM trial WHERE study_id = ? AND on_front = 1 ORDER BY number";
const char kSelectSince[] = "SELECT " CAMBRIAN_TRIAL_COLUMNS
                            " FROM trial WHERE study_id = ?1 AND (ended_event = 0 OR on_front = 1 "
                            "OR proposed_event > ?2 OR "
                            "ended_event > ?2) ORDER BY number";
const char kSelectResultKeys[] =
    "SELECT min(number), evaluation_key FROM trial WHERE study_id = ? AND state IN "
    "('succeeded', 'infeasible') GROUP BY evaluation_key ORDER BY 1";
const char kSelectAttempts[] =
    "SELECT study_id, trial, token, worker, measures, started_us, ended_us, outcome, reason, "
    "seconds FROM trial_attempt WHERE study_id = ? AND trial = ? ORDER BY token";
const char kSelectEvents[] =
    "SELECT study_id, number, kind, trial, message FROM event WHERE study_id = ?1 AND "
    "number BETWEEN ?2 AND ?3 AND kind NOT IN (2, 6) "
    "UNION ALL SELECT study_id, proposed_event, 2, number, x'' FROM trial "
    "WHERE study_id = ?1 AND number <= ?3 AND proposed_event BETWEEN ?2 AND ?3 "
    "UNION ALL SELECT study_id, ended_event, 6, number, x'' FROM trial "
    "WHERE study_id = ?1 AND number <= ?3 AND ended_event BETWEEN ?2 AND ?3 ORDER BY 2";
const char kSelectTrialsWith[] =
    "SELECT " CAMBRIAN_TRIAL_COLUMNS
    " FROM trial WHERE study_id = ? AND number IN (SELECT value FROM json_each(?)) "
    "ORDER BY number";
const char kSelectProgress[] =
    "SELECT study_id, number, kind, trial, message FROM event "
    "WHERE study_id = ? AND trial = ? AND kind = 4 ORDER BY number";

absl::Status WriteStudy(SqliteDatabase& database, const StudyRecord& study) {
  SqliteQuery query = database.Query(kWriteStudy);
  query.Bind(study.id).Bind(study.tenant).Bind(study.name).Bind(study.request_id);
  query.Bind(StudyStateColumn(study.state)).Bind(study.reason);
  query.Bind(TimeColumn(study.created)).Bind(TimeColumn(study.ended));
  query.Bind(DurationColumn(study.elapsed)).Bind(study.parent).Bind(study.successor);
  query.Bind(study.continues).Bind(study.circumstances);
  for (int64_t count :
       {study.trials, study.queued, study.running, study.succeeded, study.infeasible, study.failed,
        study.cancelled, study.known, study.trial_budget}) {
    query.Bind(count);
  }
  query.Bind(DurationColumn(study.time_budget)).Bind(study.device_seconds).Bind(study.event);
  query.Bind(study.hypervolume).Bind(ReferenceColumn(study.reference));
  query.Bind(study.objective.metric).Bind(static_cast<int64_t>(study.objective.maximize));
  RETURN_IF_ERROR(query.Run());
  if (study.text.empty()) return absl::OkStatus();
  return database.Query("INSERT INTO study_text VALUES (?,?) ON CONFLICT DO NOTHING")
      .Bind(study.id)
      .Bind(study.text)
      .Run();
}

absl::Status WriteTrials(SqliteDatabase& database, absl::Span<const TrialRecord> trials) {
  static const Insert<TrialRecord> insert(kIntoTrial, kTrialColumns, kOrUpdateTrial, BindTrial);
  return insert.Run(database, trials);
}

absl::Status WriteEvents(SqliteDatabase& database, absl::Span<const EventRow> events) {
  static const Insert<EventRow> insert("INSERT INTO event", 5, "", BindEvent);
  return insert.Run(database, events);
}

absl::Status WriteAttempts(SqliteDatabase& database,
                           absl::Span<const AttemptRecord* const> attempts) {
  static const Insert<const AttemptRecord*> insert("INSERT INTO trial_attempt", 11, "",
                                                   BindAttempt);
  return insert.Run(database, attempts);
}

absl::Status WriteWorker(SqliteDatabase& database, const WorkerRecord& worker) {
  return database.Query("INSERT OR REPLACE INTO known_worker VALUES (?,?,?,?,?,?,?,?,?)")
      .Bind(worker.name)
      .Bind(worker.host)
      .Bind(worker.version)
      .Bind(worker.slots)
      .Bind(WordsColumn(worker.devices))
      .Bind(WordsColumn(worker.tags))
      .Bind(WordsColumn(worker.targets))
      .Bind(TimeColumn(worker.first_contact))
      .Bind(TimeColumn(worker.last_contact))
      .Run();
}

absl::Status WriteSnapshot(SqliteDatabase& database, const SnapshotRecord& snapshot) {
  return database.Query("INSERT OR REPLACE INTO snapshot VALUES (?,?,?,?)")
      .Bind(snapshot.study)
      .Bind(snapshot.event)
      .BindBlob(snapshot.strategy)
      .BindBlob(snapshot.state)
      .Run();
}

}  // namespace cambrian
