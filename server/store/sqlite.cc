#include "server/store/sqlite.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "server/store/attempt_rows.h"
#include "server/store/event_rows.h"
#include "server/store/migrations.h"
#include "server/store/row_reader.h"
#include "server/store/sqlite_database.h"
#include "server/store/sqlite_rows.h"

namespace cambrian {
namespace {

// Held as long as it lives; the kernel lets go when the process ends, however it ends.
class LockFile {
 public:
  static absl::StatusOr<std::unique_ptr<LockFile>> Take(const std::string& database) {
    const std::string path = database + ".lock";
    const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
      return absl::UnavailableError(absl::StrCat(path, ": ", strerror(errno)));
    }
    std::unique_ptr<LockFile> lock(new LockFile(descriptor));
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      return absl::FailedPreconditionError(absl::StrCat("another cambrian-server uses ", database));
    }
    return lock;
  }
  ~LockFile() { close(descriptor_); }

 private:
  explicit LockFile(int descriptor) : descriptor_(descriptor) {}
  const int descriptor_;
};

absl::StatusOr<int64_t> SchemaOf(SqliteDatabase& database) {
  SqliteQuery query = database.Query("PRAGMA user_version");
  ASSIGN_OR_RETURN(const bool row, query.Step());
  return row ? query.Integer() : 0;
}

absl::Status Migrate(SqliteDatabase& database, const std::string& path) {
  ASSIGN_OR_RETURN(int64_t version, SchemaOf(database));
  const int64_t newest = static_cast<int64_t>(std::size(kSqliteMigrations));
  if (version > newest) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " has schema ", version, ", this program (", kVersion,
                     ") knows schemas up to ", newest, ": the program is older than the database"));
  }
  for (; version < newest; ++version) {
    RETURN_IF_ERROR(
        Annotate(database.Execute(absl::StrCat("BEGIN IMMEDIATE;", kSqliteMigrations[version],
                                               ";PRAGMA user_version = ", version + 1, ";COMMIT;")),
                 absl::StrCat(path, ": migration ", version + 1)));
  }
  return absl::OkStatus();
}

class SqliteStore : public TrialStore {
 public:
  SqliteStore(std::unique_ptr<LockFile> lock, std::unique_ptr<SqliteDatabase> writer,
              std::unique_ptr<SqliteDatabase> reader)
      : lock_(std::move(lock)), writer_(std::move(writer)), reader_(std::move(reader)) {}

  // The lock file keeps others out: there is never another holder.
  absl::StatusOr<Epoch> StartEpoch(absl::string_view, absl::Duration) override {
    MutexLock lock(&writer_mutex_);
    SqliteQuery query = writer_->Query(
        "UPDATE server SET epoch = epoch + 1 RETURNING epoch, last_study, last_token");
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return absl::DataLossError("the database has no row of its server");
    Epoch epoch;
    epoch.number = query.Integer();
    epoch.counters.study = query.Integer();
    epoch.counters.token = query.Integer();
    RETURN_IF_ERROR(query.Run());
    return epoch;
  }

