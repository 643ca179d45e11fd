#include "worker/evaluator/device_gate.h"

#include <deque>
#include <optional>

#include "common/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Action = DeviceGate::Action;
using Kind = Action::Kind;

constexpr absl::Duration kGrace = absl::Seconds(5);
constexpr absl::Duration kStart = absl::Seconds(100);

TEST(DeviceGateTest, GrantsAtOnceToOneThatIsAlone) {
  DeviceGate gate(kGrace);
  gate.Join(1);
  EXPECT_THAT(gate.Acquire(1, kStart), ElementsAre(Action{Kind::kGrant, 1}));
  EXPECT_FALSE(gate.Idle());
  EXPECT_THAT(gate.Release(1, kStart), IsEmpty());
  EXPECT_TRUE(gate.Idle());
}

TEST(DeviceGateTest, PausesTheOthersFirstAndResumesThemAfterwards) {
  DeviceGate gate(kGrace);
  for (int member : {1, 2, 3}) gate.Join(member);
  EXPECT_THAT(gate.Acquire(2, kStart),
              ElementsAre(Action{Kind::kPause, 1}, Action{Kind::kPause, 3}));
  EXPECT_THAT(gate.Paused(3), IsEmpty());
  EXPECT_THAT(gate.Paused(1), ElementsAre(Action{Kind::kGrant, 2}));
  EXPECT_THAT(gate.Release(2, kStart),
              ElementsAre(Action{Kind::kResume, 1}, Action{Kind::kResume, 3}));
}

TEST(DeviceGateTest, ServesInOrderAndKeepsTheOthersPausedInBetween) {
  DeviceGate gate(kGrace);
  for (int member : {1, 2, 3}) gate.Join(member);
  gate.Acquire(1, kStart);
  // Asked while it was told to pause: it waits, which is quiet enough.
  EXPECT_THAT(gate.Acquire(2, kStart), ElementsAre(Action{Kind::kResume, 2}));
  EXPECT_THAT(gate.Paused(3), ElementsAre(Action{Kind::kGrant, 1}));
  EXPECT_THAT(gate.Release(1, kStart), ElementsAre(Action{Kind::kPause, 1}));
  EXPECT_THAT(gate.Paused(1), ElementsAre(Action{Kind::kGrant, 2}));
  EXPECT_THAT(gate.Release(2, kStart),
              ElementsAre(Action{Kind::kResume, 1}, Action{Kind::kResume, 3}));
}

TEST(DeviceGateTest, FreezesOneThatDoesNotAnswer) {
  DeviceGate gate(kGrace);
  gate.Join(1);
  gate.Join(2);
  EXPECT_EQ(gate.Deadline(), absl::InfiniteDuration());
  gate.Acquire(1, kStart);
  EXPECT_EQ(gate.Deadline(), kStart + kGrace);
  EXPECT_THAT(gate.Tick(kStart + kGrace - absl::Milliseconds(1)), IsEmpty());
  EXPECT_THAT(gate.Tick(kStart + kGrace),
              ElementsAre(Action{Kind::kFreeze, 2}, Action{Kind::kGrant, 1}));
  EXPECT_THAT(gate.Release(1, kStart + 2 * kGrace),
              ElementsAre(Action{Kind::kThaw, 2}, Action{Kind::kResume, 2}));
}

TEST(DeviceGateTest, ALateAnswerIsNotTakenForTheNextOne) {
  DeviceGate gate(kGrace);
  gate.Join(1);
  gate.Join(2);
  gate.Acquire(1, kStart);
  gate.Tick(kStart + kGrace);  // freezes 2, which still owes an answer
  gate.Release(1, kStart + kGrace);
  EXPECT_THAT(gate.Acquire(1, kStart + kGrace), ElementsAre(Action{Kind::kPause, 2}));
  EXPECT_THAT(gate.Paused(2), IsEmpty());  // to the first pause
  EXPECT_THAT(gate.Paused(2), ElementsAre(Action{Kind::kGrant, 1}));
}

