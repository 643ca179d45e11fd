// Who has a device to itself: a measurement waits until the device's other evaluators are quiet.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "absl/time/time.h"

namespace cambrian {

// One device's gate. Requests are served in the order in which they came; between two of them the
// others stay paused. Every pause is followed by a resume before the member hears of anything else.
// A member without a job, or one that waits for the device itself, is quiet.
// Pure: no I/O, no threads, no clock of its own.
class DeviceGate {
 public:
  struct Action {
    enum class Kind {
      kPause,   // tell it to pause
      kResume,  // tell it to go on
      kGrant,   // tell it that the device is its own
      kFreeze,  // stop its process: it did not answer `pause` in time
      kThaw     // let its process run again
    };
    Kind kind;
    int member;
    bool operator==(const Action&) const = default;
  };
  using Actions = std::vector<Action>;

  explicit DeviceGate(absl::Duration pause_grace) : pause_grace_(pause_grace) {}

  // Nobody has or wants the device alone. Only then may a member join: a job that starts during a
  // measurement would disturb it.
  bool Idle() const { return queue_.empty(); }

  // The member begins a job.
  void Join(int member);
  // Its job has ended; what it held or waited for is given up.
  Actions Leave(int member, absl::Duration now);
  // Its process is gone as well.
  Actions Forget(int member, absl::Duration now);

  // What members say. What makes no sense in a member's state is ignored.
  Actions Acquire(int member, absl::Duration now);
  Actions Release(int member, absl::Duration now);
  Actions Paused(int member);

  // Freezes members that were told to pause more than the grace ago. `now` is monotonic time.
  Actions Tick(absl::Duration now);
  // When to call Tick next; infinite: not needed.
  absl::Duration Deadline() const;

 private:
  enum class State { kIdle, kRunning, kPausing, kPaused, kFrozen, kWaiting, kHolding };
  struct Member {
    State state = State::kIdle;
    int owed = 0;  // `paused` that it has still to say: a late one answers an earlier `pause`
    absl::Duration deadline = absl::InfiniteDuration();
  };

  void TakeNext(absl::Duration now, Actions& out);  // pauses others for the first in the queue
  void GrantIfQuiet(Actions& out);
  // Changes to a state that is not paused, saying so to a member that is.
  static void Set(State state, int id, Member& member, Actions& out);

  const absl::Duration pause_grace_;
  std::map<int, Member> members_;
  std::deque<int> queue_;  // the first holds the device, or is about to
};

}  // namespace cambrian
