// The coordinator's door: what other threads hand over, and how it is answered.
#include <algorithm>
#include <utility>

#include "server/study/coordinator.h"

namespace cambrian {

void Coordinator::HandOver(Request request, int64_t ends_trials) {
  MutexLock lock(&mutex_);
  inbox_.push_back(std::move(request));
  inbox_trials_ += ends_trials;
  if (inbox_.size() == 1 || inbox_trials_ >= options_.gather_trials) work_.Signal();
}

void Coordinator::Wake() {
  MutexLock lock(&mutex_);
  woken_ = true;
  work_.Signal();
}

void Coordinator::WaitForWork(absl::Duration until) {
  MutexLock lock(&mutex_);
  while (!woken_) {
    absl::Duration end = until;
    if (!inbox_.empty()) {
      if (inbox_trials_ >= options_.gather_trials || !committer_.IsBusy()) break;
      end = std::min(end, gathered_at_);
    }
    const absl::Duration left = end - clock_.Monotonic();
    if (left <= absl::ZeroDuration()) break;
    work_.WaitWithTimeout(&mutex_, left);
  }
  woken_ = false;
}

std::vector<Coordinator::Request> Coordinator::TakeRequests() {
  MutexLock lock(&mutex_);
  inbox_trials_ = 0;
  return std::exchange(inbox_, {});
}

// `decide` gives what to answer once the group is committed.
template <typename T, typename Decision>
void Coordinator::HandOverFor(Answer<T> answer, Decision decide) {
  HandOver([this, answer = std::move(answer),
            decide = std::move(decide)](const absl::Status& status) mutable {
    if (!status.ok()) return answer(status);
    ReplyWith<T>(std::move(answer), decide());
  });
}

void Coordinator::Poll(Scope scope, v1::PollRequest request, Answer<v1::Assignments> answer,
                       std::function<bool()> gone) {
  HandOver([this, scope = std::move(scope), request = std::move(request),
            answer = std::move(answer),
            gone = std::move(gone)](const absl::Status& status) mutable {
    if (!status.ok()) return answer(status);
    HandlePoll(scope, std::move(request), std::move(answer), std::move(gone));
  });
}

void Coordinator::Report(Scope scope, v1::ReportRequest request, Answer<v1::Assignments> answer) {
  const int64_t trials = request.completions_size();
  HandOver(
      [this, scope = std::move(scope), request = std::move(request),
       answer = std::move(answer)](const absl::Status& status) mutable {
        if (!status.ok()) return answer(status);
        HandleReport(scope, std::move(request), std::move(answer));
      },
      trials);
}

void Coordinator::CreateStudy(Scope scope, std::shared_ptr<const StudySpec> spec,
                              std::string request_id, std::string continue_from,
                              Answer<v1::Study> answer) {
  HandOverFor(std::move(answer),
              [this, scope = std::move(scope), spec = std::move(spec),
               request_id = std::move(request_id), continue_from = std::move(continue_from)] {
                return CreateFor(scope, spec, request_id, continue_from);
              });
}

void Coordinator::CancelStudy(Scope scope, std::string name, Answer<v1::Study> answer) {
  HandOverFor(std::move(answer), [this, scope = std::move(scope), name = std::move(name)] {
    return Change(scope, name, [this](Study& study) {
      if (!study.IsOpen()) return absl::FailedPreconditionError("it has ended");
      study.End(v1::CANCELLED, "cancelled", wall_);
      return absl::OkStatus();
    });
  });
}

void Coordinator::PauseStudy(Scope scope, std::string name, Answer<v1::Study> answer) {
  HandOverFor(std::move(answer), [this, scope = std::move(scope), name = std::move(name)] {
    return Change(scope, name, [this](Study& study) { return study.Pause(wall_); });
  });
}

void Coordinator::ResumeStudy(Scope scope, std::string name, Answer<v1::Study> answer) {
  HandOverFor(std::move(answer), [this, scope = std::move(scope), name = std::move(name)] {
    return Change(scope, name, [this](Study& study) { return study.Resume(wall_); });
  });
}

void Coordinator::ExtendStudy(Scope scope, std::string name, int64_t trials,
                              Answer<v1::Study> answer) {
  HandOverFor(std::move(answer), [this, scope = std::move(scope), name = std::move(name), trials] {
    return Change(scope, name,
                  [this, trials](Study& study) { return study.Extend(trials, wall_); });
  });
}

void Coordinator::DeleteStudy(Scope scope, std::string name,
                              Answer<v1::DeleteStudyResponse> answer) {
  HandOverFor(std::move(answer), [this, scope = std::move(scope), name = std::move(name)] {
    return Delete(scope, name);
  });
}

void Coordinator::ListWorkers(Scope scope, Answer<v1::ListWorkersResponse> answer) {
  HandOverFor(std::move(answer),
              [this, scope = std::move(scope)]() -> absl::StatusOr<v1::ListWorkersResponse> {
                v1::ListWorkersResponse response;
                ListWorkersInto(scope, response);
                return response;
              });
}

void Coordinator::Inspect(Answer<CoordinatorStatus> answer) {
  HandOver([this, answer = std::move(answer)](const absl::Status&) { answer(Status()); });
}

void Coordinator::Drain() {
  HandOver([this](const absl::Status&) { draining_ = true; });
}

CoordinatorStatus Coordinator::Status() const {
  CoordinatorStatus status;
  {
    MutexLock lock(&mutex_);
    status.waiting = static_cast<int64_t>(inbox_.size());
  }
  status.active = loaded_;
  if (!loaded_) return status;
  status.leases = static_cast<int64_t>(leases_->size());
  if (const auto oldest = leases_->Oldest()) status.oldest_lease = now_ - *oldest;
  v1::ListWorkersResponse workers;
  ListWorkersInto(Scope(), workers);
  for (v1::WorkerStatus& worker : *workers.mutable_workers()) {
    status.workers.push_back(std::move(worker));
  }
  return status;
}

}  // namespace cambrian
