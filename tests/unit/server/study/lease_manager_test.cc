#include "server/study/lease_manager.h"

#include <algorithm>
#include <map>

#include "common/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

constexpr absl::Duration kTerm = absl::Seconds(30);

TEST(LeaseManagerTest, ATokenGrowsWithEveryGrant) {
  LeaseManager leases({}, 41);
  const Lease first = leases.Grant({1, 1}, "a", absl::Seconds(0)).value();
  EXPECT_EQ(first.token, 42);
  ASSERT_TRUE(leases.Release({1, 1}, 42).ok());
  EXPECT_EQ(leases.Grant({1, 1}, "b", absl::Seconds(1))->token, 43);
}

TEST(LeaseManagerTest, RefusesToGrantWhatIsHeld) {
  LeaseManager leases({}, 0);
  ASSERT_TRUE(leases.Grant({1, 1}, "a", absl::Seconds(0)).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(leases.Grant({1, 1}, "b", absl::Seconds(0)).status()));
  EXPECT_EQ(leases.last_token(), 1);
}

TEST(LeaseManagerTest, RefusesAReportOnceANewerTokenExists) {
  LeaseManager leases({}, 0);
  ASSERT_TRUE(leases.Grant({1, 1}, "a", absl::Seconds(0)).ok());
  leases.TakeExpired(kTerm);
  ASSERT_EQ(leases.Grant({1, 1}, "b", kTerm)->token, 2);
  EXPECT_TRUE(absl::IsFailedPrecondition(leases.Release({1, 1}, 1)));
  EXPECT_TRUE(leases.Release({1, 1}, 2).ok());
}

TEST(LeaseManagerTest, ExpiresAfterOneTermOldestFirstAndOnce) {
  LeaseManager leases({}, 0);
  ASSERT_TRUE(leases.Grant({1, 2}, "a", absl::Seconds(0)).ok());
  ASSERT_TRUE(leases.Grant({1, 1}, "a", absl::Seconds(5)).ok());
  EXPECT_EQ(leases.NextExpiry(), kTerm);
  EXPECT_TRUE(leases.TakeExpired(kTerm - absl::Nanoseconds(1)).empty());
  const std::vector<Lease> expired = leases.TakeExpired(kTerm + absl::Seconds(5));
  ASSERT_EQ(expired.size(), 2);
  EXPECT_EQ(expired[0].assignment.trial, 2);
  EXPECT_EQ(expired[1].assignment.trial, 1);
  EXPECT_TRUE(leases.TakeExpired(absl::Hours(1)).empty());
  EXPECT_EQ(leases.NextExpiry(), std::nullopt);
}

TEST(LeaseManagerTest, OnlyTheHolderRenews) {
  LeaseManager leases({}, 0);
  ASSERT_TRUE(leases.Grant({1, 1}, "a", absl::Seconds(0)).ok());
  EXPECT_FALSE(leases.Renew(1, "b", absl::Seconds(20)));
  EXPECT_FALSE(leases.Renew(2, "a", absl::Seconds(20)));
  EXPECT_TRUE(leases.Renew(1, "a", absl::Seconds(20)));
  EXPECT_TRUE(leases.TakeExpired(kTerm).empty());
  EXPECT_EQ(leases.TakeExpired(absl::Seconds(50)).size(), 1);
}

TEST(LeaseManagerTest, ARestoredLeaseHasOneFullTermAndItsTokenIsNotGivenAgain) {
  LeaseManager leases({}, 3);
  leases.Restore({1, 1}, 9, "a", absl::Seconds(100));
  EXPECT_EQ(leases.NextExpiry(), absl::Seconds(130));
  EXPECT_EQ(leases.HeldBy("a").size(), 1);
  EXPECT_EQ(leases.Grant({1, 2}, "a", absl::Seconds(100))->token, 10);
}

