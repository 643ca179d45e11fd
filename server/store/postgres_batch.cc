#include "server/store/postgres_batch.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <utility>

#include "absl/base/casts.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/wire/convert.h"
#include "server/store/rows.h"

namespace cambrian {
namespace {

// The length of the UTF-8 character that begins `text`; 0 if none does.
size_t CharacterLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (lead == 0 || length == 0 || lead > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool wrong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ||
                     (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F);
  return wrong ? 0 : length;
}

// The element types of arrays, by their names in statements and as PostgreSQL numbers them.
enum class Type : uint32_t {
  kBoolean = 16,
  kBytes = 17,
  kBigint = 20,
  kSmallint = 21,
  kInteger = 23,
  kText = 25,
  kDouble = 701,
};

const char* NameOf(Type type) {
  switch (type) {
    case Type::kBoolean:
      return "boolean";
    case Type::kBytes:
      return "bytea";
    case Type::kBigint:
      return "bigint";
    case Type::kSmallint:
      return "smallint";
    case Type::kInteger:
      return "integer";
    case Type::kText:
      return "text";
    case Type::kDouble:
      return "float8";
  }
  return "";
}

// The values of one column, as PostgreSQL sends and receives an array: a head (dimensions, whether
// there are NULLs, element type, length, lower bound), then each element's length and bytes, -1 for
// NULL; numbers in network order. Parsing literals cost the database a third of a commit.
class Array {
 public:
  explicit Array(Type type) : type_(type) {}

  void Add(std::optional<int64_t> value) {
    if (!value) return AddNull();
    switch (type_) {
      case Type::kSmallint:
        return AddElement(static_cast<uint16_t>(*value));
      case Type::kInteger:
        return AddElement(static_cast<uint32_t>(*value));
      default:
        return AddElement(static_cast<uint64_t>(*value));
    }
  }
  void Add(int64_t value) { Add(std::optional<int64_t>(value)); }
  void Add(bool value) { AddElement(static_cast<uint8_t>(value)); }
  void Add(double value) {
    if (std::isnan(value)) return AddNull();
    AddElement(absl::bit_cast<uint64_t>(value));
  }
  // PostgreSQL refuses text that is not UTF-8 or has a NUL in it, and with it the whole batch: such
  // a byte becomes U+FFFD.
  void Add(absl::string_view text) {
    std::string mended;
    for (size_t i = 0; i < text.size();) {
      const size_t length = CharacterLength(text.substr(i));
      if (length == 0 && mended.empty()) mended = std::string(text.substr(0, i));
      if (length == 0) {
        mended += "\xEF\xBF\xBD";
      } else if (!mended.empty()) {
        mended.append(text.data() + i, length);
      }
      i += std::max<size_t>(length, 1);
    }
    AddBytes(mended.empty() ? text : mended);
  }
  void AddBytes(absl::string_view bytes) {
    ++count_;
    AppendNumber(static_cast<uint32_t>(bytes.size()));
    bytes_.append(bytes.data(), bytes.size());
  }

  Type type() const { return type_; }
  std::string Take() {
    const std::string elements = std::exchange(bytes_, "");
    for (const uint32_t field :
         {1U, static_cast<uint32_t>(has_null_), static_cast<uint32_t>(type_), count_, 1U}) {
      AppendNumber(field);
    }
    return std::move(bytes_) + elements;
  }

 private:
  template <typename Number>
  void AppendNumber(Number number) {
    for (int shift = 8 * (sizeof(Number) - 1); shift >= 0; shift -= 8) {
      bytes_ += static_cast<char>(number >> shift);
    }
  }
  template <typename Number>
  void AddElement(Number number) {
    ++count_;
    AppendNumber(static_cast<uint32_t>(sizeof(number)));
    AppendNumber(number);
  }
  void AddNull() {
    ++count_;
    has_null_ = true;
    AppendNumber(~uint32_t{0});
  }

