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
  Lease lease{assignment, ++last_token_, std::string(worker), now + options_.term, now};
  Insert(lease);
  return lease;
}

void LeaseManager::Restore(AssignmentId assignment, int64_t token, absl::string_view worker,
                           absl::Duration now) {
  last_token_ = std::max(last_token_, token);
  Insert({assignment, token, std::string(worker), now + options_.term, now});
}

bool LeaseManager::Renew(int64_t token, absl::string_view worker, absl::Duration now) {
  auto it = by_token_.find(token);
  if (it == by_token_.end() || it->second.lease.worker != worker) return false;
  it->second.lease.expiry = now + options_.term;
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
    Held& held = by_token_.at(token);
    if (held.lease.expiry > now) {  // it was renewed since
      by_expiry_.erase(by_expiry_.begin());
      held.queued = held.lease.expiry;
      by_expiry_.insert({held.queued, token});
      continue;
    }
    expired.push_back(held.lease);
    Erase(token);
  }
  std::stable_sort(expired.begin(), expired.end(),
                   [](const Lease& a, const Lease& b) { return a.expiry < b.expiry; });
  return expired;
}

const Lease* LeaseManager::Find(int64_t token) const {
  auto it = by_token_.find(token);
  return it == by_token_.end() ? nullptr : &it->second.lease;
}

const std::vector<int64_t>& LeaseManager::HeldBy(absl::string_view worker) const {
  static const std::vector<int64_t> none;
  auto it = by_worker_.find(worker);
  return it == by_worker_.end() ? none : it->second;
}

std::optional<absl::Duration> LeaseManager::NextExpiry() const {
  if (by_expiry_.empty()) return std::nullopt;
  return by_expiry_.begin()->first;
}

std::optional<absl::Duration> LeaseManager::Oldest() const {
  std::optional<absl::Duration> oldest;
  for (const auto& [token, held] : by_token_) {
    if (!oldest || held.lease.granted < *oldest) oldest = held.lease.granted;
  }
  return oldest;
}

void LeaseManager::Insert(Lease lease) {
  const int64_t token = lease.token;
  held_[lease.assignment] = token;
  std::vector<int64_t>& tokens = by_worker_[lease.worker];
  tokens.insert(std::upper_bound(tokens.begin(), tokens.end(), token), token);
  by_expiry_.insert({lease.expiry, token});
  const absl::Duration queued = lease.expiry;
  by_token_[token] = {std::move(lease), queued};
}

void LeaseManager::Erase(int64_t token) {
  auto it = by_token_.find(token);
  const Lease& lease = it->second.lease;
  held_.erase(lease.assignment);
  by_expiry_.erase({it->second.queued, token});
  auto worker = by_worker_.find(lease.worker);
  std::erase(worker->second, token);
  if (worker->second.empty()) by_worker_.erase(worker);
  by_token_.erase(it);
}

}  // namespace cambrian
