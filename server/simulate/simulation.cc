#include "server/simulate/simulation.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <queue>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "common/wire/convert.h"
#include "server/study/coordinator.h"
#include "server/study/merit.h"

namespace cambrian {
namespace {

constexpr absl::Duration kForEver = absl::Hours(24 * 365 * 100);
constexpr double kRenewAfter = 0.8;           // of a lease's term
constexpr uint64_t kLossStream = 1ULL << 62;  // no trial has this number

class SimulatedClock : public Clock {
 public:
  absl::Time Now() const override { return absl::UnixEpoch() + passed_; }
  absl::Duration Monotonic() const override { return passed_; }
  void Set(absl::Duration passed) { passed_ = std::max(passed_, passed); }

 private:
  absl::Duration passed_;
};

struct Event {
  enum class Kind { kJoin, kPoll, kFinish, kRenew, kLose };
  absl::Duration time;
  int64_t number = 0;  // of equal times the first that was planned comes first
  Kind kind = Kind::kJoin;
  int worker = 0;
  int64_t life = 0;  // of the worker; of another life it means nothing

  bool operator>(const Event& other) const {
    return std::tie(time, number) > std::tie(other.time, other.number);
  }
};

struct VirtualWorker {
  v1::WorkerIdentity identity;
  int64_t life = 0;  // 0: away
  int64_t revision = 0;
  v1::Held held;  // token 0: none
  absl::Duration since;
  v1::Completion completion;
};

class Simulation {
 public:
  Simulation(const StudySpec& study, const TableEstimator& estimator,
             const SimulationOptions& options, const NewStore& new_store)
      : estimator_(estimator),
        options_(options),
        study_(Prepared(study, options.seed)),
        losses_(options.seed, kLossStream),
        store_(new_store(clock_)),
        coordinator_(CoordinatorOptions(options), *store_, clock_, NewStudyReader(), Listener()),
        workers_(options.workers) {}

  absl::StatusOr<SimulatedRun> Run() {
    RETURN_IF_ERROR(Begin());
    for (int i = 0; i < options_.workers; ++i) Plan(absl::ZeroDuration(), Event::Kind::kJoin, i, 0);
    while (true) {
      const absl::Duration due = coordinator_.RunOnce();
      RETURN_IF_ERROR(failure_);
      if (std::exchange(changed_, false)) {
        ASSIGN_OR_RETURN(const StudyRecord record, store_->Study(name_));
        if (record.state == v1::COMPLETED) return Collect(record);
        if (record.state != v1::ACTIVE) {
          return absl::FailedPreconditionError(absl::StrCat("the study failed: ", record.reason));
        }
      }
      if (events_.empty()) return absl::InternalError("nothing is left that could happen");
      Happen(due);
    }
  }

 private:
  // One study of its own for each seed; what comes after the search is not simulated.
  static std::shared_ptr<const StudySpec> Prepared(const StudySpec& study, uint64_t seed) {
    auto prepared = std::make_shared<StudySpec>(study);
    prepared->seed = seed;
    prepared->finish.reset();
    return prepared;
  }

  static Coordinator::Options CoordinatorOptions(const SimulationOptions& options) {
    Coordinator::Options coordinator;
    // Without losses no lease need be renewed.
    coordinator.leases.term = options.loss_per_hour > 0 ? options.lease_term : kForEver;
    coordinator.hang = kForEver;
    coordinator.epoch_term = kForEver;
    coordinator.holder = "simulation";
    return coordinator;
  }

  CoordinatorListener Listener() {
    CoordinatorListener listener;
    listener.on_commit = [this](const Batch&) { changed_ = true; };
    return listener;
  }

  absl::Status Begin() {
    absl::StatusOr<v1::Study> created = absl::InternalError("no answer");
    coordinator_.CreateStudy(Scope(), study_, "", "",
                             [&](absl::StatusOr<v1::Study> study) { created = std::move(study); });
    coordinator_.RunOnce();
    if (!created.ok()) return created.status();
    name_ = created->name();
    return absl::OkStatus();
  }

