// The coordinator's part that speaks with workers: leases granted, renewed, lost and given back.
#include <algorithm>
#include <utility>

#include "common/base/version.h"
#include "common/wire/convert.h"
#include "server/study/coordinator.h"
#include "server/study/examine.h"
#include "server/study/messages.h"
#include "server/study/scheduler.h"
#include "spdlog/spdlog.h"

namespace cambrian {
namespace {

constexpr size_t kMaxLogBytes = 64 << 10;

}  // namespace

void Coordinator::HandlePoll(const v1::PollRequest& request, Answer<v1::Assignments> answer,
                             std::function<bool()> gone) {
  absl::Status status = CheckIdentity(request.worker());
  if (status.ok() && draining_) status = absl::UnavailableError("the server is going down");
  if (!status.ok()) {
    replies_.push_back({[answer, status] { answer(status); }, answer});
    return;
  }
  Worker& worker =
      workers_->Hear(request.worker(), request.free_slots(), request.held(), wall_, now_);
  const std::string& name = request.worker().name();
  for (const v1::Held& held : request.held()) leases_->Renew(held.token(), name, now_);
  for (const Lease& lease : workers_->Unlisted(worker, request.revision(), leases_->HeldBy(name))) {
    leases_->Release(lease.assignment, lease.token).IgnoreError();
    Lose(lease);
  }
  if (worker.poll) {
    // The worker has given up on its older Poll.
    replies_.push_back({[answer = worker.poll->answer] {
                          answer(absl::CancelledError("a newer Poll replaced this one"));
                        },
                        worker.poll->answer});
  }
  worker.poll =
      HungPoll{std::move(answer), std::move(gone), request.revision(), now_ + options_.hang};
}

void Coordinator::HandleReport(const v1::ReportRequest& request, Answer<v1::Assignments> answer) {
  if (absl::Status status = CheckIdentity(request.worker()); !status.ok()) {
    replies_.push_back({[answer, status] { answer(status); }, answer});
    return;
  }
  const std::string name = request.worker().name();
  Worker& worker =
      workers_->Hear(request.worker(), request.free_slots(), request.held(), wall_, now_);
  for (const v1::Held& held : request.held()) leases_->Renew(held.token(), name, now_);
  for (const v1::ProgressReport& progress : request.progress()) HandleProgress(progress);
  std::vector<int64_t> settled;
  std::set<int64_t> done;
  for (const v1::Completion& completion : request.completions()) {
    HandleCompletion(completion);
    settled.push_back(completion.token());
    done.insert(completion.token());
  }
  for (const v1::HandBack& hand_back : request.hand_backs()) {
    HandleHandBack(hand_back);
    done.insert(hand_back.token());
  }
  // What the worker is done with it need not be told to stop.
  std::erase_if(worker.listed, [&](const v1::Held& held) { return done.contains(held.token()); });
  reporting_.insert(name);
  replies_.push_back({[this, name, settled = std::move(settled), answer] {
                        answer(AssignmentsOf(*workers_->Find(name), settled));
                      },
                      answer});
}

Study* Coordinator::FindAssignment(absl::string_view assignment, int64_t& trial) {
  const absl::StatusOr<AssignmentName> parsed = ParseAssignment(assignment);
  if (!parsed.ok()) return nullptr;
  auto name = names_.find(parsed->study);
  if (name == names_.end()) return nullptr;
  auto study = studies_.find(name->second);
  if (study == studies_.end()) return nullptr;
  trial = parsed->trial;
  return study->second.get();
}

void Coordinator::HandleProgress(const v1::ProgressReport& report) {
  int64_t trial = 0;
  Study* study = FindAssignment(report.assignment(), trial);
  if (study) study->Progress(trial, report.token(), report.progress(), wall_);
}

void Coordinator::HandleCompletion(const v1::Completion& completion) {
  int64_t number = 0;
  Study* study = FindAssignment(completion.assignment(), number);
  const int64_t token = completion.token();
  if (!study || !study->IsCurrent(number, token)) return;  // said before, or too late
  const TrialRecord& trial = study->state().trial(number);
  if (!completion.log().empty()) {
    const std::string& log = completion.log();
    const size_t start = log.size() > kMaxLogBytes ? log.size() - kMaxLogBytes : 0;
    batch_.logs.push_back({study->record().id, number, trial.attempts, log.substr(start)});
  }
  // A lease that was lost counts until the trial is granted again.
  leases_->Release({study->record().id, number}, token).IgnoreError();
  study->Complete(number, token, completion, wall_);
  ReleaseCancelled(*study);
}

void Coordinator::HandleHandBack(const v1::HandBack& hand_back) {
  int64_t number = 0;
  Study* study = FindAssignment(hand_back.assignment(), number);
  if (!study || !study->IsCurrent(number, hand_back.token())) return;
  leases_->Release({study->record().id, number}, hand_back.token()).IgnoreError();
  study->Requeue(number, hand_back.token(), /*lost=*/false, wall_);
}

void Coordinator::ExpireLeases() {
  for (const Lease& lease : leases_->TakeExpired(now_)) Lose(lease);
}

void Coordinator::Lose(const Lease& lease) {
  Study& study = *studies_.at(lease.assignment.study);
  spdlog::warn("worker {} has lost {}/{}", lease.worker, study.record().name,
               lease.assignment.trial);
  study.Requeue(lease.assignment.trial, lease.token, /*lost=*/true, wall_);
  ReleaseCancelled(study);
}

void Coordinator::ReleaseCancelled(Study& study) {
  for (const auto& [trial, token] : study.TakeCancelled()) {
    leases_->Release({study.record().id, trial}, token).IgnoreError();
  }
}

// Fills the slots of workers that will hear of it: those that are being answered, and those whose
// Poll hangs.
void Coordinator::GrantWork() {
  std::set<int64_t> without_work;  // studies that have none for anybody, in this group
  for (auto& [name, worker] : workers_->all()) {
    const bool listens = reporting_.contains(name) || (worker.poll && !worker.poll->gone());
    if (!listens) continue;
    int64_t room = worker.usable - static_cast<int64_t>(leases_->HeldBy(name).size());
    while (room > 0 && GrantOne(worker, without_work)) --room;
  }
}

bool Coordinator::GrantOne(Worker& worker, std::set<int64_t>& without_work) {
  while (failure_.ok()) {
    std::vector<StudyLoad> loads;
    for (const auto& [id, study] : studies_) {
      if (without_work.contains(id) || !study->MayHaveWork()) continue;
      if (!CanServe(worker.identity, study->spec())) continue;
      loads.push_back({id, study->record().running, last_grant_[id]});
    }
    const std::optional<int64_t> id = PickStudy(loads);
    if (!id) return false;
    Study& study = *studies_.at(*id);
    const absl::StatusOr<std::optional<int64_t>> trial =
        study.Next(wall_, [this](absl::string_view key) { return store_.FindEvaluation(key); });
    ReleaseCancelled(study);
    if (!trial.ok()) {
      failure_ = trial.status();
      return false;
    }
    if (!*trial) {
      again_ |= study.IsUnfinished();
      without_work.insert(*id);
      continue;
    }
    const absl::StatusOr<Lease> lease =
        leases_->Grant({*id, **trial}, worker.identity.name(), now_);
    if (!lease.ok()) {
      failure_ = lease.status();
      return false;
    }
    study.Start(**trial, lease->token, lease->worker, wall_);
    last_grant_[*id] = ++grants_;
    return true;
  }
  return false;
}

void Coordinator::AnswerPolls() {
  for (auto& [name, worker] : workers_->all()) {
    if (!worker.poll) continue;
    const HungPoll& poll = *worker.poll;
    if (draining_) {
      poll.answer(absl::UnavailableError("the server is going down"));
    } else if (poll.revision != worker.set.revision || poll.deadline <= now_) {
      poll.answer(AssignmentsOf(worker, {}));
    } else {
      continue;
    }
    worker.poll.reset();
  }
}

v1::Assignments Coordinator::AssignmentsOf(const Worker& worker,
                                           const std::vector<int64_t>& settled) const {
  v1::Assignments message;
  message.set_revision(worker.set.revision);
  message.set_protocol(kWireProtocol);
  message.set_version(kVersion);
  for (int64_t token : settled) message.add_settled(token);
  for (const AssignmentSet::Item& item : worker.set.items) {
    v1::Assignment& assignment = *message.add_assignments();
    assignment.set_assignment(item.assignment);
    assignment.set_token(item.token);
    assignment.set_stop(item.stop);
    if (item.stop) continue;
    const absl::StatusOr<AssignmentName> name = ParseAssignment(item.assignment);
    const TrialRecord& trial = studies_.at(names_.at(name->study))->state().trial(name->trial);
    assignment.set_attempt(trial.attempts);
    assignment.set_study(name->study);
    assignment.set_trial(name->trial);
    assignment.set_architecture(trial.architecture);
    assignment.set_seed(TrialSeed(trial.evaluation_key));
    assignment.set_keep_checkpoint(true);
  }
  return message;
}

void Coordinator::ListWorkersInto(v1::ListWorkersResponse& response) const {
  for (const auto& [name, worker] : workers_->all()) {
    v1::WorkerStatus& status = *response.add_workers();
    status.set_name(name);
    status.set_host(worker.identity.host());
    status.set_version(worker.identity.version());
    *status.mutable_evaluators() = worker.identity.evaluators();
    status.set_slots(worker.identity.slots());
    for (const AssignmentSet::Item& item : worker.set.items) {
      if (!item.stop) status.add_running(item.assignment);
    }
    *status.mutable_last_contact() = ToProto(worker.last_contact);
  }
}

}  // namespace cambrian