TEST(DeviceGateTest, OneThatEndsGivesUpWhatItHeldOrWaitedFor) {
  DeviceGate gate(kGrace);
  for (int member : {1, 2, 3}) gate.Join(member);
  gate.Acquire(1, kStart);
  gate.Acquire(2, kStart);
  gate.Paused(3);
  EXPECT_THAT(gate.Leave(1, kStart), ElementsAre(Action{Kind::kGrant, 2}));
  EXPECT_THAT(gate.Forget(2, kStart), ElementsAre(Action{Kind::kResume, 3}));
  EXPECT_TRUE(gate.Idle());
}

TEST(DeviceGateTest, OneThatEndsIsWaitedForNoLonger) {
  DeviceGate gate(kGrace);
  gate.Join(1);
  gate.Join(2);
  gate.Acquire(1, kStart);
  EXPECT_THAT(gate.Leave(2, kStart),
              ElementsAre(Action{Kind::kResume, 2}, Action{Kind::kGrant, 1}));
}

TEST(DeviceGateTest, IgnoresWhatMakesNoSense) {
  DeviceGate gate(kGrace);
  EXPECT_THAT(gate.Acquire(7, kStart), IsEmpty());
  EXPECT_THAT(gate.Release(7, kStart), IsEmpty());
  EXPECT_THAT(gate.Paused(7), IsEmpty());
  EXPECT_THAT(gate.Leave(7, kStart), IsEmpty());
  gate.Join(1);
  gate.Join(2);
  EXPECT_THAT(gate.Release(1, kStart), IsEmpty());
  EXPECT_THAT(gate.Paused(1), IsEmpty());
  gate.Acquire(1, kStart);
  EXPECT_THAT(gate.Acquire(1, kStart), IsEmpty());
  EXPECT_THAT(gate.Release(2, kStart), IsEmpty());
}

// Evaluators that follow the protocol, messages that take their time, and some that hang, crash
// and finish whenever they like.
class World {
 public:
  explicit World(uint64_t seed) : random_(seed), gate_(kGrace), evaluators_(4) {}

  void Step() {
    const int i = static_cast<int>(random_.Below(evaluators_.size()));
    Evaluator& e = evaluators_[i];
    switch (random_.Below(8)) {
      case 0:
        if (!e.busy && gate_.Idle()) {
          gate_.Join(i);
          e.busy = true;
          e.inbox.push_back(kStartJob);
        }
        break;
      case 1:
      case 2:
        Deliver(i);
        break;
      case 3:
      case 4:
        Receive(i);
        break;
      case 5:
        Act(i);
        break;
      case 6:
        now_ += absl::Milliseconds(static_cast<int64_t>(random_.Below(2000)));
        Apply(gate_.Tick(now_));
        break;
      default:
        if (random_.Below(20) == 0) Crash(i);
    }
    CheckThatMeasurementsAreAlone();
  }

  // Everybody works in turn until nothing is left to do.
  void Finish() {
    for (int round = 0; round < 400; ++round) {
      for (int i = 0; i < static_cast<int>(evaluators_.size()); ++i) {
        Receive(i);
        if (evaluators_[i].mode != kWaiting) Act(i);
        Deliver(i);
        CheckThatMeasurementsAreAlone();
      }
    }
    EXPECT_TRUE(gate_.Idle());
    EXPECT_TRUE(queue_.empty());
    for (const Evaluator& e : evaluators_) {
      EXPECT_EQ(e.mode, kIdle);
      EXPECT_FALSE(e.paused);
      EXPECT_FALSE(e.frozen);
    }
  }

  int granted() const { return granted_; }
  int frozen() const { return frozen_; }

 private:
  enum Mode { kIdle, kTraining, kWaiting, kMeasuring };
  enum ToEvaluator { kStartJob, kPause, kResume, kAcquired };
  enum FromEvaluator { kPausedNow, kAcquire, kRelease, kEnd };
  struct Evaluator {
    bool busy = false;  // as the pool sees it
    Mode mode = kIdle;  // as it is
    bool paused = false;
    bool frozen = false;
    std::deque<ToEvaluator> inbox;
    std::deque<FromEvaluator> outbox;
  };

