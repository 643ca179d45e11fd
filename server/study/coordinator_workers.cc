// The coordinator's part that speaks with workers.
#include <algorithm>
#include <utility>

#include "common/base/version.h"
#include "common/wire/convert.h"
#include "server/log/log.h"
#include "server/study/coordinator.h"
#include "server/study/examine.h"
#include "server/study/messages.h"
#include "spdlog/spdlog.h"

namespace cambrian {
namespace {

constexpr absl::Duration kRecordWorkersEvery = absl::Minutes(10);

}  // namespace

Worker& Coordinator::Hear(const Scope& scope, v1::WorkerIdentity& identity, int32_t free_slots,
                          google::protobuf::RepeatedPtrField<v1::Held>& held) {
  for (const v1::Held& item : held) leases_->Renew(item.token(), identity.name(), now_);
  Worker& worker = workers_->Hear(scope, identity, free_slots, held, wall_, now_);
  if (auto record = workers_->TakeRecord(worker, kRecordWorkersEvery)) {
    group_->batch.workers.push_back(*std::move(record));
  }
  Touch(worker);
  return worker;
}

void Coordinator::HandlePoll(const Scope& scope, v1::PollRequest request,
                             Answer<v1::Assignments> answer, std::function<bool()> gone) {
  absl::Status status = workers_->Check(scope, request.worker());
  if (status.ok() && draining_) status = absl::UnavailableError("the server is going down");
  if (!status.ok()) {
    return ReplyWith(std::move(answer), absl::StatusOr<v1::Assignments>(status));
  }
  Worker& worker =
      Hear(scope, *request.mutable_worker(), request.free_slots(), *request.mutable_held());
  for (const Lease& lease : workers_->Unlisted(worker, request.revision(), *leases_)) {
    leases_->Release(lease.assignment, lease.token).IgnoreError();
    Lose(lease);
  }
  std::optional<HungPoll> before = workers_->Hang(
      worker,
      HungPoll{std::move(answer), std::move(gone), request.revision(), now_ + options_.hang});
  if (before) {
    // The worker has given up on its older Poll.
    ReplyWith(
        std::move(before->answer),
        absl::StatusOr<v1::Assignments>(absl::CancelledError("a newer Poll replaced this one")));
  }
}

void Coordinator::HandleReport(const Scope& scope, v1::ReportRequest request,
                               Answer<v1::Assignments> answer) {
  if (absl::Status status = workers_->Check(scope, request.worker()); !status.ok()) {
    return ReplyWith(std::move(answer), absl::StatusOr<v1::Assignments>(status));
  }
  Worker& worker =
      Hear(scope, *request.mutable_worker(), request.free_slots(), *request.mutable_held());
  for (const v1::ProgressReport& progress : request.progress()) HandleProgress(scope, progress);
  std::vector<int64_t> settled;
  std::vector<int64_t> done;
  for (const v1::Completion& completion : request.completions()) {
    HandleCompletion(scope, completion);
    settled.push_back(completion.token());
  }
  done = settled;
  for (const v1::HandBack& hand_back : request.hand_backs()) {
    HandleHandBack(scope, worker, hand_back);
    done.push_back(hand_back.token());
  }
  // What the worker is done with it need not be told to stop.
  std::erase_if(worker.listed, [&](const v1::Held& held) {
    return std::find(done.begin(), done.end(), held.token()) != done.end();
  });
  if (request.devices_size() > 0) {
    observer_.OnDevices(worker.identity.name(), request.devices());
  }
  worker.reports = true;
  answers_.push_back({&worker, std::move(settled), std::move(answer)});
}

Coordinator::Entry* Coordinator::FindAssignment(const Scope& scope, absl::string_view assignment,
                                                int64_t& trial) {
  const absl::StatusOr<AssignmentName> parsed = ParseAssignment(assignment);
  if (!parsed.ok()) return nullptr;
  auto name = names_.find(parsed->study);
  if (name == names_.end() || !scope.Sees(name->second.tenant)) return nullptr;
  auto entry = studies_.find(name->second.id);
  if (entry == studies_.end()) return nullptr;
  trial = parsed->trial;
  Touch(*entry->second);
  return entry->second.get();
}

void Coordinator::HandleProgress(const Scope& scope, const v1::ProgressReport& report) {
  int64_t trial = 0;
  Entry* entry = FindAssignment(scope, report.assignment(), trial);
  if (!entry) return;
  entry->study->Progress(trial, report.token(), report.progress(), report.checkpoint(), wall_);
}

void Coordinator::HandleCompletion(const Scope& scope, const v1::Completion& completion) {
  int64_t number = 0;
  Entry* entry = FindAssignment(scope, completion.assignment(), number);
  const int64_t token = completion.token();
  if (!entry || !entry->study->IsCurrent(number, token)) return;  // said before, or too late
  // A lease that was lost counts until the trial is granted again.
  Release({entry->study->record().id, number}, token);
  const absl::Duration start = clock_.Monotonic();
  entry->study->Complete(number, token, completion, wall_);
  observer_.OnTell(clock_.Monotonic() - start);
  const TrialRecord& trial = entry->study->state().trial(number);
  if (trial.state == v1::TRIAL_SUCCEEDED) {
    shared_.Note(entry->study->record(), number, trial.evaluation_key);
  }
  ReleaseCancelled(*entry);
}

void Coordinator::HandleHandBack(const Scope& scope, Worker& worker,
                                 const v1::HandBack& hand_back) {
  int64_t number = 0;
  Entry* entry = FindAssignment(scope, hand_back.assignment(), number);
  if (!entry) return;
  const int64_t study = entry->study->record().id;
  if (hand_back.unable()) {
    const LogFields about(entry->study->record().name, number, hand_back.token());
    spdlog::warn("worker {} cannot do study {}: {}", worker.identity.name(),
                 entry->study->record().name, hand_back.reason());
    workers_->MarkUnable(worker, study);
  }
  if (!entry->study->IsCurrent(number, hand_back.token())) return;
  Release({study, number}, hand_back.token());
  entry->study->HandBack(number, hand_back.token(), hand_back, wall_);
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
    const Study& study = *studies_.at(item.id.study)->study;
    const TrialRecord& trial = study.state().trial(item.id.trial);
    assignment.set_attempt(trial.attempts);
    assignment.set_study(study.record().name);
    assignment.set_trial(trial.number);
    assignment.set_architecture(trial.architecture);
    assignment.set_seed(TrialSeed(trial.evaluation_key));
    assignment.set_keep_checkpoint(true);
    assignment.set_work(study.WorkOf(trial.number));
    assignment.set_checkpoint(trial.resume_from);
  }
  return message;
}

void Coordinator::ListWorkersInto(const Scope& scope, v1::ListWorkersResponse& response) const {
  for (const Worker* worker : workers_->Sorted()) {
    if (!worker->scope.all && !scope.Sees(worker->scope.tenant)) continue;
    const v1::WorkerIdentity& identity = worker->identity;
    v1::WorkerStatus& status = *response.add_workers();
    status.set_name(identity.name());
    status.set_host(identity.host());
    status.set_version(identity.version());
    *status.mutable_evaluators() = identity.evaluators();
    *status.mutable_devices() = identity.devices();
    *status.mutable_tags() = identity.tags();
    *status.mutable_targets() = identity.targets();
    status.set_slots(identity.slots());
    status.set_usable_slots(worker->usable);
    for (int64_t token : leases_->HeldBy(identity.name())) {
      const Lease& lease = *leases_->Find(token);
      const StudyRecord& study = studies_.at(lease.assignment.study)->study->record();
      if (!scope.Sees(study.tenant)) continue;
      status.add_running(FormatAssignment(study.name, lease.assignment.trial));
    }
    *status.mutable_last_contact() = ToProto(worker->last_contact);
  }
}

}  // namespace cambrian
