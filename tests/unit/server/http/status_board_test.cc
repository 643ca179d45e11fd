#include "server/http/status_board.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fake_clock.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

class StatusBoardTest : public ::testing::Test {
 protected:
  void HearAll() {
    CoordinatorStatus status;
    status.active = true;
    board_.Hear(status);
    board_.HearStore(absl::OkStatus());
  }
  std::string Why() const { return std::string(board_.Health().message()); }

  testing::FakeClock clock_;
  StatusBoard board_{clock_};
};

TEST_F(StatusBoardTest, IsHealthyOnlyOnceBothHaveAnswered) {
  EXPECT_FALSE(board_.Health().ok());
  HearAll();
  EXPECT_TRUE(board_.Health().ok());
}

TEST_F(StatusBoardTest, AStandByIsNotHealthy) {
  HearAll();
  board_.Hear({});
  EXPECT_THAT(Why(), HasSubstr("standing by"));
}

TEST_F(StatusBoardTest, AStoreThatFailsIsSaid) {
  HearAll();
  board_.HearStore(absl::UnavailableError("connection refused"));
  EXPECT_THAT(Why(), HasSubstr("the store is away: connection refused"));
}

TEST_F(StatusBoardTest, SilenceIsNotHealth) {
  HearAll();
  clock_.Advance(absl::Seconds(11));
  EXPECT_THAT(Why(), HasSubstr("store has not answered"));
  board_.HearStore(absl::OkStatus());
  EXPECT_THAT(Why(), HasSubstr("decision loop"));
}

TEST_F(StatusBoardTest, AServerThatGoesDownSaysSo) {
  HearAll();
  board_.Drain();
  EXPECT_THAT(Why(), HasSubstr("going down"));
}

TEST(PulseTest, LooksAtOnceWhenItIsWoken) {
  Mutex mutex;
  CondVar looked;
  int looks = 0;
  const auto wait_for = [&](int count) {
    MutexLock lock(&mutex);
    while (looks < count) looked.Wait(&mutex);
  };
  Pulse pulse(
      [&] {
        MutexLock lock(&mutex);
        ++looks;
        looked.Signal();
      },
      absl::Hours(1));
  wait_for(1);
  pulse.WakeUp();
  wait_for(2);
}

}  // namespace
}  // namespace cambrian
