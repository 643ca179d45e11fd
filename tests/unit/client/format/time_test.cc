#include "client/format/time.h"

#include "gtest/gtest.h"

namespace cambrian {
namespace {

TEST(TimeTest, DurationsAreShort) {
  EXPECT_EQ(FormatElapsed(absl::ZeroDuration()), "0:00");
  EXPECT_EQ(FormatElapsed(absl::Seconds(112)), "1:52");
  EXPECT_EQ(FormatElapsed(absl::Seconds(7387)), "2:03:07");
  EXPECT_EQ(FormatElapsed(absl::Hours(76)), "3 d 04:00");
  EXPECT_EQ(FormatElapsed(absl::Seconds(-3)), "0:00");
  EXPECT_EQ(FormatElapsed(absl::InfiniteDuration()), "∞");
}

TEST(TimeTest, WhatTookLessThanTenSecondsHasItsHundredths) {
  EXPECT_EQ(FormatTook(absl::Milliseconds(227)), "0.23 s");
  EXPECT_EQ(FormatTook(absl::Milliseconds(9'994)), "9.99 s");
  EXPECT_EQ(FormatTook(absl::Milliseconds(9'996)), "0:10");
  EXPECT_EQ(FormatTook(absl::Seconds(112)), "1:52");
  EXPECT_EQ(FormatTook(absl::Seconds(-3)), "0.00 s");
}

TEST(TimeTest, TimesAreAsShortAsTheyCanBe) {
  const absl::TimeZone zone = absl::UTCTimeZone();
  const auto at = [&](int year, int month, int day) {
    return absl::FromCivil(absl::CivilMinute(year, month, day, 12, 4), zone);
  };
  const absl::Time now = at(2024, 5, 3);
  EXPECT_EQ(FormatWhen(at(2024, 5, 3), now, zone), "12:04");
  EXPECT_EQ(FormatWhen(at(2024, 4, 3), now, zone), "3 Apr 12:04");
  EXPECT_EQ(FormatWhen(at(2023, 4, 3), now, zone), "2023-04-03");
  EXPECT_EQ(FormatUtc(now + absl::Milliseconds(5)), "2024-05-03T12:04:00.005Z");
}

}  // namespace
}  // namespace cambrian
