#include "client/live/view.h"

#include <limits>

#include "absl/strings/str_join.h"
#include "client/format/text.h"
#include "common/wire/convert.h"
#include "gtest/gtest.h"
#include "tests/unit/client/studies.h"

namespace cambrian {
namespace {

class ViewTest : public testing::Test {
 protected:
  ViewTest() {
    summary_.set_name("fashion-1");
    summary_.set_state(v1::ACTIVE);
    summary_.set_trial_budget(40);
    *summary_.mutable_elapsed() = ToProto(absl::Seconds(0));
    summary_.set_hypervolume(std::numeric_limits<double>::quiet_NaN());
    progress_.SetSummary(summary_, absl::ZeroDuration());
  }

  void At(absl::Duration now, double hypervolume) {
    *summary_.mutable_elapsed() = ToProto(now);
    summary_.set_hypervolume(hypervolume);
    progress_.SetSummary(summary_, now);
  }
  std::string Render(absl::Duration now, int width) const {
    return absl::StrJoin(RenderLive(progress_, now, width, /*colour=*/false), "\n");
  }

  const std::unique_ptr<StudySpec> study_ = TestStudy();
  StudyProgress progress_{*study_};
  v1::Study summary_;
};

TEST_F(ViewTest, BeginsWithNothing) {
  EXPECT_EQ(Render(absl::Seconds(3), 100),
            "  0/40 trials ─────────────────────────────── 0:03\n"
            "  now    waiting for a worker");
}

TEST_F(ViewTest, ShowsAStudyAsItGoes) {
  progress_.Apply(EventOf(1, Training(1, 0, 2, 0)));
  progress_.Apply(EventOf(2, Training(2, 1, 2, 0.5)));
  EXPECT_EQ(Render(absl::Seconds(5), 100),
            "  0/40 trials ─────────────────────────────── 0:05\n"
            "  now    trial 1   starting      trial 2   epoch 1/2  accuracy 0.500 ▅");

  progress_.Apply(EventOf(3, Succeeded(1, 0.800, 0.30, 21802, true)));
  progress_.Apply(EventOf(4, Succeeded(2, 0.874, 0.41, 58122, true)));
  v1::Trial infeasible;
  infeasible.set_number(3);
  infeasible.set_state(v1::TRIAL_INFEASIBLE);
  progress_.Apply(EventOf(5, infeasible));
  v1::Trial known = Succeeded(4, 0.5, 0.9, 100, false);
  known.set_attempts(0);
  progress_.Apply(EventOf(6, known));
  progress_.Apply(EventOf(7, Training(5, 1, 2, 0.7)));
  progress_.Apply(EventOf(8, Training(5, 2, 2, 0.8)));
  At(absl::Seconds(60), 0.71);
  EXPECT_EQ(Render(absl::Seconds(60), 110),
            "  4/40 trials ━━──────────────────── 1:00, about 9:00 left · 4.00 trials/min · 1 "
            "known already · 1 infeasible\n"
            "  best   trial 2   accuracy 0.874 ± 0.006   latency 0.41 ms   parameters 58 k\n"
            "  now    trial 5   measuring latency\n"
            "  front  ●──────────────────────●   2 trials, hypervolume 0.710");
}

TEST_F(ViewTest, ANarrowTerminalGetsLess) {
  for (int i = 1; i <= 6; ++i) progress_.AddTrial(Succeeded(i, 0.8, 0.4, 100, i == 1));
  for (int i = 7; i <= 12; ++i) progress_.AddTrial(Training(i, 1, 2, 0.5));
  At(absl::Seconds(60), 0.71);
  for (int width = 20; width < 130; ++width) {
    for (const std::string& line : RenderLive(progress_, absl::Seconds(60), width, true)) {
      EXPECT_LE(DisplayWidth(line), width);
    }
  }
  EXPECT_EQ(Render(absl::Seconds(60), 60),
            "  6/40 trials ━━━──────────────────── 1:00, about 5:40 left\n"
            "  best   trial 1   accuracy 0.800 ± 0.006   latency 0.40 ms…\n"
            "  now    trial 7   epoch 1/2  accuracy 0.500 ▅   + 5\n"
            "  front  ●   1 trial, hypervolume 0.710");
}

TEST_F(ViewTest, EventsAreLines) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  EXPECT_EQ(RenderEvent(EventOf(1, Succeeded(19, 0.874, 0.41, 58122, true)), *study_, utc),
            "22:13:21 trial 19 succeeded accuracy=0.874 latency_ms=0.41 parameters=58122 (front)");
  v1::Trial failed;
  failed.set_number(3);
  failed.set_state(v1::TRIAL_FAILED);
  failed.set_reason("the evaluator \x1b[2J ended");
  EXPECT_EQ(RenderEvent(EventOf(2, failed), *study_, utc),
            "22:13:22 trial 3 failed: the evaluator �[2J ended");
  EXPECT_EQ(RenderEvent(EventOf(3, Training(4, 1, 2, 0.5)), *study_, utc), "");
}

TEST_F(ViewTest, TheHeaderSaysWhatIsSearched) {
  EXPECT_EQ(RenderHeader("fashion-1", *study_, "2 slots on this machine"),
            "fashion-1 · fashion, 3 decisions, 27 architectures · accuracy ↑, latency_ms ↓ · 2 "
            "slots on this machine");
}

}  // namespace
}  // namespace cambrian
