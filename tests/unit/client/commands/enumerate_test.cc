#include "client/commands/enumerate.h"

#include <set>

#include "client/commands/space_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/studies.h"

namespace cambrian {
namespace {

TEST(EnumerateTest, GivesEveryArchitectureOnceInOrder) {
  const auto study = TestStudy();
  std::vector<std::vector<std::string>> rows;
  ASSERT_TRUE(Enumerate(*study->space, [&](const Architecture& architecture) {
                EXPECT_TRUE(study->space->Validate(architecture).ok());
                rows.push_back(DecisionValues(*study->space, architecture));
              }).ok());
  EXPECT_EQ(rows.size(), 27u);
  EXPECT_EQ(std::set(rows.begin(), rows.end()).size(), 27u);
  EXPECT_THAT(rows[0], testing::ElementsAre("none", "none", "none"));
  EXPECT_THAT(rows[1], testing::ElementsAre("none", "none", "skip"));
}

TEST(EnumerateTest, LargeSpacesAreRefused) {
  const auto darts = LoadSpace("darts", {});
  ASSERT_TRUE(darts.ok()) << darts.status();
  EXPECT_TRUE(absl::IsInvalidArgument(CheckEnumerable(**darts)));
}

TEST(SpaceTextTest, ShapesAreWrittenWithAnX) {
  EXPECT_EQ(*ParseShape("3x32x32"), (Shape{.channels = 3, .axes = {32, 32}}));
  EXPECT_EQ(*ParseShape("64"), (Shape{.channels = 64, .axes = {}}));
  EXPECT_FALSE(ParseShape("3x").ok());
  EXPECT_FALSE(ParseShape("3x0x2").ok());
}

TEST(SpaceTextTest, AMistypedSpaceGetsASuggestion) {
  EXPECT_NE(std::string(LoadSpace("dart", {}).status().message()).find("did you mean \"darts\""),
            std::string::npos);
}

}  // namespace
}  // namespace cambrian