  const Type type_;
  uint32_t count_ = 0;
  bool has_null_ = false;
  std::string bytes_;
};

struct Column {
  const char* name;
  Type type;
  bool is_replaced = false;  // by a newer row
};

// Makes the array a parameter; returns its name and type, as in "$7::text[]".
std::string AddArray(Array& array, PostgresStatement& statement) {
  statement.arrays.push_back(array.Take());
  return absl::StrCat("$", statement.parameters.size() + statement.arrays.size(),
                      "::", NameOf(array.type()), "[]");
}

// The rows of one table.
class Rows {
 public:
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
    absl::StrAppend(&statement.sql, ", new_", table_, " AS (INSERT INTO ", table_, " (", names,
                    ") SELECT ", values, " FROM marker");
    if (!replaced.empty()) {
      absl::StrAppend(&statement.sql, " ON CONFLICT (", key_, ") DO UPDATE SET ", replaced);
    }
    statement.sql += ")";
  }

 private:
  Array& Next() {
    has_row_ = true;
    Array& array = arrays_[column_];
    column_ = (column_ + 1) % columns_.size();
    return array;
  }

  const char* const table_;
  const char* const key_;
  const std::vector<Column> columns_;
  std::vector<Array> arrays_;
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

// As `LastOf`, but a text that came once stays.
std::vector<StudyRecord> LastStudies(const Batch& batch,
                                     const absl::flat_hash_set<int64_t>& deleted) {
  absl::flat_hash_map<int64_t, const std::string*> texts;
  for (const StudyRecord& study : batch.studies) {
    if (!study.text.empty()) texts[study.id] = &study.text;
  }
  std::vector<StudyRecord> result;
  const auto last = LastOf(
      batch.studies, [](const StudyRecord& study) { return study.id; },
      [&](const StudyRecord& study) { return deleted.contains(study.id); });
  for (const StudyRecord* study : last) {
    result.push_back(*study);
    if (auto text = texts.find(study->id); text != texts.end()) result.back().text = *text->second;
  }
  return result;
}

void AppendStudies(const std::vector<StudyRecord>& studies, PostgresStatement& statement) {
  Rows rows("study", "id",
            {{"id", Type::kBigint},
             {"tenant", Type::kText},
             {"name", Type::kText},
             {"request_id", Type::kText},
             {"text", Type::kText},
             {"state", Type::kText, true},
             {"reason", Type::kText, true},
             {"created_us", Type::kBigint},
             {"ended_us", Type::kBigint, true},
             {"elapsed_us", Type::kBigint, true},
             {"parent", Type::kText},
             {"successor", Type::kText, true},
             {"continues", Type::kText},
             {"circumstances", Type::kText},
             {"trials", Type::kBigint, true},
             {"queued", Type::kBigint, true},
             {"running", Type::kBigint, true},
             {"succeeded", Type::kBigint, true},
             {"infeasible", Type::kBigint, true},
             {"failed", Type::kBigint, true},
             {"cancelled", Type::kBigint, true},
             {"known", Type::kBigint, true},
             {"objective", Type::kText},
             {"maximize", Type::kBoolean},
             {"trial_budget", Type::kBigint, true},
             {"time_budget_us", Type::kBigint, true},
             {"device_seconds", Type::kDouble, true},
             {"event", Type::kBigint, true},
             {"hypervolume", Type::kDouble, true},
             {"reference", Type::kText, true}});
  for (const StudyRecord& study : studies) {
    rows.Add(study.id).Add(study.tenant).Add(study.name).Add(study.request_id).Add(study.text);
    rows.Add(StudyStateColumn(study.state)).Add(study.reason).Add(TimeColumn(study.created));
    rows.Add(TimeColumn(study.ended)).Add(DurationColumn(study.elapsed)).Add(study.parent);
    rows.Add(study.successor)
        .Add(study.continues)
        .Add(study.circumstances)
        .Add(study.trials)
        .Add(study.queued);
    rows.Add(study.running).Add(study.succeeded).Add(study.infeasible).Add(study.failed);
    rows.Add(study.cancelled).Add(study.known).Add(study.objective.metric);
    rows.Add(study.objective.maximize).Add(study.trial_budget);
    rows.Add(DurationColumn(study.time_budget)).Add(study.device_seconds).Add(study.event);
    rows.Add(study.hypervolume).Add(ReferenceColumn(study.reference));
  }
  rows.AppendTo(statement);
}

void AppendTrials(const std::vector<const TrialRecord*>& trials, PostgresStatement& statement) {
  Rows rows("trial", "study_id, number",
            {{"study_id", Type::kBigint},
             {"number", Type::kBigint},
             {"state", Type::kText, true},
             {"reason", Type::kText, true},
             {"architecture", Type::kText},
             {"canonical_key", Type::kText},
             {"evaluation_key", Type::kText},
             {"origin", Type::kText},
             {"metrics", Type::kText, true},
             {"same_as", Type::kBigint, true},
             {"known", Type::kBoolean, true},
             {"created_us", Type::kBigint},
             {"started_us", Type::kBigint, true},
             {"ended_us", Type::kBigint, true},
             {"proposed_event", Type::kBigint},
             {"ended_event", Type::kBigint, true},
             {"attempts", Type::kInteger, true},
             {"losses", Type::kInteger, true},
             {"out_of_memory", Type::kInteger, true},
             {"token", Type::kBigint, true},
             {"worker", Type::kText, true},
             {"seconds", Type::kDouble, true},
             {"checkpoint", Type::kText, true},
             {"resume_from", Type::kText, true},
             {"trained", Type::kBoolean, true},
             {"on_front", Type::kBoolean, true},
             {"progress", Type::kBytes, true}});
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

void AppendEvents(const std::vector<const EventRecord*>& events, PostgresStatement& statement) {
  Rows rows("event", "",
            {{"study_id", Type::kBigint},
             {"number", Type::kBigint},
             {"kind", Type::kSmallint},
             {"trial", Type::kBigint},
             {"message", Type::kBytes}});
  for (const EventRecord* event : events) {
    rows.Add(event->study).Add(event->number).Add(static_cast<int64_t>(event->kind));
    rows.Add(event->trial).AddBytes(event->event.SerializeAsString());
  }
  rows.AppendTo(statement);
}

void AppendAttempts(const std::vector<const AttemptRecord*>& attempts,
                    PostgresStatement& statement) {
  Rows rows("trial_attempt", "",
            {{"study_id", Type::kBigint},
             {"trial", Type::kBigint},
             {"token", Type::kBigint},
             {"worker", Type::kText},
             {"measures", Type::kBoolean},
             {"started_us", Type::kBigint},
             {"ended_us", Type::kBigint},
             {"outcome", Type::kText},
             {"reason", Type::kText},
             {"seconds", Type::kDouble},
             {"log", Type::kBytes}});
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
            {{"name", Type::kText},
             {"host", Type::kText, true},
             {"version", Type::kText, true},
             {"slots", Type::kBigint, true},
             {"devices", Type::kText, true},
             {"tags", Type::kText, true},
             {"targets", Type::kText, true},
             {"first_contact_us", Type::kBigint, true},
             {"last_contact_us", Type::kBigint, true}});
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
            {{"study_id", Type::kBigint},
             {"event", Type::kBigint, true},
             {"strategy", Type::kBytes, true},
             {"state", Type::kBytes, true}});
  for (const SnapshotRecord* snapshot : snapshots) {
    rows.Add(snapshot->study).Add(snapshot->event).AddBytes(snapshot->strategy);
    rows.AddBytes(snapshot->state);
  }
  rows.AppendTo(statement);
}

void AppendDeleted(const std::vector<int64_t>& deleted, PostgresStatement& statement) {
  if (deleted.empty()) return;
  Array ids(Type::kBigint);
  for (int64_t id : deleted) ids.Add(id);
  const std::string array = AddArray(ids, statement);
  for (const auto& [table, column] : {std::pair("study", "id"),
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
  AppendStudies(LastStudies(batch, deleted), statement);
  AppendTrials(
      LastOf(
          batch.trials,
          [](const TrialRecord& trial) { return std::pair(trial.study, trial.number); }, is_gone),
      statement);
  std::vector<const EventRecord*> events;
  for (const EventRecord& event : batch.events) {
    if (!is_gone(event)) events.push_back(&event);
  }
  AppendEvents(events, statement);
  std::vector<const AttemptRecord*> attempts;
  for (const AttemptRecord& attempt : batch.attempts) {
    if (!is_gone(attempt)) attempts.push_back(&attempt);
  }
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
