#include "server/store/postgres_batch.h"

#include <initializer_list>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/wire/convert.h"
#include "server/store/attempt_rows.h"
#include "server/store/event_rows.h"
#include "server/store/postgres_array.h"
#include "server/store/rows.h"

namespace cambrian {
namespace {

struct Column {
  const char* name;
  PostgresType type;
  bool is_replaced = false;  // by a newer row
};

// Makes the array a parameter; returns its name and type, as in "$7::text[]".
std::string AddArray(PostgresArray& array, PostgresStatement& statement) {
  statement.arrays.push_back(array.Take());
  return absl::StrCat("$", statement.parameters.size() + statement.arrays.size(),
                      "::", NameOf(array.type()), "[]");
}

// The rows of one table.
class Rows {
 public:
  // `key`: by which a row takes the place of an older one; empty: all rows are new.
  Rows(const char* table, const char* key, std::initializer_list<Column> columns)
      : table_(table), key_(key), columns_(columns) {
    for (const Column& column : columns_) arrays_.emplace_back(column.type);
  }

  // The next value of the row.
  template <typename T>
  Rows& Add(const T& value) {
    Next().Add(value);
    return *this;
  }
  Rows& AddBytes(absl::string_view bytes) {
    Next().AddBytes(bytes);
    return *this;
  }

  // Appends its part of the statement, if it has a row.
  void AppendTo(PostgresStatement& statement) {
    if (!has_row_) return;
    std::string names, values, replaced;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const Column& column = columns_[i];
      const std::string array = AddArray(arrays_[i], statement);
      const char* comma = i == 0 ? "" : ", ";
      absl::StrAppend(&names, comma, column.name);
      // In the list, not in FROM: there each array would become a stored table of its own.
      absl::StrAppend(&values, comma, "unnest(", array, ")");
      if (!column.is_replaced) continue;
      absl::StrAppend(&replaced, replaced.empty() ? "" : ", ", column.name, " = excluded.",
                      column.name);
    }
    const bool are_new = *key_ == '\0';
    absl::StrAppend(&statement.sql, are_new ? ", new_" : ", put_", table_, " AS (INSERT INTO ",
                    table_, " (", names, ") SELECT ", values, " FROM marker");
    if (!are_new) {
      absl::StrAppend(&statement.sql, " ON CONFLICT (", key_, ") DO ",
                      replaced.empty() ? "NOTHING" : "UPDATE SET ", replaced);
    }
    statement.sql += ")";
  }

 private:
  PostgresArray& Next() {
    has_row_ = true;
    PostgresArray& array = arrays_[column_];
    column_ = (column_ + 1) % columns_.size();
    return array;
  }

