#include "server/store/postgres.h"

#include <iterator>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "server/store/attempt_rows.h"
#include "server/store/event_rows.h"
#include "server/store/migrations.h"
#include "server/store/postgres_batch.h"
#include "server/store/postgres_pool.h"
#include "server/store/postgres_rows.h"
#include "server/store/row_reader.h"

namespace cambrian {
namespace {

constexpr absl::Duration kMigrationTimeout = absl::Minutes(30);
constexpr int kReaders = 4;
// "cambrian" as a number: who migrates holds it.
constexpr char kTakeMigrationLock[] = "SELECT pg_advisory_xact_lock(7161110437423669614)";

absl::Status TakenOver() {
  return absl::FailedPreconditionError("another server has taken over this store");
}

absl::Status Migrate(PostgresConnection& connection) {
  return connection.Transaction([](pqxx::work& transaction) -> absl::Status {
    transaction.exec(kTakeMigrationLock);
    transaction.exec("SET LOCAL client_min_messages = warning");
    transaction.exec("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)");
    const pqxx::result row =
        transaction.exec("SELECT coalesce(max(version), 0) FROM schema_version");
    int64_t version = row[0][0].as<int64_t>();
    const int64_t newest = static_cast<int64_t>(std::size(kPostgresMigrations));
    if (version > newest) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the database has schema ", version, ", this program (", kVersion,
          ") knows schemas up to ", newest, ": the program is older than the database"));
    }
    for (; version < newest; ++version) {
      transaction.exec(kPostgresMigrations[version]);
      transaction.exec_params("INSERT INTO schema_version VALUES ($1)", version + 1);
    }
    return absl::OkStatus();
  });
}

class PostgresStore : public TrialStore {
 public:
  PostgresStore(const PostgresAddress& address, const PostgresOptions& options)
      : writer_(address, watch_, 1, options.timeout),
        readers_(address, watch_, kReaders, options.timeout) {}

  absl::StatusOr<Epoch> StartEpoch(absl::string_view holder, absl::Duration term) override {
    MutexLock lock(&commit_mutex_);
    studies_.reset();  // another server may have written since
    // The clock goes on while this waits for the row.
    ASSIGN_OR_RETURN(
        const pqxx::result result,
        writer_.Query("UPDATE server SET epoch = epoch + 1, holder = $1, "
                      "term_ends = clock_timestamp() + $2::bigint * interval '1 microsecond' "
                      "WHERE holder = $1 OR term_ends <= clock_timestamp() "
                      "RETURNING epoch, last_study, last_token, fence",
                      {std::string(holder), absl::StrCat(absl::ToInt64Microseconds(term))}));
    PostgresRow row(result);
    if (!row.Next()) return HeldByAnother();
    Epoch epoch;
    epoch.number = row.Integer();
    epoch.counters.study = row.Integer();
    epoch.counters.token = row.Integer();
    fence_ = row.Integer();
    in_doubt_.reset();  // whatever is late is of an older epoch
    return epoch;
  }

  absl::Status RenewEpoch(int64_t epoch, absl::Duration term) override {
    ASSIGN_OR_RETURN(
        const pqxx::result result,
        writer_.Query("UPDATE server SET term_ends = clock_timestamp() + "
                      "$2::bigint * interval '1 microsecond' WHERE epoch = $1::bigint RETURNING 1",
                      {absl::StrCat(epoch), absl::StrCat(absl::ToInt64Microseconds(term))}));
    return result.empty() ? TakenOver() : absl::OkStatus();
  }

  absl::Status EndEpoch(int64_t epoch) override {
    return writer_
        .Query("UPDATE server SET term_ends = '-infinity' WHERE epoch = $1::bigint",
               {absl::StrCat(epoch)})
        .status();
  }

  absl::Status Commit(const Batch& batch) override {
    MutexLock lock(&commit_mutex_);
    if (in_doubt_) RETURN_IF_ERROR(Settle());
    RETURN_IF_ERROR(LearnStudies());
    RETURN_IF_ERROR(CheckStudies(batch));
    const PostgresStatement statement = WriteStatement(batch, fence_);
    const absl::StatusOr<pqxx::result> result =
        writer_.Query(statement.sql, statement.parameters, statement.arrays);
    if (!result.ok()) {
      studies_.reset();
      in_doubt_ = batch.marker.epoch;
      return result.status();
    }
    PostgresRow row(*result);
    if (!row.Next() || row.Integer() != 1) return TakenOver();
    for (const StudyRecord& study : batch.studies) studies_->insert(study.id);
    for (int64_t study : batch.deleted) studies_->erase(study);
    return absl::OkStatus();
  }

