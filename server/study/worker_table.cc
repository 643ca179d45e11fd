#include "server/study/worker_table.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "server/study/protocol_check.h"

namespace cambrian {
namespace {

constexpr int kMaxSlots = 1024;
constexpr size_t kMaxNameBytes = 128;
constexpr int kMaxOffers = 256;  // evaluators, devices, tags …: of each

using Names = google::protobuf::RepeatedPtrField<std::string>;

bool Has(const Names& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool SameScope(const Scope& a, const Scope& b) { return a.all == b.all && a.tenant == b.tenant; }

// All that decides what a worker may be given.
std::string KindKey(const Worker& worker) {
  v1::WorkerIdentity offer = worker.identity;
  offer.clear_name();
  offer.clear_host();
  offer.clear_version();
  offer.clear_slots();
  std::string key = offer.SerializeAsString();
  absl::StrAppend(&key, "|", worker.scope.all ? "*" : worker.scope.tenant);
  for (int64_t study : worker.unable) absl::StrAppend(&key, "|", study);
  return key;
}

}  // namespace

absl::Status WorkerTable::Check(const Scope& scope, const v1::WorkerIdentity& identity) const {
  RETURN_IF_ERROR(CheckIdentity(identity));
  auto it = workers_.find(identity.name());
  if (it != workers_.end() && !SameScope(it->second->scope, scope)) {
    return absl::PermissionDeniedError(
        absl::StrCat("a worker of somebody else's is named \"", identity.name(), "\""));
  }
  return absl::OkStatus();
}

Worker& WorkerTable::Hear(const Scope& scope, v1::WorkerIdentity& identity, int32_t free_slots,
                          google::protobuf::RepeatedPtrField<v1::Held>& held, absl::Time wall,
                          absl::Duration now) {
  std::unique_ptr<Worker>& slot = workers_[identity.name()];
  const bool is_new = slot == nullptr;
  if (is_new) {
    slot = std::make_unique<Worker>();
    slot->scope = scope;
    slot->first_contact = wall;
    slot->set.revision = ++last_revision_;
  }
  Worker& worker = *slot;
  std::string introduction = identity.SerializeAsString();
  if (is_new || introduction != worker.introduction) {
    worker.introduction = std::move(introduction);
    worker.identity.Swap(&identity);
    worker.unable.clear();
    worker.recorded.reset();
    SetKind(worker);
  }
  // Free slots alone go out of date while a Poll hangs; together with what is held they do not.
  worker.usable = std::min(worker.identity.slots(), std::max(0, free_slots) + held.size());
  worker.listed.clear();
  for (v1::Held& item : held) worker.listed.push_back(std::move(item));
  worker.last_contact = wall;
  worker.last_heard = now;
  return worker;
}

std::optional<WorkerRecord> WorkerTable::TakeRecord(Worker& worker, absl::Duration seldom) {
  if (worker.recorded && worker.last_contact - *worker.recorded < seldom) return std::nullopt;
  worker.recorded = worker.last_contact;
  const v1::WorkerIdentity& identity = worker.identity;
  WorkerRecord record;
  record.name = identity.name();
  record.host = identity.host();
  record.version = identity.version();
  record.slots = identity.slots();
  record.devices.assign(identity.devices().begin(), identity.devices().end());
  record.tags.assign(identity.tags().begin(), identity.tags().end());
  record.targets.assign(identity.targets().begin(), identity.targets().end());
  record.first_contact = worker.first_contact;
  record.last_contact = worker.last_contact;
  return record;
}

void WorkerTable::MarkUnable(Worker& worker, int64_t study) {
  if (worker.unable.insert(study).second) SetKind(worker);
}

Offer WorkerTable::OfferTo(const Worker& worker, int64_t study, const StudySpec& spec,
                           absl::string_view tenant) {
  auto [it, is_new] = worker.kind->offers.try_emplace(study);
  if (is_new && worker.scope.Sees(tenant) && !worker.unable.contains(study)) {
    it->second = OfferOf(worker.identity, spec);
  }
  return it->second;
}

void WorkerTable::ForgetStudy(int64_t study) {
  for (auto& [key, kind] : kinds_) kind->offers.erase(study);
}

void WorkerTable::Renumber(Worker& worker, const LeaseManager& leases,
                           absl::FunctionRef<AssignmentSet::Item(const Lease&)> item) {
  std::vector<AssignmentSet::Item> items;
  const std::vector<int64_t>& tokens = leases.HeldBy(worker.identity.name());
  for (int64_t token : tokens) items.push_back(item(*leases.Find(token)));
  for (v1::Held& held : worker.listed) {
    const bool known =
        std::any_of(items.begin(), items.end(),
                    [&](const AssignmentSet::Item& other) { return other.token == held.token(); });
    if (!known) items.push_back({held.assignment(), {}, held.token(), true, 0});
  }
  if (items == worker.set.items) return;
  worker.set.revision = ++last_revision_;
  for (AssignmentSet::Item& now : items) {
    now.told = worker.set.revision;
    for (const AssignmentSet::Item& before : worker.set.items) {
      if (before.token == now.token) now.told = before.told;
    }
  }
  worker.set.items = std::move(items);
}

std::vector<Lease> WorkerTable::Unlisted(const Worker& worker, int64_t revision,
                                         const LeaseManager& leases) const {
  std::vector<Lease> unlisted;
  for (const AssignmentSet::Item& item : worker.set.items) {
    const Lease* lease = leases.Find(item.token);
    if (lease == nullptr || lease->worker != worker.identity.name()) continue;
    const bool listed =
        std::any_of(worker.listed.begin(), worker.listed.end(),
                    [&](const v1::Held& held) { return held.token() == item.token; });
    // The worker knows the revisions of this server's life only if it names one.
    if (!listed && item.told <= revision) unlisted.push_back(*lease);
  }
  return unlisted;
}

std::optional<HungPoll> WorkerTable::Hang(Worker& worker, HungPoll poll) {
  std::optional<HungPoll> before;
  if (worker.poll) before = TakePoll(worker);
  due_.insert({poll.deadline, &worker});
  worker.poll = std::move(poll);
  return before;
}

HungPoll WorkerTable::TakePoll(Worker& worker) {
  NoLongerIdle(worker);
  due_.erase({worker.poll->deadline, &worker});
  HungPoll poll = *std::move(worker.poll);
  worker.poll.reset();
  return poll;
}

std::vector<Worker*> WorkerTable::Due(absl::Duration now) const {
  std::vector<Worker*> due;
  for (const auto& [deadline, worker] : due_) {
    if (deadline > now) break;
    due.push_back(worker);
  }
  return due;
}

std::optional<absl::Duration> WorkerTable::NextDue() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

void WorkerTable::Idle(Worker& worker) {
  if (worker.idle_since > 0) return;
  worker.idle_since = ++last_idle_;
  worker.kind->idle.insert({worker.idle_since, &worker});
  idle_kinds_.insert(worker.kind);
}

void WorkerTable::NoLongerIdle(Worker& worker) {
  if (worker.idle_since == 0) return;
  worker.kind->idle.erase({worker.idle_since, &worker});
  if (worker.kind->idle.empty()) idle_kinds_.erase(worker.kind);
  worker.idle_since = 0;
}

void WorkerTable::Forget(absl::Duration before, const LeaseManager& leases) {
  for (auto it = workers_.begin(); it != workers_.end();) {
    Worker& worker = *it->second;
    if (worker.last_heard < before && !worker.poll && leases.HeldBy(it->first).empty()) {
      LeaveKind(worker);
      workers_.erase(it++);
    } else {
      ++it;
    }
  }
}

std::vector<const Worker*> WorkerTable::Sorted() const {
  std::vector<const Worker*> workers;
  for (const auto& [name, worker] : workers_) workers.push_back(worker.get());
  std::sort(workers.begin(), workers.end(), [](const Worker* a, const Worker* b) {
    return a->identity.name() < b->identity.name();
  });
  return workers;
}

std::vector<Worker*> WorkerTable::Hanging() const {
  std::vector<Worker*> workers;
  for (const auto& [deadline, worker] : due_) workers.push_back(worker);
  return workers;
}

Worker* WorkerTable::Find(absl::string_view name) {
  auto it = workers_.find(name);
  return it == workers_.end() ? nullptr : it->second.get();
}

void WorkerTable::SetKind(Worker& worker) {
  std::string key = KindKey(worker);
  if (worker.kind != nullptr && worker.kind->key == key) return;
  LeaveKind(worker);
  std::unique_ptr<WorkerKind>& kind = kinds_[key];
  if (kind == nullptr) kind = std::make_unique<WorkerKind>();
  kind->key = std::move(key);
  ++kind->workers;
  worker.kind = kind.get();
}

void WorkerTable::LeaveKind(Worker& worker) {
  if (worker.kind == nullptr) return;
  NoLongerIdle(worker);
  WorkerKind* const kind = std::exchange(worker.kind, nullptr);
  if (--kind->workers == 0) kinds_.erase(std::string(kind->key));
}

Offer OfferOf(const v1::WorkerIdentity& worker, const StudySpec& study) {
  Offer offer;
  if (!Has(worker.evaluators(), study.estimator.evaluator)) return offer;
  const bool on_target = study.latency && !study.latency->target.empty();
  offer.measures = on_target && Has(worker.targets(), study.latency->target);
  offer.trains = std::all_of(study.workers.tags.begin(), study.workers.tags.end(),
                             [&](const std::string& tag) { return Has(worker.tags(), tag); });
  offer.trains &=
      study.data.root.empty() ? worker.any_path() : Has(worker.data_roots(), study.data.root);
  if (study.latency && !on_target) {
    const std::string& wanted = study.latency->device;  // "cuda" fits "cuda:0"
    offer.trains &= std::any_of(worker.devices().begin(), worker.devices().end(),
                                [&](const std::string& device) {
                                  return device == wanted || absl::StartsWith(device, wanted + ":");
                                });
  }
  return offer;
}

absl::Status CheckIdentity(const v1::WorkerIdentity& worker) {
  RETURN_IF_ERROR(CheckProtocol("worker", worker.protocol(), worker.version()));
  if (worker.name().empty() || worker.name().size() > kMaxNameBytes) {
    return absl::InvalidArgumentError("a worker needs a name of at most 128 bytes");
  }
  if (worker.slots() < 0 || worker.slots() > kMaxSlots) {
    return absl::InvalidArgumentError("a worker has 0 to 1024 slots");
  }
  for (const Names* names : {&worker.evaluators(), &worker.devices(), &worker.tags(),
                             &worker.targets(), &worker.data_roots()}) {
    if (names->size() > kMaxOffers) {
      return absl::InvalidArgumentError(
          "a worker has at most 256 evaluators, devices, tags, targets and data roots");
    }
  }
  return absl::OkStatus();
}

}  // namespace cambrian