  const char* const table_;
  const char* const key_;
  const std::vector<Column> columns_;
  std::vector<PostgresArray> arrays_;
  size_t column_ = 0;
  bool has_row_ = false;
};

// One statement writes a row once only: of records with equal keys the last, in the order of the
// first, without those that are deleted at once.
template <typename Record, typename Key, typename IsGone>
std::vector<const Record*> LastOf(const std::vector<Record>& records, Key key, IsGone is_gone) {
  std::vector<const Record*> result;
  absl::flat_hash_map<decltype(key(records[0])), size_t> places;
  for (const Record& record : records) {
    if (is_gone(record)) continue;
    const auto [place, is_new] = places.try_emplace(key(record), result.size());
    if (is_new) {
      result.push_back(&record);
    } else {
      result[place->second] = &record;
    }
  }
  return result;
}

void AppendStudies(const std::vector<const StudyRecord*>& studies, PostgresStatement& statement) {
  Rows rows("study", "id",
            {{"id", PostgresType::kBigint},
             {"tenant", PostgresType::kText},
             {"name", PostgresType::kText},
             {"request_id", PostgresType::kText},
             {"state", PostgresType::kText, true},
             {"reason", PostgresType::kText, true},
             {"created_us", PostgresType::kBigint},
             {"ended_us", PostgresType::kBigint, true},
             {"elapsed_us", PostgresType::kBigint, true},
             {"parent", PostgresType::kText},
             {"successor", PostgresType::kText, true},
             {"continues", PostgresType::kText},
             {"circumstances", PostgresType::kText},
             {"trials", PostgresType::kBigint, true},
             {"queued", PostgresType::kBigint, true},
             {"running", PostgresType::kBigint, true},
             {"succeeded", PostgresType::kBigint, true},
             {"infeasible", PostgresType::kBigint, true},
             {"failed", PostgresType::kBigint, true},
             {"cancelled", PostgresType::kBigint, true},
             {"known", PostgresType::kBigint, true},
             {"objective", PostgresType::kText},
             {"maximize", PostgresType::kBoolean},
             {"trial_budget", PostgresType::kBigint, true},
             {"time_budget_us", PostgresType::kBigint, true},
             {"device_seconds", PostgresType::kDouble, true},
             {"event", PostgresType::kBigint, true},
             {"hypervolume", PostgresType::kDouble, true},
             {"reference", PostgresType::kText, true}});
  for (const StudyRecord* study : studies) {
    rows.Add(study->id).Add(study->tenant).Add(study->name).Add(study->request_id);
    rows.Add(StudyStateColumn(study->state)).Add(study->reason).Add(TimeColumn(study->created));
    rows.Add(TimeColumn(study->ended)).Add(DurationColumn(study->elapsed)).Add(study->parent);
    rows.Add(study->successor)
        .Add(study->continues)
        .Add(study->circumstances)
        .Add(study->trials)
        .Add(study->queued);
    rows.Add(study->running).Add(study->succeeded).Add(study->infeasible).Add(study->failed);
    rows.Add(study->cancelled).Add(study->known).Add(study->objective.metric);
    rows.Add(study->objective.maximize).Add(study->trial_budget);
    rows.Add(DurationColumn(study->time_budget)).Add(study->device_seconds).Add(study->event);
    rows.Add(study->hypervolume).Add(ReferenceColumn(study->reference));
  }
  rows.AppendTo(statement);
}

// A study's text is written once.
void AppendTexts(const std::vector<const StudyRecord*>& studies, PostgresStatement& statement) {
  Rows rows("study_text", "study_id",
            {{"study_id", PostgresType::kBigint}, {"text", PostgresType::kText}});
  for (const StudyRecord* study : studies) rows.Add(study->id).Add(study->text);
  rows.AppendTo(statement);
}

void AppendTrials(const std::vector<const TrialRecord*>& trials, bool are_new,
                  PostgresStatement& statement) {
  Rows rows("trial", are_new ? "" : "study_id, number",
            {{"study_id", PostgresType::kBigint},
             {"number", PostgresType::kBigint},
             {"state", PostgresType::kText, true},
             {"reason", PostgresType::kText, true},
             {"architecture", PostgresType::kText},
             {"canonical_key", PostgresType::kText},
             {"evaluation_key", PostgresType::kText},
             {"origin", PostgresType::kText},
             {"metrics", PostgresType::kText, true},
             {"same_as", PostgresType::kBigint, true},
             {"known", PostgresType::kBoolean, true},
             {"created_us", PostgresType::kBigint},
             {"started_us", PostgresType::kBigint, true},
             {"ended_us", PostgresType::kBigint, true},
             {"proposed_event", PostgresType::kBigint},
             {"ended_event", PostgresType::kBigint, true},
             {"attempts", PostgresType::kInteger, true},
             {"losses", PostgresType::kInteger, true},
             {"out_of_memory", PostgresType::kInteger, true},
             {"token", PostgresType::kBigint, true},
             {"worker", PostgresType::kText, true},
             {"seconds", PostgresType::kDouble, true},
             {"checkpoint", PostgresType::kText, true},
             {"resume_from", PostgresType::kText, true},
             {"trained", PostgresType::kBoolean, true},
             {"on_front", PostgresType::kBoolean, true},
             {"progress", PostgresType::kBytes, true}});
  for (const TrialRecord* trial : trials) {
    rows.Add(trial->study).Add(trial->number).Add(TrialStateName(trial->state)).Add(trial->reason);
    rows.Add(trial->architecture).Add(trial->canonical_key).Add(trial->evaluation_key);
    rows.Add(trial->origin).Add(MetricsColumn(trial->metrics)).Add(trial->same_as);
    rows.Add(trial->known).Add(TimeColumn(trial->created)).Add(TimeColumn(trial->started));
    rows.Add(TimeColumn(trial->ended)).Add(trial->proposed_event).Add(trial->ended_event);
    rows.Add(int64_t{trial->attempts}).Add(int64_t{trial->losses});
    rows.Add(int64_t{trial->out_of_memory}).Add(trial->token).Add(trial->worker);
    rows.Add(trial->seconds).Add(trial->checkpoint).Add(trial->resume_from).Add(trial->trained);
    rows.Add(trial->on_front).AddBytes(trial->progress.SerializeAsString());
  }
  rows.AppendTo(statement);
}

void AppendEvents(const std::vector<EventRow>& events, PostgresStatement& statement) {
  Rows rows("event", "",
            {{"study_id", PostgresType::kBigint},
             {"number", PostgresType::kBigint},
             {"kind", PostgresType::kSmallint},
             {"trial", PostgresType::kBigint},
             {"message", PostgresType::kBytes}});
  for (const EventRow& event : events) {
    rows.Add(event.study)
        .Add(event.number)
        .Add(event.kind)
        .Add(event.trial)
        .AddBytes(event.message);
  }
  rows.AppendTo(statement);
}

void AppendAttempts(const std::vector<const AttemptRecord*>& attempts,
                    PostgresStatement& statement) {
  Rows rows("trial_attempt", "",
            {{"study_id", PostgresType::kBigint},
             {"trial", PostgresType::kBigint},
             {"token", PostgresType::kBigint},
             {"worker", PostgresType::kText},
             {"measures", PostgresType::kBoolean},
             {"started_us", PostgresType::kBigint},
             {"ended_us", PostgresType::kBigint},
             {"outcome", PostgresType::kText},
             {"reason", PostgresType::kText},
             {"seconds", PostgresType::kDouble},
             {"log", PostgresType::kBytes}});
  for (const AttemptRecord* attempt : attempts) {
    rows.Add(attempt->study).Add(attempt->trial).Add(attempt->token).Add(attempt->worker);
    rows.Add(attempt->measures).Add(TimeColumn(attempt->started)).Add(TimeColumn(attempt->ended));
    rows.Add(AttemptEndColumn(attempt->end)).Add(attempt->reason).Add(attempt->seconds);
    rows.AddBytes(attempt->log);
  }
  rows.AppendTo(statement);
}

void AppendWorkers(const std::vector<const WorkerRecord*>& workers, PostgresStatement& statement) {
  Rows rows("known_worker", "name",
            {{"name", PostgresType::kText},
             {"host", PostgresType::kText, true},
             {"version", PostgresType::kText, true},
             {"slots", PostgresType::kBigint, true},
             {"devices", PostgresType::kText, true},
             {"tags", PostgresType::kText, true},
             {"targets", PostgresType::kText, true},
             {"first_contact_us", PostgresType::kBigint, true},
             {"last_contact_us", PostgresType::kBigint, true}});
  for (const WorkerRecord* worker : workers) {
    rows.Add(worker->name).Add(worker->host).Add(worker->version).Add(worker->slots);
    rows.Add(WordsColumn(worker->devices)).Add(WordsColumn(worker->tags));
    rows.Add(WordsColumn(worker->targets)).Add(TimeColumn(worker->first_contact));
    rows.Add(TimeColumn(worker->last_contact));
  }
  rows.AppendTo(statement);
}

void AppendSnapshots(const std::vector<const SnapshotRecord*>& snapshots,
                     PostgresStatement& statement) {
  Rows rows("snapshot", "study_id",
            {{"study_id", PostgresType::kBigint},
             {"event", PostgresType::kBigint, true},
             {"strategy", PostgresType::kBytes, true},
             {"state", PostgresType::kBytes, true}});
  for (const SnapshotRecord* snapshot : snapshots) {
    rows.Add(snapshot->study).Add(snapshot->event).AddBytes(snapshot->strategy);
    rows.AddBytes(snapshot->state);
  }
  rows.AppendTo(statement);
}

void AppendDeleted(const std::vector<int64_t>& deleted, PostgresStatement& statement) {
  if (deleted.empty()) return;
  PostgresArray ids(PostgresType::kBigint);
  for (int64_t id : deleted) ids.Add(id);
  const std::string array = AddArray(ids, statement);
  for (const auto& [table, column] : {std::pair("study", "id"),
                                      {"study_text", "study_id"},
                                      {"trial", "study_id"},
                                      {"event", "study_id"},
                                      {"trial_attempt", "study_id"},
                                      {"snapshot", "study_id"}}) {
    absl::StrAppend(&statement.sql, ", gone_", table, " AS (DELETE FROM ", table,
                    " USING marker WHERE ", column, " = ANY (", array, "))");
  }
}

}  // namespace

