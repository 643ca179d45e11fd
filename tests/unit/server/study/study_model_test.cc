// A study under everything that can happen to it, beside a naive account of what it was told.
#include <map>
#include <set>

#include "common/base/random.h"
#include "common/wire/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/memory.h"
#include "server/study/replay.h"
#include "server/study/study.h"
#include "tests/testing/server_study.h"

namespace cambrian {
namespace {

constexpr int kSteps = 100'000;
constexpr int kStepsOfOneStudy = 2'500;
constexpr int64_t kTrials = 500;  // of one study
constexpr absl::Duration kTerm = absl::Seconds(30);

constexpr const char* kStudies[] = {
    "strategy: random\nobjectives: [{maximize: accuracy}]\n",
    "strategy: {regularized_evolution: {population: 12, sample: 4}}\n"
    "objectives: [{maximize: accuracy}, {minimize: parameters}]\n",
    "strategy: {regularized_evolution: {population: 8, sample: 3, crossover: 0.5}}\n"
    "objectives: [{maximize: accuracy}, {minimize: latency_ms, on: {target: pi4}}]\n",
};

struct Lease {
  int64_t token = 0;
  absl::Time expiry;
};

// What the world outside knows: it may rely on this once it is committed.
struct Account {
  int64_t token = 0;
  std::set<int64_t> begun;                   // tokens
  std::set<int64_t> attempts;                // tokens of those that the study said have ended
  std::map<int64_t, Lease> leases;           // by trial
  std::map<int64_t, double> results;         // accuracies that were reported, by trial
  std::map<int64_t, double> trained;         // the same of trials that only wait to be measured
  std::map<int64_t, int64_t> newest_tokens;  // by trial
  std::set<std::string> artifacts;           // that were reported, and not dropped since
};

class World {
 public:
  explicit World(uint64_t seed)
      : random_(seed),
        spec_(testing::ParseToy(
            testing::StudyText(absl::StrCat(kStudies[seed % std::size(kStudies)],
                                            "budget: {trials: ", kTrials, ", failures: 40}\n"),
                               "[none, skip, conv1x1, conv3x3]"),
            {"space.cells.cell.graph.nodes=3"})),
        store_(NewMemoryStore()) {
    options_.snapshot_events = 60;
    epoch_ = store_->StartEpoch("test", absl::Hours(1)).value().number;
    StudyRecord record;
    record.id = 1;
    record.name = "toy-1";
    record.trial_budget = spec_->budget.trials;
    study_ = Study::Make(record, spec_, options_).value();
    study_->Announce(now_);
    Commit();
  }

  void Step() {
    now_ += absl::Seconds(1);
    const uint64_t what = random_.Below(1000);
    if (what < 300) {
      Grant();
    } else if (what < 400) {
      Renew();
    } else if (what < 460) {
      Expire();
    } else if (what < 640) {
      Complete();
    } else if (what < 700) {
      Progress();
    } else if (what < 740) {
      HandBack();
    } else if (what < 750) {
      ASSERT_EQ(study_->Pause(now_).ok(), study_->IsOpen());
    } else if (what < 780) {
      ASSERT_EQ(study_->Resume(now_).ok(), study_->IsOpen());
    } else if (what < 980) {
      Commit();
    } else if (what < 990) {
      Crash();
    } else {
      Commit();
      ReloadAndCompare();
    }
    ForgetCancelled();
    CheckMemory();
  }

  // Cancels what is open and looks at all that is left.
  void End() {
    const bool was_open = study_->IsOpen();
    study_->End(v1::CANCELLED, "cancelled", now_);
    ForgetCancelled();
    account_.trained.clear();
    while (was_open && store_->Study("toy-1").value().state != v1::CANCELLED) {
      study_->End(v1::CANCELLED, "cancelled", now_);  // again, if the commit failed
      ForgetCancelled();
      account_.trained.clear();
      Commit();
    }
    ASSERT_TRUE(account_.leases.empty());
    const StudyRecord record = store_->Study("toy-1").value();
    ASSERT_EQ(record.queued + record.running, 0);
    const auto rows = store_->Trials(1, 0, kTrials).value();
    ASSERT_EQ(static_cast<int64_t>(rows.size()), record.trials);
    // No event is missing, no artifact forgotten.
    ASSERT_EQ(static_cast<int64_t>(store_->Events(1, 0, 1'000'000).value().size()), record.event);
    std::set<std::string> used;
    for (const TrialRecord& row : rows) {
      ASSERT_EQ(row.resume_from, "");
      if (!row.checkpoint.empty()) used.insert(row.checkpoint);
      ASSERT_TRUE(row.checkpoint.empty() || row.on_front) << "a loser's checkpoint was kept";
    }
    ASSERT_THAT(account_.artifacts, ::testing::IsSupersetOf(used));
    for (const std::string& artifact : account_.artifacts) {
      ASSERT_TRUE(used.contains(artifact)) << artifact << " is neither used nor dropped";
    }
    const ReplayReport report = VerifyReplay(spec_, "", record.event, rows).value();
    ASSERT_EQ(report.difference, "");
    ASSERT_EQ(report.reproduced, record.trials);
    trials_ += record.trials;
  }

