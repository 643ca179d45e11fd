#include "worker/agent/backoff.h"

#include "gtest/gtest.h"

namespace cambrian {
namespace {

TEST(BackoffTest, DoublesWithinBoundsAndStartsAnew) {
  Backoff backoff(absl::Milliseconds(100), absl::Seconds(1), 1);
  for (absl::Duration most :
       {absl::Milliseconds(100), absl::Milliseconds(200), absl::Milliseconds(400),
        absl::Milliseconds(800), absl::Seconds(1), absl::Seconds(1)}) {
    const absl::Duration wait = backoff.Next();
    EXPECT_GE(wait, most / 2);
    EXPECT_LE(wait, most);
  }
  backoff.Reset();
  EXPECT_LE(backoff.Next(), absl::Milliseconds(100));
}

TEST(BackoffTest, WorkersDoNotComeBackAtOnce) {
  Backoff a(absl::Seconds(1), absl::Seconds(1), 1);
  Backoff b(absl::Seconds(1), absl::Seconds(1), 2);
  EXPECT_NE(a.Next(), b.Next());
}

}  // namespace
}  // namespace cambrian