PostgresStatement WriteStatement(const Batch& batch, int64_t fence) {
  PostgresStatement statement;
  // Every part reads the marker, so that none writes for an epoch that is over.
  statement.sql =
      "WITH marker AS (UPDATE server SET commit_number = $1::bigint, commit_epoch = epoch, "
      "last_study = $2::bigint, last_token = $3::bigint WHERE epoch = $4::bigint AND "
      "fence = $5::bigint RETURNING 1)";
  statement.parameters = {absl::StrCat(batch.marker.number), absl::StrCat(batch.counters.study),
                          absl::StrCat(batch.counters.token), absl::StrCat(batch.marker.epoch),
                          absl::StrCat(fence)};
  // The parts of a statement do not see each other's rows: what this batch deletes is not written.
  const absl::flat_hash_set<int64_t> deleted(batch.deleted.begin(), batch.deleted.end());
  const auto is_gone = [&](const auto& record) { return deleted.contains(record.study); };
  const auto id_of = [](const StudyRecord& study) { return study.id; };
  AppendStudies(LastOf(batch.studies, id_of,
                       [&](const StudyRecord& study) { return deleted.contains(study.id); }),
                statement);
  AppendTexts(LastOf(batch.studies, id_of,
                     [&](const StudyRecord& study) {
                       return study.text.empty() || deleted.contains(study.id);
                     }),
              statement);
  // The row of a trial that this batch proposes is new: plain rows cost less.
  using TrialKey = std::pair<int64_t, int64_t>;
  absl::flat_hash_set<TrialKey> proposed;
  for (const EventRecord& event : batch.events) {
    if (event.kind == EventKind::kProposed) proposed.insert({event.study, event.trial});
  }
  const auto key_of = [](const TrialRecord& trial) { return TrialKey(trial.study, trial.number); };
  for (const bool are_new : {true, false}) {
    AppendTrials(LastOf(batch.trials, key_of,
                        [&](const TrialRecord& trial) {
                          return is_gone(trial) || proposed.contains(key_of(trial)) != are_new;
                        }),
                 are_new, statement);
  }
  std::vector<EventRow> events = EventRows(batch.events);
  std::erase_if(events, is_gone);
  AppendEvents(events, statement);
  std::vector<const AttemptRecord*> attempts = AttemptsWithRows(batch);
  std::erase_if(attempts, [&](const AttemptRecord* attempt) { return is_gone(*attempt); });
  AppendAttempts(attempts, statement);
  AppendWorkers(LastOf(
                    batch.workers, [](const WorkerRecord& worker) { return worker.name; },
                    [](const WorkerRecord&) { return false; }),
                statement);
  AppendSnapshots(
      LastOf(
          batch.snapshots, [](const SnapshotRecord& snapshot) { return snapshot.study; }, is_gone),
      statement);
  AppendDeleted(batch.deleted, statement);
  statement.sql += " SELECT count(*) FROM marker";
  return statement;
}

}  // namespace cambrian
