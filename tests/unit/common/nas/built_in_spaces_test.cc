// What the built-in spaces lower to passes the door of the evaluator.
#include <string>

#include "common/base/random.h"
#include "common/nas/canonical_key.h"
#include "common/nas/network.h"
#include "gtest/gtest.h"
#include "tests/testing/spaces.h"

namespace cambrian {
namespace {

class BuiltInSpaceTest : public ::testing::TestWithParam<std::string> {};

TEST_P(BuiltInSpaceTest, WhatItLowersToIsReadBackFromJson) {
  const auto space = testing::Builtin(GetParam());
  ASSERT_NE(space, nullptr);
  Random random(1);
  int lowered = 0;
  for (int draw = 0; draw < 100; ++draw) {
    const absl::StatusOr<Network> network =
        space->Lower(space->Sample(random), Task{{3, {32, 32}}, 10});
    if (!network.ok()) continue;
    ++lowered;
    const absl::StatusOr<Network> read = NetworkFromJson(ToJson(*network));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(KeyOf(*read), KeyOf(*network));
    EXPECT_EQ(read->Parameters(), network->Parameters());
    EXPECT_EQ(read->Macs(), network->Macs());
    EXPECT_EQ(read->PeakMemoryBytes(), network->PeakMemoryBytes());
  }
  EXPECT_GT(lowered, 90);
}

INSTANTIATE_TEST_SUITE_P(All, BuiltInSpaceTest, ::testing::ValuesIn(BuiltinSpaces()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace cambrian