  int64_t trials() const { return trials_; }
  int64_t reloads() const { return reloads_; }
  int64_t from_snapshot() const { return from_snapshot_; }

 private:
  // Trials that ended with their study.
  void ForgetCancelled() {
    for (const auto& [trial, token] : study_->TakeCancelled()) {
      ASSERT_EQ(account_.leases.at(trial).token, token);
      account_.leases.erase(trial);
    }
  }

  bool Apart() const { return spec_->latency.has_value(); }

  // A trial that is under lease; or, now and then, any other one.
  std::optional<int64_t> Pick() {
    if (random_.Chance(0.1) && study_->record().trials > 0) {
      return 1 +
             static_cast<int64_t>(random_.Below(static_cast<uint64_t>(study_->record().trials)));
    }
    if (account_.leases.empty()) return std::nullopt;
    auto it = account_.leases.begin();
    std::advance(it, random_.Below(account_.leases.size()));
    return it->first;
  }
  // Its newest token, or one from before.
  int64_t TokenOf(int64_t trial) {
    const auto it = account_.newest_tokens.find(trial);
    const int64_t token = it == account_.newest_tokens.end() ? 0 : it->second;
    return random_.Chance(0.1) ? token - 1 : token;
  }

  void Grant() {
    if (account_.leases.size() >= 12) return;
    const Offer offer = {.trains = random_.Chance(0.8), .measures = random_.Chance(0.6)};
    const auto known = [](absl::string_view) -> absl::StatusOr<std::optional<TrialRecord>> {
      return std::optional<TrialRecord>();
    };
    const bool may = study_->MayHaveWork(offer);
    const auto next =
        study_->Next(now_, offer, known, [this](int64_t trial) { return store_->Trial(1, trial); });
    ASSERT_TRUE(next.ok());
    if (!next->has_value()) return;
    ASSERT_TRUE(may);
    ASSERT_FALSE(study_->IsPaused());
    const auto [trial, work] = **next;
    ASSERT_FALSE(account_.leases.contains(trial)) << "two leases of one trial";
    ASSERT_FALSE(account_.results.contains(trial)) << "work that was done is done again";
    ASSERT_EQ(work == v1::WORK_MEASURE, account_.trained.contains(trial));
    ASSERT_TRUE(work == v1::WORK_MEASURE ? offer.measures : offer.trains);
    ASSERT_EQ(work == v1::WORK_TRAIN,
              Apart() && !offer.measures && !account_.trained.contains(trial));
    const int64_t token = ++account_.token;
    ASSERT_GT(token, study_->state().trial(trial).token);
    study_->Start(trial, work, token, absl::StrCat("w", random_.Below(5)), now_);
    account_.begun.insert(token);
    account_.newest_tokens[trial] = token;
    account_.leases[trial] = {token, now_ + kTerm};
  }

  void Renew() {
    for (auto& [trial, lease] : account_.leases) {
      if (random_.Chance(0.7)) lease.expiry = now_ + kTerm;
    }
  }

  void Expire() {
    now_ += absl::Seconds(random_.Below(20));
    for (auto it = account_.leases.begin(); it != account_.leases.end();) {
      if (it->second.expiry > now_) {
        ++it;
        continue;
      }
      study_->Lose(it->first, it->second.token, now_);
      it = account_.leases.erase(it);
    }
  }

