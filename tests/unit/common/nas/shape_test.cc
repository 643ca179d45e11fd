#include "common/nas/shape.h"

#include "gtest/gtest.h"

namespace cambrian {
namespace {

TEST(ShapeTest, CountsElements) {
  EXPECT_EQ((Shape{7, {}}).Elements(), 7);
  EXPECT_EQ((Shape{7, {5}}).Elements(), 35);
  EXPECT_EQ((Shape{32, {16, 8}}).Elements(), 4096);
}

TEST(ShapeTest, IsWrittenChannelsFirst) {
  EXPECT_EQ((Shape{32, {16, 8}}).ToString(), "32×16×8");
  EXPECT_EQ((Shape{7, {}}).ToString(), "7");
}

}  // namespace
}  // namespace cambrian
