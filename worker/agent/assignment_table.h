// What a worker has been given, and what is to be done when the server says something new.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "cambrian/v1/worker_service.pb.h"

namespace cambrian {

// Level-triggered: every answer of the server holds the complete set of assignments, numbered by a
// revision; lost answers are repaired by the next one. Assignments are known by their tokens, which
// are never used twice. Pure: no I/O, no threads, no clock.
class AssignmentTable {
 public:
  // What follows from a new set.
  struct Changes {
    std::vector<v1::Assignment> start;
    std::vector<v1::Assignment> stop;
  };
  // What to do with the outcome of an assignment that has ended.
  enum class Ending {
    kReport,    // as a completion, which is held until Settle
    kHandBack,  // it was not finished: give its lease back
    kForget     // nobody wants to hear of it
  };

  explicit AssignmentTable(int slots) : slots_(slots) {}

  // A set that is not newer than the newest seen says nothing. What is marked to stop without being
  // here is ignored.
  Changes Apply(const v1::Assignments& set);
  // A completion from this worker's earlier life, still to be delivered.
  void Restore(const v1::Completion& completion);
  // The worker leaves: everything is to be stopped and handed back. Returns what runs.
  std::vector<v1::Assignment> Drain();
  // One that this worker cannot do is to be handed back. Returns false if it does not run.
  bool GiveBack(int64_t token);
  // An assignment has ended: `finished` if trying it again could bring nothing else.
  Ending End(int64_t token, bool finished);
  // The server has the completion or the hand-back, or does not want it.
  void Settle(int64_t token);

  // The assignment of a token that runs or is being stopped, or null.
  const v1::Assignment* Find(int64_t token) const;
  // Whether it runs, and nobody has asked to stop it.
  bool Wanted(int64_t token) const;
  // Whether any runs or is being stopped.
  bool Running() const { return FreeSlots() < slots_; }
  int FreeSlots() const;
  int64_t revision() const { return revision_; }
  // Leases that every call renews: of what runs, and of completions until they are settled.
  std::vector<v1::Held> Held() const;

 private:
  enum class State {
    kRunning,
    kStopping,  // as the server told: its end is a completion
    kDropped,   // no longer in the set: its end is nobody's business
    kLeaving,   // the worker leaves: its end is a hand-back
    kDone,      // its completion waits to be settled
    kGivenBack  // its hand-back does
  };
  struct Entry {
    v1::Assignment assignment;
    State state = State::kRunning;
  };
  static bool Ended(const Entry& entry) {
    return entry.state == State::kDone || entry.state == State::kGivenBack;
  }

  const int slots_;
  int64_t revision_ = 0;
  std::map<int64_t, Entry> entries_;  // by token
};

}  // namespace cambrian