  void Complete() {
    const std::optional<int64_t> trial = Pick();
    if (!trial) return;
    const int64_t token = TokenOf(*trial);
    v1::Completion completion;
    completion.set_seconds(1);
    const uint64_t what = random_.Below(20);
    completion.set_outcome(what < 14   ? v1::OUTCOME_SUCCEEDED
                           : what < 15 ? v1::OUTCOME_INFEASIBLE
                           : what < 16 ? v1::OUTCOME_FAILED
                           : what < 17 ? v1::OUTCOME_OUT_OF_MEMORY
                           : what < 18 ? v1::OUTCOME_CRASHED
                                       : v1::OUTCOME_STOPPED);
    const bool current = study_->IsCurrent(*trial, token);
    const bool runs = current && study_->state().trial(*trial).state == v1::TRIAL_RUNNING;
    const bool trained = account_.trained.contains(*trial);
    const bool measures = runs ? study_->WorkOf(*trial) != v1::WORK_TRAIN : random_.Chance(0.5);
    const bool succeeded = completion.outcome() == v1::OUTCOME_SUCCEEDED;
    Metrics metrics;
    if (succeeded && !(trained && runs)) metrics["accuracy"].value = random_.Uniform();
    if (succeeded && measures) metrics["latency_ms"].value = 1 + random_.Uniform();
    ToProto(metrics, completion.mutable_metrics());
    if ((succeeded && !trained) || completion.outcome() == v1::OUTCOME_STOPPED) {
      completion.set_checkpoint(NewArtifact());
    }
    const int64_t event = study_->record().event;
    study_->Complete(*trial, token, completion, now_);
    const bool taken = study_->record().event != event;
    ASSERT_TRUE(current || !taken) << "a report with an old token was taken";
    ASSERT_TRUE(taken || !runs);
    if (!taken) return;
    account_.leases.erase(*trial);
    if (!completion.checkpoint().empty() && !trained) {
      account_.artifacts.insert(completion.checkpoint());
    }
    if (!succeeded) return;
    if (Apart() && !measures) {
      account_.trained[*trial] = metrics.at("accuracy").value;
    } else {
      const double accuracy = trained ? account_.trained.at(*trial) : metrics.at("accuracy").value;
      account_.trained.erase(*trial);
      account_.results[*trial] = accuracy;
    }
  }

  void Progress() {
    const std::optional<int64_t> trial = Pick();
    if (!trial) return;
    v1::Progress progress;
    progress.set_step(1 + static_cast<int64_t>(random_.Below(5)));
    const std::string checkpoint = random_.Chance(0.5) ? NewArtifact() : "";
    study_->Progress(*trial, TokenOf(*trial), progress, checkpoint, now_);
    NoteCheckpoint(*trial, checkpoint);
  }

  void HandBack() {
    const std::optional<int64_t> trial = Pick();
    if (!trial) return;
    v1::HandBack hand_back;
    if (random_.Chance(0.5)) hand_back.set_checkpoint(NewArtifact());
    const TrialRecord* before = study_->state().Find(*trial);
    const int attempts = before ? before->attempts : 0;
    const int64_t event = study_->record().event;
    study_->HandBack(*trial, TokenOf(*trial), hand_back, now_);
    NoteCheckpoint(*trial, hand_back.checkpoint());
    if (study_->record().event == event) return;
    ASSERT_EQ(study_->state().trial(*trial).attempts, attempts - 1) << "it costs nothing";
    account_.leases.erase(*trial);
  }

  std::string NewArtifact() { return absl::StrCat("artifact ", ++last_artifact_); }
  void NoteCheckpoint(int64_t trial, const std::string& checkpoint) {
    const TrialRecord* record = study_->state().Find(trial);
    if (record && !checkpoint.empty() && record->resume_from == checkpoint) {
      account_.artifacts.insert(checkpoint);
    }
  }

  // Writes the changes, or fails to: then all since the last commit never happened.
  void Commit() {
    study_->Settle(now_);
    Batch batch;
    std::vector<std::string> dropped;
    study_->TakeChanges(batch, dropped);
    if (batch.empty()) return;
    if (commits_ > 0 && random_.Chance(0.03)) {
      Reload();
      return;
    }
    batch.marker = {epoch_, ++commits_};
    ASSERT_TRUE(store_->Commit(batch).ok());
    for (const std::string& artifact : dropped) {
      ASSERT_EQ(account_.artifacts.erase(artifact), 1) << artifact << " was dropped before";
    }
    for (const AttemptRecord& attempt : batch.attempts) {
      ASSERT_TRUE(account_.begun.contains(attempt.token));
      ASSERT_TRUE(account_.attempts.insert(attempt.token).second) << "an attempt ended twice";
    }
    ASSERT_EQ(account_.begun.size(), account_.attempts.size() + account_.leases.size());
    CheckEnded(batch);
    for (const auto& [trial, accuracy] : account_.results) {
      if (committed_.results.contains(trial)) continue;
      const TrialRecord row = store_->Trial(1, trial).value();
      ASSERT_EQ(row.state, v1::TRIAL_SUCCEEDED) << "a result was lost";
      ASSERT_EQ(row.metrics.at("accuracy").value, accuracy);
    }
    committed_ = account_;
  }