  absl::StatusOr<CommitMarker> LastCommit() override {
    {
      MutexLock lock(&commit_mutex_);
      if (in_doubt_) RETURN_IF_ERROR(Settle());
    }
    ASSIGN_OR_RETURN(const pqxx::result result,
                     readers_.Read("SELECT commit_epoch, commit_number FROM server", {}));
    PostgresRow row(result);
    if (!row.Next()) return absl::DataLossError("the database has no row of its server");
    CommitMarker marker;
    marker.epoch = row.Integer();
    marker.number = row.Integer();
    return marker;
  }

  absl::StatusOr<std::vector<StudyRecord>> Studies() override {
    return ReadAll(postgres::kSelectStudies, {}, &ReadStudy<PostgresRow>);
  }

  absl::StatusOr<StudyRecord> Study(absl::string_view name) override {
    ASSIGN_OR_RETURN(std::vector<StudyRecord> studies,
                     ReadAll(postgres::kSelectStudy, {std::string(name)}, &ReadStudy<PostgresRow>));
    if (studies.empty()) return absl::NotFoundError(absl::StrCat("no study \"", name, "\""));
    return std::move(studies[0]);
  }

  absl::StatusOr<std::string> StudyText(int64_t study) override {
    ASSIGN_OR_RETURN(
        std::vector<std::string> texts,
        ReadAll("SELECT coalesce(text, '') FROM study LEFT JOIN study_text ON study_id = id "
                "WHERE id = $1::bigint",
                {absl::StrCat(study)}, &ReadText));
    if (texts.empty()) return absl::NotFoundError("no such study");
    return std::move(texts[0]);
  }

  absl::StatusOr<std::vector<TrialRecord>> Trials(int64_t study, int64_t after,
                                                  int64_t limit) override {
    return ReadAll(postgres::kSelectTrials,
                   {absl::StrCat(study), absl::StrCat(after), absl::StrCat(limit)},
                   &ReadTrial<PostgresRow>);
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
    return ReadAll(postgres::kSelectTrialsWith,
                   {absl::StrCat(study), absl::StrCat("{", absl::StrJoin(numbers, ","), "}")},
                   &ReadTrial<PostgresRow>);
  }

  absl::StatusOr<std::vector<TrialRecord>> FrontTrials(int64_t study) override {
    return ReadAll(postgres::kSelectFront, {absl::StrCat(study)}, &ReadTrial<PostgresRow>);
  }

  absl::StatusOr<std::vector<TrialRecord>> TrialsSince(int64_t study, int64_t event) override {
    return ReadAll(postgres::kSelectSince, {absl::StrCat(study), absl::StrCat(event)},
                   &ReadTrial<PostgresRow>);
  }

  absl::StatusOr<std::vector<ResultKey>> ResultKeys(int64_t study) override {
    return ReadAll(postgres::kSelectResultKeys, {absl::StrCat(study)}, &ReadResultKey<PostgresRow>);
  }

  absl::StatusOr<std::optional<SnapshotRecord>> Snapshot(int64_t study) override {
    ASSIGN_OR_RETURN(
        std::vector<SnapshotRecord> snapshots,
        ReadAll(postgres::kSelectSnapshot, {absl::StrCat(study)}, &ReadSnapshot<PostgresRow>));
    return First(std::move(snapshots));
  }

  absl::StatusOr<std::vector<v1::Progress>> Curve(int64_t study, int64_t trial) override {
    ASSIGN_OR_RETURN(
        const pqxx::result result,
        readers_.Read(postgres::kSelectCurve, {absl::StrCat(study), absl::StrCat(trial)}));
    std::vector<v1::Progress> curve;
    PostgresRow row(result);
    while (row.Next()) {
      v1::Event event;
      event.ParseFromString(row.Bytes());
      if (event.trial().attempts() == row.Integer()) curve.push_back(event.trial().progress());
    }
    return curve;
  }

  absl::StatusOr<std::vector<AttemptRecord>> Attempts(int64_t study, int64_t trial) override {
    ASSIGN_OR_RETURN(const std::vector<TrialRecord> trials, TrialsWith(study, {trial}));
    ASSIGN_OR_RETURN(std::vector<AttemptRecord> attempts,
                     ReadAll(postgres::kSelectAttempts, {absl::StrCat(study), absl::StrCat(trial)},
                             &ReadAttempt<PostgresRow>));
    for (const TrialRecord& record : trials) AddLastAttempt(record, attempts);
    return attempts;
  }

  absl::StatusOr<std::string> Log(int64_t study, int64_t trial) override {
    ASSIGN_OR_RETURN(std::vector<std::string> logs,
                     ReadAll(
                         postgres::kSelectLog, {absl::StrCat(study), absl::StrCat(trial)},
                         +[](PostgresRow& row) { return row.Bytes(); }));
    return logs.empty() ? std::string() : std::move(logs[0]);
  }

  absl::StatusOr<std::vector<EventRecord>> Events(int64_t study, int64_t after,
                                                  int64_t limit) override {
    const EventNumbers numbers(after, limit);
    ASSIGN_OR_RETURN(
        const std::vector<EventRow> rows,
        ReadAll(postgres::kSelectEvents,
                {absl::StrCat(study), absl::StrCat(numbers.first), absl::StrCat(numbers.last)},
                &ReadEventRow<PostgresRow>));
    return ToEvents(rows);
  }

