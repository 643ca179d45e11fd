#include "server/study/lease_manager.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace cambrian {

LeaseManager::LeaseManager(Options options, int64_t last_token)
    : options_(options), last_token_(last_token) {}

absl::StatusOr<Lease> LeaseManager::Grant(AssignmentId assignment, absl::string_view worker,
                                          absl::Duration now) {
  if (held_.contains(assignment)) {
    return absl::AlreadyExistsError(absl::StrCat("trial ", assignment.trial, " is held"));
  }
  Lease lease{assignment, ++last_token_, std::string(worker), now + options_.term};
  Insert(lease);
  return lease;
}

void LeaseManager::Restore(AssignmentId assignment, int64_t token, absl::string_view worker,
                           absl::Duration now) {
  last_token_ = std::max(last_token_, token);
  Insert({assignment, token, std::string(worker), now + options_.term});
}

bool LeaseManager::Renew(int64_t token, absl::string_view worker, absl::Duration now) {
  auto it = by_token_.find(token);
  if (it == by_token_.end() || it->second.worker != worker) return false;
  by_expiry_.erase({it->second.expiry, token});
  it->second.expiry = now + options_.term;
  by_expiry_.insert({it->second.expiry, token});
  return true;
}

absl::Status LeaseManager::Release(AssignmentId assignment, int64_t token) {
  auto it = held_.find(assignment);
  if (it == held_.end() || it->second != token) {
    return absl::FailedPreconditionError(
        absl::StrCat("token ", token, " does not hold trial ", assignment.trial));
  }
  Erase(token);
  return absl::OkStatus();
}

std::vector<Lease> LeaseManager::TakeExpired(absl::Duration now) {
  std::vector<Lease> expired;
  while (!by_expiry_.empty() && by_expiry_.begin()->first <= now) {
    const int64_t token = by_expiry_.begin()->second;
    expired.push_back(by_token_.at(token));
    Erase(token);
  }
  return expired;
}

std::vector<Lease> LeaseManager::HeldBy(absl::string_view worker) const {
  std::vector<Lease> leases;
  auto it = by_worker_.find(std::string(worker));
  if (it == by_worker_.end()) return leases;
  for (int64_t token : it->second) leases.push_back(by_token_.at(token));
  return leases;
}

std::optional<absl::Duration> LeaseManager::NextExpiry() const {
  if (by_expiry_.empty()) return std::nullopt;
  return by_expiry_.begin()->first;
}

void LeaseManager::Insert(Lease lease) {
  held_[lease.assignment] = lease.token;
  by_worker_[lease.worker].insert(lease.token);
  by_expiry_.insert({lease.expiry, lease.token});
  by_token_[lease.token] = std::move(lease);
}

void LeaseManager::Erase(int64_t token) {
  auto it = by_token_.find(token);
  const Lease& lease = it->second;
  held_.erase(lease.assignment);
  by_expiry_.erase({lease.expiry, token});
  auto worker = by_worker_.find(lease.worker);
  worker->second.erase(token);
  if (worker->second.empty()) by_worker_.erase(worker);
  by_token_.erase(it);
}

}  // namespace cambrian