  void Plan(absl::Duration time, Event::Kind kind, int worker, int64_t life) {
    events_.push({time, ++planned_, kind, worker, life});
  }

  // What comes next: the next events, which come together, or only time for the coordinator.
  void Happen(absl::Duration due) {
    const absl::Duration next = events_.top().time;
    if (due < next) return clock_.Set(due);
    clock_.Set(next);
    while (!events_.empty() && events_.top().time == next) {
      const Event event = events_.top();
      events_.pop();
      if (event.life == workers_[event.worker].life) Handle(event);
    }
  }

  void Handle(const Event& event) {
    switch (event.kind) {
      case Event::Kind::kJoin:
        return Join(event.worker);
      case Event::Kind::kPoll:
        return Poll(event.worker);
      case Event::Kind::kFinish:
        return Finish(event.worker);
      case Event::Kind::kRenew:
        return Renew(event.worker);
      case Event::Kind::kLose:
        return Lose(event.worker);
    }
  }

  void Join(int index) {
    VirtualWorker& worker = workers_[index];
    worker = VirtualWorker();
    worker.life = ++lives_;
    v1::WorkerIdentity& identity = worker.identity;
    identity.set_name(absl::StrCat("worker-", worker.life));
    identity.set_protocol(kWireProtocol);
    identity.set_version(kVersion);
    identity.set_slots(1);
    identity.add_evaluators(study_->estimator.evaluator);
    identity.add_devices("cpu");
    for (const std::string& tag : study_->workers.tags) identity.add_tags(tag);
    if (study_->data.root.empty()) {
      identity.set_any_path(true);
    } else {
      identity.add_data_roots(study_->data.root);
    }
    if (options_.loss_per_hour > 0) {
      const double rate = -std::log1p(-options_.loss_per_hour);  // an hour
      const double hours = -std::log1p(-losses_.Uniform()) / rate;
      const absl::Duration life = std::min(hours * absl::Hours(1), kForEver);
      Plan(clock_.Monotonic() + life, Event::Kind::kLose, index, worker.life);
    }
    Poll(index);
  }

  Answer<v1::Assignments> Hearing(int index) {
    return [this, index, life = workers_[index].life](absl::StatusOr<v1::Assignments> answer) {
      if (!answer.ok()) {
        failure_.Update(answer.status());
      } else if (workers_[index].life == life) {
        Hear(index, *answer);
      }
    };
  }

  void Poll(int index) {
    const VirtualWorker& worker = workers_[index];
    v1::PollRequest request;
    *request.mutable_worker() = worker.identity;
    request.set_free_slots(1);
    request.set_revision(worker.revision);
    coordinator_.Poll(Scope(), std::move(request), Hearing(index),
                      [this, index, life = worker.life] { return workers_[index].life != life; });
  }

  void Hear(int index, const v1::Assignments& answer) {
    VirtualWorker& worker = workers_[index];
    worker.revision = answer.revision();
    if (worker.held.token() != 0) return;  // it renewed what it holds
    for (const v1::Assignment& assignment : answer.assignments()) {
      if (!assignment.stop()) return Start(index, assignment);
    }
    Plan(clock_.Monotonic(), Event::Kind::kPoll, index, worker.life);
  }

  void Start(int index, const v1::Assignment& assignment) {
    VirtualWorker& worker = workers_[index];
    worker.held.set_assignment(assignment.assignment());
    worker.held.set_token(assignment.token());
    worker.since = clock_.Monotonic();
    worker.completion.Clear();
    worker.completion.set_assignment(assignment.assignment());
    worker.completion.set_token(assignment.token());
    const absl::StatusOr<TableEstimator::Answer> answer = LookUp(assignment.architecture());
    if (answer.ok()) {
      worker.completion.set_outcome(v1::OUTCOME_SUCCEEDED);
      worker.completion.set_seconds(answer->seconds);
      ToProto(answer->metrics, worker.completion.mutable_metrics());
    } else {
      ++run_.without_row;
      worker.completion.set_outcome(v1::OUTCOME_INFEASIBLE);
      worker.completion.set_reason(std::string(answer.status().message()));
    }
    Plan(worker.since + absl::Seconds(worker.completion.seconds()), Event::Kind::kFinish, index,
         worker.life);
    PlanRenewal(index);
  }

