// What the built-in spaces lower to passes the door of the evaluator.
#include <string>

#include "common/base/random.h"
#include "common/nas/canonical_key.h"
#include "common/nas/network.h"
#include "gtest/gtest.h"
#include "tests/testing/spaces.h"

namespace cambrian {
namespace {

class BuiltInSpacesTest : public ::testing::TestWithParam<std::string> {};

TEST_P(BuiltInSpacesTest, WhatItLowersToIsReadBackFromJson) {
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

INSTANTIATE_TEST_SUITE_P(All, BuiltInSpacesTest, ::testing::ValuesIn(BuiltinSpaces()),
                         [](const auto& info) { return info.param; });

// `text` with nodes 2 and 3 of DARTS's normal cell exchanged: in the name of a decision
// ("edge_2_4", "from_3") or in a set of sources ("0+3"), which stays sorted.
std::string Exchange(std::string text) {
  for (char& c : text) c = c == '2' ? '3' : c == '3' ? '2' : c;
  if (text == "3+2") text = "2+3";
  return text;
}

TEST(BuiltInSpaceTest, RenumberedNodesOfADartsCellAreTwins) {
  const auto space = testing::Builtin("darts");
  ASSERT_NE(space, nullptr);
  const Task task{{3, {32, 32}}, 10};
  Random random(2);
  int twins = 0;
  for (int draw = 0; draw < 200; ++draw) {
    const nlohmann::ordered_json one = space->ToJson(space->Sample(random));
    if (one["normal.from_3"] != "0+1") continue;  // 3 reads 2
    nlohmann::ordered_json other = one;
    for (const auto& [name, value] : one.items()) {
      if (name.rfind("normal.", 0) == 0) other.erase(name);
    }
    for (const auto& [name, value] : one.items()) {
      if (name.rfind("normal.", 0) != 0) continue;
      const bool is_set = name.rfind("normal.from", 0) == 0;
      other[Exchange(name)] =
          is_set ? nlohmann::ordered_json(Exchange(value.get<std::string>())) : value;
    }
    const absl::StatusOr<Architecture> twin = space->FromJson(other);
    ASSERT_TRUE(twin.ok()) << twin.status() << other;
    EXPECT_EQ(KeyOf(space->Lower(*space->FromJson(one), task).value()),
              KeyOf(space->Lower(*twin, task).value()));
    twins += *twin == *space->FromJson(one) ? 0 : 1;
  }
  EXPECT_GT(twins, 20);
}

}  // namespace
}  // namespace cambrian
