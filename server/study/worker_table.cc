#include "server/study/worker_table.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "server/study/protocol_check.h"

namespace cambrian {
namespace {

constexpr int kMaxSlots = 1024;
constexpr size_t kMaxNameBytes = 128;

}  // namespace

Worker& WorkerTable::Hear(const v1::WorkerIdentity& identity, int32_t free_slots,
                          const google::protobuf::RepeatedPtrField<v1::Held>& held, absl::Time wall,
                          absl::Duration now) {
  auto [it, is_new] = workers_.try_emplace(identity.name());
  Worker& worker = it->second;
  if (is_new) worker.set.revision = ++last_revision_;
  worker.identity = identity;
  // Free slots alone go out of date while a Poll hangs; together with what is held they do not.
  worker.usable = std::min(identity.slots(), std::max(0, free_slots) + held.size());
  worker.listed.assign(held.begin(), held.end());
  worker.last_contact = wall;
  worker.last_heard = now;
  return worker;
}

void WorkerTable::Renumber(Worker& worker, const std::vector<Lease>& leases,
                           const std::function<std::string(const AssignmentId&)>& name) {
  std::vector<AssignmentSet::Item> items;
  std::set<int64_t> tokens;
  for (const Lease& lease : leases) {
    items.push_back({name(lease.assignment), lease.token, false});
    tokens.insert(lease.token);
  }
  for (const v1::Held& held : worker.listed) {
    if (tokens.insert(held.token()).second) {
      items.push_back({held.assignment(), held.token(), true});
    }
  }
  if (items == worker.set.items) return;
  worker.set.items = std::move(items);
  worker.set.revision = ++last_revision_;
  std::map<int64_t, int64_t> told;
  for (const Lease& lease : leases) {
    auto it = worker.told.find(lease.token);
    told[lease.token] = it == worker.told.end() ? worker.set.revision : it->second;
  }
  worker.told = std::move(told);
}

std::vector<Lease> WorkerTable::Unlisted(const Worker& worker, int64_t revision,
                                         const std::vector<Lease>& leases) const {
  std::vector<Lease> unlisted;
  for (const Lease& lease : leases) {
    const bool listed =
        std::any_of(worker.listed.begin(), worker.listed.end(),
                    [&](const v1::Held& held) { return held.token() == lease.token; });
    auto told = worker.told.find(lease.token);
    // The worker knows the revisions of this server's life only if it names one.
    if (!listed && told != worker.told.end() && told->second <= revision) unlisted.push_back(lease);
  }
  return unlisted;
}

void WorkerTable::Forget(absl::Duration before) {
  for (auto it = workers_.begin(); it != workers_.end();) {
    const Worker& worker = it->second;
    const bool forget = worker.last_heard < before && !worker.poll && worker.told.empty();
    it = forget ? workers_.erase(it) : std::next(it);
  }
}

Worker* WorkerTable::Find(absl::string_view name) {
  auto it = workers_.find(std::string(name));
  return it == workers_.end() ? nullptr : &it->second;
}

bool CanServe(const v1::WorkerIdentity& worker, const StudySpec& study) {
  const auto& evaluators = worker.evaluators();
  if (std::find(evaluators.begin(), evaluators.end(), study.estimator.evaluator) ==
      evaluators.end()) {
    return false;
  }
  if (!study.latency) return true;
  const std::string& wanted = study.latency->device;  // "cuda" fits "cuda:0"
  return std::any_of(worker.devices().begin(), worker.devices().end(),
                     [&](const std::string& device) {
                       return device == wanted || absl::StartsWith(device, wanted + ":");
                     });
}

absl::Status CheckIdentity(const v1::WorkerIdentity& worker) {
  RETURN_IF_ERROR(CheckProtocol("worker", worker.protocol(), worker.version()));
  if (worker.name().empty() || worker.name().size() > kMaxNameBytes) {
    return absl::InvalidArgumentError("a worker needs a name of at most 128 bytes");
  }
  if (worker.slots() < 0 || worker.slots() > kMaxSlots) {
    return absl::InvalidArgumentError("a worker has 0 to 1024 slots");
  }
  return absl::OkStatus();
}

}  // namespace cambrian
