#include "worker/agent/assignment_table.h"

#include <set>

namespace cambrian {

AssignmentTable::Changes AssignmentTable::Apply(const v1::Assignments& set) {
  Changes changes;
  if (set.revision() <= revision_) return changes;
  revision_ = set.revision();
  std::set<int64_t> listed;
  for (const v1::Assignment& assignment : set.assignments()) {
    listed.insert(assignment.token());
    const auto found = entries_.find(assignment.token());
    if (found == entries_.end()) {
      if (assignment.stop()) continue;
      entries_[assignment.token()].assignment = assignment;
      changes.start.push_back(assignment);
    } else if (assignment.stop() && found->second.state == State::kRunning) {
      found->second.state = State::kStopping;
      changes.stop.push_back(found->second.assignment);
    }
  }
  for (auto& [token, entry] : entries_) {
    if (listed.contains(token)) continue;
    if (entry.state == State::kRunning) changes.stop.push_back(entry.assignment);
    if (!Ended(entry)) entry.state = State::kDropped;
  }
  return changes;
}

void AssignmentTable::Restore(const v1::Completion& completion) {
  Entry& entry = entries_[completion.token()];
  entry.assignment.set_assignment(completion.assignment());
  entry.assignment.set_token(completion.token());
  entry.state = State::kDone;
}

std::vector<v1::Assignment> AssignmentTable::Drain() {
  std::vector<v1::Assignment> running;
  for (auto& [token, entry] : entries_) {
    if (entry.state != State::kRunning) continue;
    entry.state = State::kLeaving;
    running.push_back(entry.assignment);
  }
  return running;
}

bool AssignmentTable::GiveBack(int64_t token) {
  if (!Wanted(token)) return false;
  entries_[token].state = State::kGivenBack;
  return true;
}

AssignmentTable::Ending AssignmentTable::End(int64_t token, bool finished) {
  const auto found = entries_.find(token);
  if (found == entries_.end()) return Ending::kForget;
  Entry& entry = found->second;
  if (entry.state == State::kDropped || (entry.state == State::kLeaving && !finished)) {
    const bool dropped = entry.state == State::kDropped;
    entries_.erase(found);
    return dropped ? Ending::kForget : Ending::kHandBack;
  }
  entry.state = State::kDone;
  return Ending::kReport;
}

void AssignmentTable::Settle(int64_t token) {
  const auto found = entries_.find(token);
  if (found != entries_.end() && Ended(found->second)) entries_.erase(found);
}

const v1::Assignment* AssignmentTable::Find(int64_t token) const {
  const auto found = entries_.find(token);
  if (found == entries_.end() || Ended(found->second)) return nullptr;
  return &found->second.assignment;
}

bool AssignmentTable::Wanted(int64_t token) const {
  const auto found = entries_.find(token);
  return found != entries_.end() && found->second.state == State::kRunning;
}

int AssignmentTable::FreeSlots() const {
  int free = slots_;
  for (const auto& [token, entry] : entries_) free -= !Ended(entry);
  return free;
}

std::vector<v1::Held> AssignmentTable::Held() const {
  std::vector<v1::Held> held;
  for (const auto& [token, entry] : entries_) {
    if (entry.state == State::kDropped || entry.state == State::kGivenBack) continue;
    v1::Held& lease = held.emplace_back();
    lease.set_assignment(entry.assignment.assignment());
    lease.set_token(token);
  }
  return held;
}

}  // namespace cambrian