  // Once it has ended, a trial only leaves the front.
  void CheckEnded(const Batch& batch) {
    for (const TrialRecord& row : batch.trials) {
      if (row.IsOpen()) continue;
      const auto [it, is_new] = ended_.try_emplace(row.number, row);
      if (is_new) continue;
      const TrialRecord& before = it->second;
      ASSERT_EQ(row.state, before.state);
      ASSERT_EQ(row.metrics, before.metrics);
      ASSERT_EQ(row.ended_event, before.ended_event);
      ASSERT_EQ(row.token, before.token);
      ASSERT_EQ(row.attempts, before.attempts);
      ASSERT_TRUE(before.on_front && !row.on_front);
      it->second = row;
    }
  }

  void Crash() { Reload(); }

  void Reload() {
    ++reloads_;
    account_ = committed_;
    const StudyRecord record = store_->Study("toy-1").value();
    const std::optional<SnapshotRecord> snapshot = store_->Snapshot(1).value();
    from_snapshot_ += snapshot.has_value();
    study_ = Study::Load(record, spec_, snapshot,
                         store_->TrialsSince(1, snapshot ? snapshot->event : 0).value(),
                         store_->ResultKeys(1).value(), options_)
                 .value();
    // Every lease gets one full term.
    for (auto& [trial, lease] : account_.leases) {
      ASSERT_TRUE(study_->IsCurrent(trial, lease.token));
      lease.expiry = now_ + kTerm;
    }
  }

  void ReloadAndCompare() {
    const std::unique_ptr<Study> before = std::move(study_);
    Reload();
    ASSERT_EQ(study_->record().event, before->record().event);
    ASSERT_EQ(study_->state().open(), before->state().open());
    ASSERT_EQ(study_->state().Snapshot(), before->state().Snapshot());
    ASSERT_EQ(study_->Best(), before->Best());
    ASSERT_EQ(study_->state().FirstToTrain(), before->state().FirstToTrain());
    ASSERT_EQ(study_->state().FirstToMeasure(), before->state().FirstToMeasure());
  }

  void CheckMemory() {
    const StudyRecord& record = study_->record();
    ASSERT_EQ(record.trials, record.queued + record.running + record.succeeded + record.infeasible +
                                 record.failed + record.cancelled);
    ASSERT_EQ(record.running, static_cast<int64_t>(account_.leases.size()));
    int64_t running = 0;
    for (int64_t number : study_->state().open()) {
      const TrialRecord& trial = study_->state().trial(number);
      ASSERT_LT(trial.losses, options_.max_losses);
      ASSERT_EQ(trial.trained, account_.trained.contains(number));
      ASSERT_EQ(trial.state == v1::TRIAL_WAITING,
                trial.trained && trial.state != v1::TRIAL_RUNNING);
      if (trial.state != v1::TRIAL_RUNNING) continue;
      ++running;
      ASSERT_EQ(account_.leases.at(number).token, trial.token);
    }
    ASSERT_EQ(running, record.running);
    // A trial that ended another way while it waited to be measured.
    std::erase_if(account_.trained, [this](const auto& entry) {
      return !study_->state().open().contains(entry.first);
    });
  }

  Random random_;
  const std::shared_ptr<const StudySpec> spec_;
  const std::unique_ptr<TrialStore> store_;
  Study::Options options_;
  std::unique_ptr<Study> study_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  Account account_;
  Account committed_;
  std::map<int64_t, TrialRecord> ended_;  // as committed
  int64_t epoch_ = 0;
  int64_t commits_ = 0;
  int64_t last_artifact_ = 0;
  int64_t trials_ = 0;
  int64_t reloads_ = 0;
  int64_t from_snapshot_ = 0;
};

TEST(StudyModelTest, NothingIsLostWhateverHappens) {
  int64_t trials = 0;
  int64_t reloads = 0;
  int64_t from_snapshot = 0;
  for (int done = 0; done < kSteps; done += kStepsOfOneStudy) {
    const uint64_t seed = 1 + static_cast<uint64_t>(done / kStepsOfOneStudy);
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    World world(seed);
    for (int step = 0; step < kStepsOfOneStudy; ++step) {
      ASSERT_NO_FATAL_FAILURE(world.Step()) << "step " << step;
      if (::testing::Test::HasFatalFailure()) FAIL() << "step " << step;
    }
    world.End();
    if (::testing::Test::HasFatalFailure()) return;
    trials += world.trials();
    reloads += world.reloads();
    from_snapshot += world.from_snapshot();
  }
  // The walk has been where it should.
  EXPECT_GT(trials, 5'000);
  EXPECT_GT(reloads, 1'000);
  EXPECT_GT(from_snapshot, 500);
}

}  // namespace
}  // namespace cambrian