  absl::Status RenewEpoch(int64_t epoch, absl::Duration) override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query("SELECT 1 FROM server WHERE epoch = ?");
    ASSIGN_OR_RETURN(const bool newest, query.Bind(epoch).Step());
    return newest ? absl::OkStatus() : TakenOver();
  }
  absl::Status EndEpoch(int64_t) override { return absl::OkStatus(); }

  absl::Status Commit(const Batch& batch) override {
    MutexLock lock(&writer_mutex_);
    RETURN_IF_ERROR(writer_->Query("BEGIN IMMEDIATE").Run());
    absl::Status status = Write(batch);
    if (status.ok()) status = writer_->Query("COMMIT").Run();
    // After a failed COMMIT there may be nothing to roll back any more.
    if (!status.ok()) writer_->Query("ROLLBACK").Run().IgnoreError();
    return status;
  }

  absl::StatusOr<CommitMarker> LastCommit() override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query("SELECT commit_epoch, commit_number FROM server");
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return absl::DataLossError("the database has no row of its server");
    CommitMarker marker;
    marker.epoch = query.Integer();
    marker.number = query.Integer();
    return marker;
  }

  absl::StatusOr<std::vector<StudyRecord>> Studies() override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query(kSelectStudies);
    return ReadAll(query, &ReadStudy<SqliteQuery>);
  }

  absl::StatusOr<StudyRecord> Study(absl::string_view name) override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query(kSelectStudy);
    query.Bind(name);
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return absl::NotFoundError(absl::StrCat("no study \"", name, "\""));
    return ReadStudy(query);
  }

  absl::StatusOr<std::string> StudyText(int64_t study) override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query(
        "SELECT coalesce(text, '') FROM study LEFT JOIN study_text ON study_id = id WHERE id = ?");
    ASSIGN_OR_RETURN(const bool row, query.Bind(study).Step());
    if (!row) return absl::NotFoundError("no such study");
    return query.Text();
  }

  absl::StatusOr<std::vector<TrialRecord>> Trials(int64_t study, int64_t after,
                                                  int64_t limit) override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query(kSelectTrials);
    query.Bind(study).Bind(after).Bind(limit);
    return ReadAll(query, &ReadTrial<SqliteQuery>);
  }

  absl::StatusOr<TrialRecord> Trial(int64_t study, int64_t number) override {
    ASSIGN_OR_RETURN(std::vector<TrialRecord> trials, Trials(study, number - 1, 1));
    if (trials.empty() || trials[0].number != number) {
      return absl::NotFoundError(absl::StrCat("no trial ", number));
    }
    return std::move(trials[0]);
  }

  absl::StatusOr<std::vector<TrialRecord>> TrialsWith(
      int64_t study, const std::vector<int64_t>& numbers) override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query(kSelectTrialsWith);
    query.Bind(study).Bind(absl::StrCat("[", absl::StrJoin(numbers, ","), "]"));
    return ReadAll(query, &ReadTrial<SqliteQuery>);
  }

  absl::StatusOr<std::vector<TrialRecord>> FrontTrials(int64_t study) override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query(kSelectFront);
    query.Bind(study);
    return ReadAll(query, &ReadTrial<SqliteQuery>);
  }

  absl::StatusOr<std::vector<TrialRecord>> TrialsSince(int64_t study, int64_t event) override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query(kSelectSince);
    query.Bind(study).Bind(event);
    return ReadAll(query, &ReadTrial<SqliteQuery>);
  }

  absl::StatusOr<std::vector<ResultKey>> ResultKeys(int64_t study) override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query(kSelectResultKeys);
    query.Bind(study);
    return ReadAll(query, &ReadResultKey<SqliteQuery>);
  }

  absl::StatusOr<std::optional<SnapshotRecord>> Snapshot(int64_t study) override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query =
        reader_->Query("SELECT study_id, event, strategy, state FROM snapshot WHERE study_id = ?");
    ASSIGN_OR_RETURN(const bool row, query.Bind(study).Step());
    if (!row) return std::optional<SnapshotRecord>();
    return std::optional<SnapshotRecord>(ReadSnapshot(query));
  }

  absl::StatusOr<std::vector<AttemptRecord>> Attempts(int64_t study, int64_t trial) override {
    ASSIGN_OR_RETURN(const std::vector<TrialRecord> trials, TrialsWith(study, {trial}));
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query(kSelectAttempts);
    query.Bind(study).Bind(trial);
    ASSIGN_OR_RETURN(std::vector<AttemptRecord> attempts,
                     ReadAll(query, &ReadAttempt<SqliteQuery>));
    for (const TrialRecord& record : trials) AddLastAttempt(record, attempts);
    return attempts;
  }

  absl::StatusOr<std::vector<v1::Progress>> Curve(int64_t study, int64_t trial) override {
    ASSIGN_OR_RETURN(const TrialRecord record, Trial(study, trial));
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query(kSelectProgress);
    query.Bind(study).Bind(trial);
    ASSIGN_OR_RETURN(const std::vector<EventRow> rows, ReadAll(query, &ReadEventRow<SqliteQuery>));
    ASSIGN_OR_RETURN(const std::vector<EventRecord> events, ToEvents(rows));
    std::vector<v1::Progress> curve;
    for (const EventRecord& event : events) {
      if (event.event.trial().attempts() == record.attempts) {
        curve.push_back(event.event.trial().progress());
      }
    }
    return curve;
  }

  absl::StatusOr<std::string> Log(int64_t study, int64_t trial) override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query(
        "SELECT log FROM trial_attempt WHERE study_id = ? AND trial = ? AND log <> x'' "
        "ORDER BY token DESC LIMIT 1");
    ASSIGN_OR_RETURN(const bool row, query.Bind(study).Bind(trial).Step());
    return row ? query.Text() : std::string();
  }

  absl::StatusOr<std::vector<EventRecord>> Events(int64_t study, int64_t after,
                                                  int64_t limit) override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query(kSelectEvents);
    const EventNumbers numbers(after, limit);
    query.Bind(study).Bind(numbers.first).Bind(numbers.last);
    ASSIGN_OR_RETURN(const std::vector<EventRow> rows, ReadAll(query, &ReadEventRow<SqliteQuery>));
    return ToEvents(rows);
  }

  absl::StatusOr<std::vector<std::string>> Checkpoints(int64_t study) override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query(
        "SELECT checkpoint FROM trial WHERE study_id = ?1 AND checkpoint <> '' UNION "
        "SELECT resume_from FROM trial WHERE study_id = ?1 AND resume_from <> '' ORDER BY 1");
    query.Bind(study);
    return ReadAll(
        query, +[](SqliteQuery& row) { return row.Text(); });
  }

  absl::StatusOr<std::vector<std::string>> CheckpointTenants(absl::string_view sha256) override {
    MutexLock lock(&reader_mutex_);
    SqliteQuery query = reader_->Query(
        "SELECT DISTINCT tenant FROM study WHERE id IN ("
        "SELECT study_id FROM trial WHERE checkpoint = ?1 AND checkpoint <> '' UNION ALL "
        "SELECT study_id FROM trial WHERE resume_from = ?1 AND resume_from <> '') ORDER BY 1");
    query.Bind(sha256);
    return ReadAll(
        query, +[](SqliteQuery& row) { return row.Text(); });
  }

 private:
  static absl::Status TakenOver() {
    return absl::FailedPreconditionError("another server has taken over this store");
  }

  template <typename T>
  static absl::StatusOr<std::vector<T>> ReadAll(SqliteQuery& query, T (*read)(SqliteQuery&)) {
    std::vector<T> result;
    while (true) {
      ASSIGN_OR_RETURN(const bool row, query.Step());
      if (!row) return result;
      result.push_back(read(query));
    }
  }

  absl::Status Write(const Batch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_) {
    RETURN_IF_ERROR(writer_
                        ->Query("UPDATE server SET commit_number = ?, commit_epoch = epoch, "
                                "last_study = ?, last_token = ? WHERE epoch = ?")
                        .Bind(batch.marker.number)
                        .Bind(batch.counters.study)
                        .Bind(batch.counters.token)
                        .Bind(batch.marker.epoch)
                        .Run());
    if (writer_->Changes() != 1) return TakenOver();
    for (const StudyRecord& study : batch.studies) RETURN_IF_ERROR(WriteStudy(*writer_, study));
    RETURN_IF_ERROR(WriteTrials(*writer_, batch.trials));
    RETURN_IF_ERROR(WriteEvents(*writer_, EventRows(batch.events)));
    RETURN_IF_ERROR(WriteAttempts(*writer_, AttemptsWithRows(batch)));
    for (const WorkerRecord& worker : batch.workers) RETURN_IF_ERROR(WriteWorker(*writer_, worker));
    for (const SnapshotRecord& snapshot : batch.snapshots) {
      RETURN_IF_ERROR(WriteSnapshot(*writer_, snapshot));
    }
    for (int64_t study : batch.deleted) {
      RETURN_IF_ERROR(writer_->Query("DELETE FROM study WHERE id = ?").Bind(study).Run());
    }
    return absl::OkStatus();
  }

  const std::unique_ptr<LockFile> lock_;
  Mutex writer_mutex_;
  const std::unique_ptr<SqliteDatabase> writer_ ABSL_PT_GUARDED_BY(writer_mutex_);
  Mutex reader_mutex_;
  const std::unique_ptr<SqliteDatabase> reader_ ABSL_PT_GUARDED_BY(reader_mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<TrialStore>> OpenSqliteStore(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<LockFile> lock, LockFile::Take(path));
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteDatabase> writer,
                   SqliteDatabase::Open(path, /*read_only=*/false));
  RETURN_IF_ERROR(writer->Execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
      "PRAGMA wal_autocheckpoint = 4000;"));
  RETURN_IF_ERROR(Migrate(*writer, path));
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteDatabase> reader,
                   SqliteDatabase::Open(path, /*read_only=*/true));
  return std::make_unique<SqliteStore>(std::move(lock), std::move(writer), std::move(reader));
}

absl::StatusOr<std::unique_ptr<TrialStore>> OpenSqliteStoreForReading(const std::string& path) {
  std::unique_ptr<SqliteDatabase> connections[2];
  for (std::unique_ptr<SqliteDatabase>& connection : connections) {
    ASSIGN_OR_RETURN(connection, SqliteDatabase::Open(path, /*read_only=*/true));
  }
  ASSIGN_OR_RETURN(const int64_t version, SchemaOf(*connections[0]));
  if (version != static_cast<int64_t>(std::size(kSqliteMigrations))) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " has schema ", version, ", this program (", kVersion, ") reads schema ",
        std::size(kSqliteMigrations), ": a server of this version brings older ones up to date"));
  }
  return std::make_unique<SqliteStore>(nullptr, std::move(connections[0]),
                                       std::move(connections[1]));
}

}  // namespace cambrian
