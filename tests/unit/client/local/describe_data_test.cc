#include "client/local/describe_data.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

DataSpec BelowRoot() {
  DataSpec data;
  data.root = "sets";
  data.path = "mnist/raw";
  return data;
}

TEST(LocateDataTest, ARootBecomesAPathOfThisMachine) {
  const auto data = LocateData(BelowRoot(), {"other=/x", "sets=/data/sets"});
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->path, "/data/sets/mnist/raw");
  EXPECT_EQ(data->root, "");
}

TEST(LocateDataTest, SaysWhichRootIsMissing) {
  const auto data = LocateData(BelowRoot(), {"other=/x"});
  EXPECT_TRUE(absl::IsInvalidArgument(data.status()));
  EXPECT_THAT(data.status().message(), HasSubstr("--data-root sets=PATH"));
}

TEST(LocateDataTest, DataThatTheFileDescribesNeedNoPlace) {
  DataSpec data = BelowRoot();
  data.task = Task{.input = {.channels = 1, .axes = {8, 8}}, .classes = 10};
  EXPECT_TRUE(LocateData(data, {}).ok());
}

TEST(LocateDataTest, PathsStayAsTheyAre) {
  DataSpec data;
  data.path = "/data/x.csv";
  const auto located = LocateData(data, {"sets=/data/sets"});
  ASSERT_TRUE(located.ok());
  EXPECT_EQ(located->path, "/data/x.csv");
}

TEST(LocateDataTest, RefusesARootWithoutAPath) {
  EXPECT_THAT(LocateData({}, {"sets"}).status().message(), HasSubstr("NAME=PATH"));
}

}  // namespace
}  // namespace cambrian