  void PlanRenewal(int index) {
    if (options_.loss_per_hour <= 0) return;
    const VirtualWorker& worker = workers_[index];
    const absl::Duration next = clock_.Monotonic() + kRenewAfter * options_.lease_term;
    if (next < worker.since + absl::Seconds(worker.completion.seconds())) {
      Plan(next, Event::Kind::kRenew, index, worker.life);
    }
  }

  void Renew(int index) {
    v1::ReportRequest request;
    *request.mutable_worker() = workers_[index].identity;
    *request.add_held() = workers_[index].held;
    coordinator_.Report(Scope(), std::move(request), Hearing(index));
    PlanRenewal(index);
  }

  void Finish(int index) {
    VirtualWorker& worker = workers_[index];
    run_.busy += clock_.Monotonic() - worker.since;
    worker.held.Clear();
    v1::ReportRequest request;
    *request.mutable_worker() = worker.identity;
    request.set_free_slots(1);
    *request.add_completions() = std::move(worker.completion);
    coordinator_.Report(Scope(), std::move(request), Hearing(index));
  }

  void Lose(int index) {
    VirtualWorker& worker = workers_[index];
    if (worker.held.token() != 0) {
      run_.busy += clock_.Monotonic() - worker.since;
      ++run_.lost_attempts;
    }
    worker = VirtualWorker();
    Plan(clock_.Monotonic() + options_.replacement, Event::Kind::kJoin, index, 0);
  }

  absl::StatusOr<TableEstimator::Answer> LookUp(const std::string& architecture) const {
    const auto json = nlohmann::json::parse(architecture, nullptr, /*allow_exceptions=*/false);
    ASSIGN_OR_RETURN(const Architecture read, study_->space->FromJson(json));
    return estimator_.Look(read);
  }

  absl::StatusOr<SimulatedRun> Collect(const StudyRecord& record) {
    ASSIGN_OR_RETURN(std::vector<TrialRecord> trials, store_->Trials(record.id, 0, record.trials));
    std::sort(trials.begin(), trials.end(), [](const TrialRecord& a, const TrialRecord& b) {
      return a.ended_event < b.ended_event;
    });
    const Objective& objective = study_->objectives[0];
    for (const TrialRecord& trial : trials) {
      SimulatedTrial simulated;
      simulated.ended = trial.ended.value_or(clock_.Now()) - record.created;
      simulated.has_result =
          trial.state == v1::TRIAL_SUCCEEDED && IsFeasible(*study_, trial.metrics);
      if (simulated.has_result) {
        simulated.guided = trial.metrics.at(objective.metric).value;
        simulated.judged = simulated.guided;
        if (!estimator_.judge().empty()) {
          ASSIGN_OR_RETURN(const TableEstimator::Answer answer, LookUp(trial.architecture));
          simulated.judged = answer.judged;
        }
      }
      run_.trials.push_back(simulated);
    }
    run_.length = clock_.Now() - record.created;
    return std::move(run_);
  }

  const TableEstimator& estimator_;
  const SimulationOptions options_;
  const std::shared_ptr<const StudySpec> study_;
  Random losses_;
  SimulatedClock clock_;
  const std::unique_ptr<TrialStore> store_;
  bool changed_ = false;  // the study, since it was looked at
  Coordinator coordinator_;
  std::vector<VirtualWorker> workers_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  int64_t planned_ = 0;
  int64_t lives_ = 0;
  std::string name_;
  absl::Status failure_;
  SimulatedRun run_;
};

}  // namespace

absl::StatusOr<SimulatedRun> Simulate(const StudySpec& study, const TableEstimator& estimator,
                                      const SimulationOptions& options, const NewStore& new_store) {
  return Simulation(study, estimator, options, new_store).Run();
}

}  // namespace cambrian