  void Apply(const DeviceGate::Actions& actions) {
    for (const Action& action : actions) {
      Evaluator& e = evaluators_[action.member];
      switch (action.kind) {
        case Kind::kPause:
          e.inbox.push_back(kPause);
          break;
        case Kind::kResume:
          e.inbox.push_back(kResume);
          break;
        case Kind::kGrant:
          ASSERT_FALSE(queue_.empty());
          EXPECT_EQ(queue_.front(), action.member);
          queue_.pop_front();
          ++granted_;
          e.inbox.push_back(kAcquired);
          break;
        case Kind::kFreeze:
          EXPECT_FALSE(e.frozen);
          e.frozen = true;
          ++frozen_;
          break;
        case Kind::kThaw:
          EXPECT_TRUE(e.frozen);
          e.frozen = false;
          break;
      }
    }
  }

  // The evaluator reads its next message.
  void Receive(int i) {
    Evaluator& e = evaluators_[i];
    if (e.inbox.empty() || e.frozen) return;
    const ToEvaluator message = e.inbox.front();
    e.inbox.pop_front();
    switch (message) {
      case kStartJob:
        EXPECT_FALSE(e.paused);
        EXPECT_EQ(e.mode, kIdle);
        e.mode = kTraining;
        break;
      case kPause:
        EXPECT_FALSE(e.paused);
        e.paused = true;
        e.outbox.push_back(kPausedNow);
        break;
      case kResume:
        EXPECT_TRUE(e.paused);
        e.paused = false;
        break;
      case kAcquired:
        EXPECT_FALSE(e.paused);
        EXPECT_EQ(e.mode, kWaiting);
        e.mode = kMeasuring;
        break;
    }
  }

  // The evaluator goes on with its work.
  void Act(int i) {
    Evaluator& e = evaluators_[i];
    if (e.paused || e.frozen) return;
    if (e.mode == kTraining && random_.Chance(0.5)) {
      e.mode = kWaiting;
      e.outbox.push_back(kAcquire);
    } else if (e.mode == kMeasuring && random_.Chance(0.8)) {
      e.mode = kTraining;
      e.outbox.push_back(kRelease);
    } else if (e.mode == kTraining || e.mode == kMeasuring) {  // a result says release, too
      e.mode = kIdle;
      e.outbox.push_back(kEnd);
    }
  }

  // The pool reads the evaluator's next message.
  void Deliver(int i) {
    Evaluator& e = evaluators_[i];
    if (e.outbox.empty()) return;
    const FromEvaluator message = e.outbox.front();
    e.outbox.pop_front();
    switch (message) {
      case kPausedNow:
        return Apply(gate_.Paused(i));
      case kAcquire:
        queue_.push_back(i);
        return Apply(gate_.Acquire(i, now_));
      case kRelease:
        return Apply(gate_.Release(i, now_));
      case kEnd:
        e.busy = false;
        return Apply(gate_.Leave(i, now_));
    }
  }

  void Crash(int i) {
    queue_.erase(std::remove(queue_.begin(), queue_.end(), i), queue_.end());
    Apply(gate_.Forget(i, now_));
    evaluators_[i] = Evaluator{};  // another process takes its place
  }

  void CheckThatMeasurementsAreAlone() {
    for (const Evaluator& measuring : evaluators_) {
      if (measuring.mode != kMeasuring) continue;
      for (const Evaluator& other : evaluators_) {
        const bool quiet =
            other.mode == kIdle || other.mode == kWaiting || other.paused || other.frozen;
        EXPECT_TRUE(&other == &measuring || quiet);
      }
    }
  }

  Random random_;
  absl::Duration now_ = kStart;
  DeviceGate gate_;
  std::vector<Evaluator> evaluators_;
  std::deque<int> queue_;  // who asked, in order
  int granted_ = 0;
  int frozen_ = 0;
};

TEST(DeviceGateTest, RandomEvaluatorsMeasureAloneAndInOrder) {
  int granted = 0;
  int frozen = 0;
  for (uint64_t seed = 1; seed <= 200 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    for (int step = 0; step < 2000; ++step) world.Step();
    world.Finish();
    granted += world.granted();
    frozen += world.frozen();
  }
  EXPECT_GT(granted, 1000);
  EXPECT_GT(frozen, 100);
}

}  // namespace
}  // namespace cambrian