  absl::StatusOr<std::vector<std::string>> Checkpoints(int64_t study) override {
    return ReadAll(
        "SELECT checkpoint COLLATE \"C\" FROM trial WHERE study_id = $1::bigint AND "
        "checkpoint <> '' UNION SELECT resume_from COLLATE \"C\" FROM trial "
        "WHERE study_id = $1::bigint AND resume_from <> '' ORDER BY 1",
        {absl::StrCat(study)}, &ReadText);
  }

  absl::StatusOr<std::vector<std::string>> CheckpointTenants(absl::string_view sha256) override {
    return ReadAll(
        "SELECT DISTINCT tenant COLLATE \"C\" FROM study WHERE id IN ("
        "SELECT study_id FROM trial WHERE checkpoint = $1 AND checkpoint <> '' UNION ALL "
        "SELECT study_id FROM trial WHERE resume_from = $1 AND resume_from <> '') ORDER BY 1",
        {std::string(sha256)}, &ReadText);
  }

 private:
  static std::string ReadText(PostgresRow& row) { return row.Text(); }

  template <typename T>
  static std::optional<T> First(std::vector<T> records) {
    if (records.empty()) return std::nullopt;
    return std::move(records[0]);
  }

  template <typename T>
  absl::StatusOr<std::vector<T>> ReadAll(const std::string& sql,
                                         const std::vector<std::string>& parameters,
                                         T (*read)(PostgresRow&)) {
    ASSIGN_OR_RETURN(const pqxx::result result, readers_.Read(sql, parameters));
    std::vector<T> records;
    records.reserve(result.size());
    PostgresRow row(result);
    while (row.Next()) records.push_back(read(row));
    return records;
  }

  absl::Status HeldByAnother() {
    ASSIGN_OR_RETURN(const std::vector<std::string> holders,
                     ReadAll("SELECT holder FROM server", {}, &ReadText));
    if (holders.empty()) return absl::DataLossError("the database has no row of its server");
    return absl::AlreadyExistsError(absl::StrCat("the server ", holders[0], " is active"));
  }

  // A statement whose connection broke may run now or, held up on its way, later. Moving the fence
  // waits for the one and makes the other write nothing.
  absl::Status Settle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_) {
    ASSIGN_OR_RETURN(
        const pqxx::result result,
        writer_.Query(
            "UPDATE server SET fence = fence + 1 WHERE epoch = $1::bigint RETURNING fence",
            {absl::StrCat(*in_doubt_)}));
    PostgresRow row(result);
    if (row.Next()) fence_ = row.Integer();
    in_doubt_.reset();
    return absl::OkStatus();
  }

  absl::Status LearnStudies() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_) {
    if (studies_) return absl::OkStatus();
    ASSIGN_OR_RETURN(const pqxx::result result, readers_.Read("SELECT id FROM study", {}));
    studies_.emplace();
    PostgresRow row(result);
    while (row.Next()) studies_->insert(row.Integer());
    return absl::OkStatus();
  }

  // The schema has no foreign keys.
  absl::Status CheckStudies(const Batch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_) {
    absl::flat_hash_set<int64_t> added;
    for (const StudyRecord& study : batch.studies) added.insert(study.id);
    const auto all_known = [&known = *studies_, &added](const auto& records) {
      for (const auto& record : records) {
        if (!known.contains(record.study) && !added.contains(record.study)) return false;
      }
      return true;
    };
    if (all_known(batch.trials) && all_known(batch.events) && all_known(batch.attempts) &&
        all_known(batch.snapshots)) {
      return absl::OkStatus();
    }
    return absl::UnavailableError("a record of no study");
  }

  PostgresWatch watch_;
  PostgresPool writer_;
  PostgresPool readers_;
  Mutex commit_mutex_;
  int64_t fence_ ABSL_GUARDED_BY(commit_mutex_) = 0;
  std::optional<int64_t> in_doubt_ ABSL_GUARDED_BY(commit_mutex_);  // a commit's epoch
  // Those that exist, as far as this server's epoch goes; nothing: not known.
  std::optional<absl::flat_hash_set<int64_t>> studies_ ABSL_GUARDED_BY(commit_mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<TrialStore>> OpenPostgresStore(const std::string& url,
                                                              const PostgresOptions& options) {
  ASSIGN_OR_RETURN(const PostgresAddress address, PostgresAddress::Parse(url));
  {
    PostgresWatch watch;
    ASSIGN_OR_RETURN(const std::unique_ptr<PostgresConnection> connection,
                     PostgresConnection::Open(address, watch, kMigrationTimeout));
    RETURN_IF_ERROR(Migrate(*connection));
  }
  return std::make_unique<PostgresStore>(address, options);
}

}  // namespace cambrian
