// The coordinator's part that grants leases, and takes back those that are lost.
#include <utility>

#include "common/base/status.h"
#include "server/log/log.h"
#include "server/study/coordinator.h"
#include "spdlog/spdlog.h"

namespace cambrian {

// The worker concerns this group: its set is looked at again, and its Poll perhaps answered.
void Coordinator::Touch(Worker& worker) {
  if (std::exchange(worker.touched, true)) return;
  touched_workers_.push_back(&worker);
}

void Coordinator::Release(const AssignmentId& assignment, int64_t token) {
  const Lease* lease = leases_->Find(token);
  if (lease == nullptr) return;
  if (Worker* worker = workers_->Find(lease->worker)) Touch(*worker);
  leases_->Release(assignment, token).IgnoreError();
}

void Coordinator::ExpireLeases() {
  for (const Lease& lease : leases_->TakeExpired(now_)) Lose(lease);
}

// The lease is not in the lease manager any longer.
void Coordinator::Lose(const Lease& lease) {
  Entry& entry = *studies_.at(lease.assignment.study);
  Touch(entry);
  if (Worker* worker = workers_->Find(lease.worker)) Touch(*worker);
  const LogFields about(entry.study->record().name, lease.assignment.trial, lease.token);
  spdlog::warn("worker {} has lost {}/{}", lease.worker, entry.study->record().name,
               lease.assignment.trial);
  entry.study->Lose(lease.assignment.trial, lease.token, wall_);
  ReleaseCancelled(entry);
}

void Coordinator::ReleaseCancelled(Entry& entry) {
  for (const auto& [trial, token] : entry.study->TakeCancelled()) {
    Release({entry.study->record().id, trial}, token);
  }
}

// Whoever runs trials of the study is told anew.
void Coordinator::TouchHolders(const Study& study) {
  for (int64_t number : study.state().open()) {
    const TrialRecord& trial = study.state().trial(number);
    if (trial.state != v1::TRIAL_RUNNING) continue;
    if (Worker* worker = workers_->Find(trial.worker)) Touch(*worker);
  }
}

// Fills the slots of workers that will hear of it: those that this group concerns first, then,
// while there is work, those whose Polls wait for it.
void Coordinator::GrantWork() {
  for (Entry* entry : touched_studies_) Refresh(*entry);
  // Filling one may touch another: a study that ends takes its leases back.
  for (size_t i = 0; i < touched_workers_.size(); ++i) Fill(*touched_workers_[i]);
  bool granted = scheduler_.HasWork();
  while (granted) {
    granted = false;
    const std::vector<WorkerKind*> kinds(workers_->idle_kinds().begin(),
                                         workers_->idle_kinds().end());
    for (WorkerKind* kind : kinds) {
      while (!kind->idle.empty() && Fill(*kind->idle.begin()->second)) granted = true;
    }
  }
}

// Gives the worker all that it has room for. Returns false if there is no work for its kind.
bool Coordinator::Fill(Worker& worker) {
  int64_t room =
      worker.usable - static_cast<int64_t>(leases_->HeldBy(worker.identity.name()).size());
  if (worker.poll && !worker.reports && worker.poll->gone()) {
    workers_->TakePoll(worker);  // nobody hears its answer
    return true;
  }
  if (!worker.poll && !worker.reports) return true;
  while (room > 0 && GrantOne(worker)) --room;
  if (room > 0 && worker.poll) {
    workers_->Idle(worker);
    return false;
  }
  workers_->NoLongerIdle(worker);
  return true;
}

bool Coordinator::GrantOne(Worker& worker) {
  while (failure_.ok()) {
    Offer offer;
    const std::optional<int64_t> id = scheduler_.Pick([&](int64_t study) {
      const Entry& entry = *studies_.at(study);
      offer = workers_->OfferTo(worker, study, entry.study->spec(), entry.study->record().tenant);
      const int kind = 2 * offer.trains + offer.measures;
      return kind != 0 && !without_work_.contains({study, kind}) && entry.study->MayHaveWork(offer);
    });
    if (!id) return false;
    if (GrantFrom(*studies_.at(*id), worker, offer)) return true;
    without_work_.insert({*id, 2 * offer.trains + offer.measures});
  }
  return false;
}

bool Coordinator::GrantFrom(Entry& entry, Worker& worker, const Offer& offer) {
  Touch(entry);
  Study& study = *entry.study;
  const int64_t id = study.record().id;
  const absl::Duration start = clock_.Monotonic();
  const absl::StatusOr<std::optional<NextWork>> next = study.Next(
      wall_, offer, [&](absl::string_view key) { return FindKnown(study.record(), key); },
      [&](int64_t number) { return Settled().Trial(id, number); });
  observer_.OnAsk(clock_.Monotonic() - start);
  ReleaseCancelled(entry);
  if (!next.ok()) {
    failure_ = next.status();
    return false;
  }
  if (!*next) {
    if (study.IsUnfinished()) {
      again_ = true;
      unfinished_.push_back(id);
    }
    Refresh(entry);
    return false;
  }
  const absl::StatusOr<Lease> lease =
      leases_->Grant({id, (*next)->trial}, worker.identity.name(), now_);
  if (!lease.ok()) {
    failure_ = lease.status();
    return false;
  }
  study.Start((*next)->trial, (*next)->work, lease->token, lease->worker, wall_);
  Touch(worker);
  Refresh(entry);
  scheduler_.Granted(id);
  return true;
}

// Another study's result for this work.
absl::StatusOr<std::optional<TrialRecord>> Coordinator::FindKnown(
    const StudyRecord& study, absl::string_view evaluation_key) {
  ASSIGN_OR_RETURN(
      const std::optional<SharedResults::Place> place,
      shared_.Find(study, evaluation_key, [this](int64_t id) { return Settled().ResultKeys(id); }));
  if (!place) return std::optional<TrialRecord>();
  const auto open = studies_.find(place->study);
  const TrialRecord* const held =
      open == studies_.end() ? nullptr : open->second->study->state().Find(place->trial);
  absl::StatusOr<TrialRecord> trial =
      held != nullptr ? *held : Settled().Trial(place->study, place->trial);
  if (absl::IsNotFound(trial.status())) return std::optional<TrialRecord>();
  RETURN_IF_ERROR(trial.status());
  if (trial->state != v1::TRIAL_SUCCEEDED) return std::optional<TrialRecord>();
  return std::optional<TrialRecord>(*std::move(trial));
}

}  // namespace cambrian