TEST(LeaseManagerTest, ARenewedLeaseRunsOutOneTermAfterItsLastRenewal) {
  LeaseManager leases({}, 0);
  ASSERT_TRUE(leases.Grant({1, 1}, "a", absl::Seconds(0)).ok());
  ASSERT_TRUE(leases.Grant({1, 2}, "a", absl::Seconds(1)).ok());
  EXPECT_TRUE(leases.Renew(1, "a", absl::Seconds(10)));
  EXPECT_LE(leases.NextExpiry(), kTerm + absl::Seconds(1));  // early is allowed, late is not
  EXPECT_EQ(leases.TakeExpired(kTerm + absl::Seconds(5)).size(), 1);
  EXPECT_EQ(leases.NextExpiry(), kTerm + absl::Seconds(10));
  EXPECT_EQ(leases.TakeExpired(kTerm + absl::Seconds(10)).at(0).assignment.trial, 1);
}

TEST(LeaseManagerTest, KnowsWhatAWorkerHoldsAndHowLong) {
  LeaseManager leases({}, 0);
  EXPECT_EQ(leases.Oldest(), std::nullopt);
  ASSERT_TRUE(leases.Grant({1, 1}, "a", absl::Seconds(3)).ok());
  ASSERT_TRUE(leases.Grant({1, 2}, "b", absl::Seconds(2)).ok());
  ASSERT_TRUE(leases.Grant({1, 3}, "a", absl::Seconds(4)).ok());
  EXPECT_THAT(leases.HeldBy("a"), ::testing::ElementsAre(1, 3));
  EXPECT_THAT(leases.HeldBy("c"), ::testing::IsEmpty());
  EXPECT_EQ(leases.Find(3)->assignment.trial, 3);
  EXPECT_EQ(leases.Find(4), nullptr);
  EXPECT_EQ(leases.Oldest(), absl::Seconds(2));
}

// Against the simplest thing that could be right: a map.
TEST(LeaseManagerTest, EqualsANaiveModelOverRandomSteps) {
  Random random(17);
  LeaseManager leases({.term = absl::Seconds(10)}, 0);
  std::map<std::pair<int64_t, int64_t>, Lease> model;  // study, trial
  absl::Duration now = absl::Seconds(0);
  int64_t last_token = 0;
  const auto worker = [&] { return std::string(1, static_cast<char>('a' + random.Below(4))); };
  for (int step = 0; step < 100'000; ++step) {
    const AssignmentId id{static_cast<int64_t>(random.Below(2)),
                          static_cast<int64_t>(random.Below(6))};
    const std::pair<int64_t, int64_t> key(id.study, id.trial);
    const auto held = model.find(key);
    const std::string who = worker();
    switch (random.Below(4)) {
      case 0: {
        const auto lease = leases.Grant(id, who, now);
        ASSERT_EQ(lease.ok(), held == model.end());
        if (!lease.ok()) break;
        ASSERT_EQ(lease->token, ++last_token);
        model[key] = *lease;
        break;
      }
      case 1: {
        const int64_t token = last_token - static_cast<int64_t>(random.Below(8));
        const bool expected = held != model.end() && held->second.token == token;
        ASSERT_EQ(leases.Release(id, token).ok(), expected);
        if (expected) model.erase(held);
        break;
      }
      case 2: {
        if (held == model.end()) break;
        const bool expected = held->second.worker == who;
        ASSERT_EQ(leases.Renew(held->second.token, who, now), expected);
        if (expected) held->second.expiry = now + absl::Seconds(10);
        break;
      }
      default: {
        now += absl::Milliseconds(random.Below(2000));
        size_t expected = 0;
        for (auto it = model.begin(); it != model.end();) {
          const bool expired = it->second.expiry <= now;
          expected += expired;
          it = expired ? model.erase(it) : std::next(it);
        }
        ASSERT_EQ(leases.TakeExpired(now).size(), expected);
      }
    }
    ASSERT_EQ(leases.size(), model.size());
    ASSERT_EQ(leases.HeldBy(who).size(),
              static_cast<size_t>(std::count_if(model.begin(), model.end(), [&](const auto& entry) {
                return entry.second.worker == who;
              })));
  }
}

}  // namespace
}  // namespace cambrian
