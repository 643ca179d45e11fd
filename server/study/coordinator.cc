#include "server/study/coordinator.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "server/study/messages.h"
#include "spdlog/spdlog.h"

namespace cambrian {
namespace {

constexpr absl::Duration kRetry = absl::Seconds(1);  // after the store failed
constexpr absl::Duration kIdle = absl::Seconds(60);  // between two looks at nothing
constexpr absl::Duration kRememberWorkers = absl::Minutes(10);
constexpr int64_t kPage = 1000;  // trials read at once

template <typename T>
auto Failing(const Answer<T>& answer) {
  return [answer](const absl::Status& status) { answer(status); };
}

}  // namespace

Coordinator::Coordinator(Options options, TrialStore& store, const Clock& clock, StudyReader reader,
                         CoordinatorListener listener)
    : options_(options),
      store_(store),
      clock_(clock),
      reader_(std::move(reader)),
      listener_(std::move(listener)) {}

void Coordinator::HandOver(Request request) {
  MutexLock lock(&mutex_);
  inbox_.push_back(std::move(request));
  work_.Signal();
}

void Coordinator::Wake() {
  MutexLock lock(&mutex_);
  woken_ = true;
  work_.Signal();
}

void Coordinator::WaitForWork(absl::Duration until) {
  MutexLock lock(&mutex_);
  while (inbox_.empty() && !woken_) {
    const absl::Duration left = until - clock_.Monotonic();
    if (left <= absl::ZeroDuration()) break;
    work_.WaitWithTimeout(&mutex_, left);
  }
  woken_ = false;
}

template <typename T>
void Coordinator::ReplyWith(Answer<T> answer, absl::StatusOr<T> value) {
  replies_.push_back({[answer, value = std::move(value)] { answer(value); }, Failing<T>(answer)});
}

void Coordinator::Poll(v1::PollRequest request, Answer<v1::Assignments> answer,
                       std::function<bool()> gone) {
  HandOver({[this, request = std::move(request), answer, gone = std::move(gone)] {
              HandlePoll(request, answer, gone);
            },
            Failing<v1::Assignments>(answer)});
}

void Coordinator::Report(v1::ReportRequest request, Answer<v1::Assignments> answer) {
  HandOver({[this, request = std::move(request), answer] { HandleReport(request, answer); },
            Failing<v1::Assignments>(answer)});
}

void Coordinator::CreateStudy(std::shared_ptr<const StudySpec> spec, std::string request_id,
                              Answer<v1::Study> answer) {
  HandOver({[this, spec = std::move(spec), request_id = std::move(request_id), answer] {
              ReplyWith(answer, Create(spec, request_id, /*parent=*/""));
            },
            Failing<v1::Study>(answer)});
}

void Coordinator::CancelStudy(std::string name, Answer<v1::Study> answer) {
  HandOver({[this, name = std::move(name), answer] { ReplyWith(answer, Cancel(name)); },
            Failing<v1::Study>(answer)});
}

void Coordinator::ExtendStudy(std::string name, int64_t trials, Answer<v1::Study> answer) {
  HandOver(
      {[this, name = std::move(name), trials, answer] { ReplyWith(answer, Extend(name, trials)); },
       Failing<v1::Study>(answer)});
}

void Coordinator::DeleteStudy(std::string name, Answer<v1::DeleteStudyResponse> answer) {
  HandOver({[this, name = std::move(name), answer] { ReplyWith(answer, Delete(name)); },
            Failing<v1::DeleteStudyResponse>(answer)});
}

void Coordinator::ListWorkers(Answer<v1::ListWorkersResponse> answer) {
  HandOver({[this, answer] {
              v1::ListWorkersResponse response;
              ListWorkersInto(response);
              ReplyWith<v1::ListWorkersResponse>(answer, std::move(response));
            },
            Failing<v1::ListWorkersResponse>(answer)});
}

void Coordinator::Drain() {
  HandOver({[this] { draining_ = true; }, [this](const absl::Status&) { draining_ = true; }});
}

absl::Duration Coordinator::RunOnce() {
  wall_ = clock_.Now();
  now_ = clock_.Monotonic();
  if (!loaded_ && now_ >= retry_at_) {
    const absl::Status status = Rebuild();
    loaded_ = status.ok();
    retry_at_ = now_ + kRetry;
    if (!loaded_) spdlog::error("cannot read the store: {}", status.ToString());
  }
  std::deque<Request> requests;
  {
    MutexLock lock(&mutex_);
    requests.swap(inbox_);
  }
  if (!loaded_) {
    for (Request& request : requests) request.fail(absl::UnavailableError("the store is away"));
    return retry_at_;
  }
  again_ = false;
  for (auto& [id, study] : studies_) study->Advance(now_);
  for (Request& request : requests) request.handle();
  Decide();
  const absl::Status committed = failure_.ok() ? Commit() : failure_;
  if (committed.ok()) {
    AnswerGroup();
  } else {
    FailGroup(committed);
  }
  return NextRun();
}

// What follows from the requests and from time.
void Coordinator::Decide() {
  ExpireLeases();
  SettleStudies();
  if (!draining_) GrantWork();
  SettleStudies();  // a study whose last proposals needed no work is complete
  const auto name = [this](const AssignmentId& assignment) {
    return FormatAssignment(studies_.at(assignment.study)->record().name, assignment.trial);
  };
  for (auto& [key, worker] : workers_->all()) {
    workers_->Renumber(worker, leases_->HeldBy(key), name);
  }
  for (auto& [id, study] : studies_) study->TakeChanges(batch_, unused_);
}

absl::Status Coordinator::Commit() {
  if (batch_.empty()) return absl::OkStatus();
  batch_.marker = {epoch_, commits_ + 1};
  batch_.counters = {last_study_, leases_->last_token()};
  absl::Status status = store_.Commit(batch_);
  if (!status.ok()) {
    const absl::StatusOr<CommitMarker> last = store_.LastCommit();
    if (!last.ok() || *last != batch_.marker) return status;
  }
  ++commits_;
  return absl::OkStatus();
}

void Coordinator::AnswerGroup() {
  for (const Reply& reply : replies_) reply.send();
  replies_.clear();
  reporting_.clear();
  AnswerPolls();
  for (const StudyRecord& record : batch_.studies) listener_.on_events(record.id);
  for (int64_t id : batch_.deleted) listener_.on_events(id);
  batch_ = Batch();
  std::erase_if(studies_, [](const auto& entry) { return !entry.second->IsActive(); });
  std::erase_if(last_grant_, [&](const auto& entry) { return !studies_.contains(entry.first); });
  std::vector<std::string> unused;
  for (const std::string& checkpoint : unused_) {
    const absl::StatusOr<bool> used = store_.IsCheckpointUsed(checkpoint);
    if (used.ok() && !*used) unused.push_back(checkpoint);
  }
  unused_.clear();
  if (!unused.empty()) listener_.on_unused(std::move(unused));
  workers_->Forget(now_ - kRememberWorkers);
}

void Coordinator::FailGroup(const absl::Status& status) {
  spdlog::error("a commit failed, studies are read again: {}", status.ToString());
  const absl::Status told =
      absl::UnavailableError(absl::StrCat("the store failed: ", status.message()));
  for (const Reply& reply : replies_) reply.fail(told);
  for (auto& [name, worker] : workers_->all()) {
    if (worker.poll) worker.poll->answer(told);
  }
  replies_.clear();
  reporting_.clear();
  unused_.clear();
  batch_ = Batch();
  failure_ = absl::OkStatus();
  loaded_ = false;
  retry_at_ = now_;
}

// Reads everything from the store. Every lease gets one full term.
absl::Status Coordinator::Rebuild() {
  ASSIGN_OR_RETURN(const TrialStore::Epoch epoch, store_.StartEpoch());
  ASSIGN_OR_RETURN(const std::vector<StudyRecord> records, store_.Studies());
  epoch_ = epoch.number;
  commits_ = 0;
  last_study_ = epoch.counters.study;
  studies_.clear();
  names_.clear();
  requests_.clear();
  leases_ = std::make_unique<LeaseManager>(options_.leases, epoch.counters.token);
  workers_ = std::make_unique<WorkerTable>(epoch_ << 32);
  for (const StudyRecord& record : records) {
    names_[record.name] = record.id;
    if (!record.request_id.empty()) requests_[record.request_id] = record.name;
    if (record.state != v1::ACTIVE) continue;
    const absl::Status status = LoadStudy(record);
    if (absl::IsUnavailable(status)) return status;
    if (!status.ok()) spdlog::error("study {} rests: {}", record.name, status.ToString());
  }
  return absl::OkStatus();
}

absl::Status Coordinator::LoadStudy(const StudyRecord& record) {
  ASSIGN_OR_RETURN(const std::string text, store_.StudyText(record.id));
  ASSIGN_OR_RETURN(std::shared_ptr<const StudySpec> spec, reader_.parse(text));
  std::vector<TrialRecord> trials;
  while (static_cast<int64_t>(trials.size()) < record.trials) {
    ASSIGN_OR_RETURN(std::vector<TrialRecord> page,
                     store_.Trials(record.id, static_cast<int64_t>(trials.size()), kPage));
    if (page.empty()) return absl::DataLossError("trials are missing in the store");
    for (TrialRecord& trial : page) trials.push_back(std::move(trial));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Study> study,
                   Study::Make(record, std::move(spec), std::move(trials), options_.studies));
  for (int64_t number : study->state().open()) {
    const TrialRecord& trial = study->state().trial(number);
    if (trial.state != v1::TRIAL_RUNNING) continue;
    leases_->Restore({record.id, number}, trial.token, trial.worker, now_);
  }
  study->Advance(now_);
  studies_[record.id] = std::move(study);
  return absl::OkStatus();
}

absl::Duration Coordinator::NextRun() const {
  if (!loaded_) return retry_at_;
  if (again_) return now_;
  absl::Duration next = now_ + kIdle;
  if (const auto expiry = leases_->NextExpiry()) next = std::min(next, *expiry);
  for (const auto& [name, worker] : workers_->all()) {
    if (worker.poll) next = std::min(next, worker.poll->deadline);
  }
  for (const auto& [id, study] : studies_) {
    if (const auto left = study->TimeLeft()) {
      if (*left > absl::ZeroDuration()) next = std::min(next, now_ + *left);
    }
  }
  return next;
}

}  // namespace cambrian
