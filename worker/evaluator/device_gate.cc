#include "worker/evaluator/device_gate.h"

#include <algorithm>

namespace cambrian {

using Kind = DeviceGate::Action::Kind;

void DeviceGate::Join(int member) { members_[member].state = State::kRunning; }

DeviceGate::Actions DeviceGate::Leave(int member, absl::Duration now) {
  Actions out;
  const auto found = members_.find(member);
  if (found == members_.end() || found->second.state == State::kIdle) return out;
  Set(State::kIdle, member, found->second, out);
  const bool was_first = !queue_.empty() && queue_.front() == member;
  queue_.erase(std::remove(queue_.begin(), queue_.end(), member), queue_.end());
  if (was_first) {
    TakeNext(now, out);
  } else {
    GrantIfQuiet(out);
  }
  return out;
}

DeviceGate::Actions DeviceGate::Forget(int member, absl::Duration now) {
  Actions out = Leave(member, now);
  members_.erase(member);
  return out;
}

DeviceGate::Actions DeviceGate::Acquire(int member, absl::Duration now) {
  Actions out;
  const auto found = members_.find(member);
  if (found == members_.end()) return out;
  const State state = found->second.state;
  if (state == State::kIdle || state == State::kWaiting || state == State::kHolding) return out;
  // It may have asked while our `pause` was on its way: waiting, it is as quiet as can be.
  Set(State::kWaiting, member, found->second, out);
  queue_.push_back(member);
  if (queue_.size() == 1) {
    TakeNext(now, out);
  } else {
    GrantIfQuiet(out);
  }
  return out;
}

DeviceGate::Actions DeviceGate::Release(int member, absl::Duration now) {
  Actions out;
  const auto found = members_.find(member);
  if (found == members_.end() || found->second.state != State::kHolding) return out;
  // It answers in order: what it owed from before is answered, or never will be.
  found->second = Member{};
  found->second.state = State::kRunning;
  queue_.pop_front();
  TakeNext(now, out);
  return out;
}

DeviceGate::Actions DeviceGate::Paused(int member) {
  Actions out;
  const auto found = members_.find(member);
  if (found == members_.end()) return out;
  Member& m = found->second;
  if (m.owed > 0) --m.owed;
  if (m.state != State::kPausing || m.owed > 0) return out;
  m.state = State::kPaused;
  m.deadline = absl::InfiniteDuration();
  GrantIfQuiet(out);
  return out;
}

DeviceGate::Actions DeviceGate::Tick(absl::Duration now) {
  Actions out;
  for (auto& [id, m] : members_) {
    if (m.state != State::kPausing || m.deadline > now) continue;
    m.state = State::kFrozen;
    m.deadline = absl::InfiniteDuration();
    out.push_back({Kind::kFreeze, id});
  }
  if (!out.empty()) GrantIfQuiet(out);
  return out;
}

absl::Duration DeviceGate::Deadline() const {
  absl::Duration first = absl::InfiniteDuration();
  for (const auto& [id, m] : members_) first = std::min(first, m.deadline);
  return first;
}

void DeviceGate::TakeNext(absl::Duration now, Actions& out) {
  for (auto& [id, m] : members_) {
    if (queue_.empty()) {
      if (m.state != State::kIdle) Set(State::kRunning, id, m, out);
    } else if (m.state == State::kRunning) {
      m.state = State::kPausing;
      m.deadline = now + pause_grace_;
      ++m.owed;
      out.push_back({Kind::kPause, id});
    }
  }
  GrantIfQuiet(out);
}

void DeviceGate::GrantIfQuiet(Actions& out) {
  if (queue_.empty()) return;
  for (const auto& [id, m] : members_) {
    if (m.state == State::kRunning || m.state == State::kPausing || m.state == State::kHolding) {
      return;
    }
  }
  members_[queue_.front()].state = State::kHolding;
  out.push_back({Kind::kGrant, queue_.front()});
}

void DeviceGate::Set(State state, int id, Member& member, Actions& out) {
  if (member.state == State::kFrozen) out.push_back({Kind::kThaw, id});
  if (member.state == State::kFrozen || member.state == State::kPausing ||
      member.state == State::kPaused) {
    out.push_back({Kind::kResume, id});
  }
  member.state = state;
  member.deadline = absl::InfiniteDuration();
}

}  // namespace cambrian
