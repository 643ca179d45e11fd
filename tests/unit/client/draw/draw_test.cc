#include "client/draw/draw.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/hand_built.h"

namespace cambrian {
namespace {

using ::testing::AllOf;
using testing::HandBuilt;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const testing::Nb201Cell kCell = {"conv3x3", "skip", "avg_pool3x3", "conv1x1", "none", "conv3x3"};

int Count(const std::string& text, const std::string& word) {
  int count = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

TEST(DrawTest, ShowsOperationsSizesDecisionsAndRepeats) {
  const std::string dot = NetworkToDot(*testing::Nb201Network(kCell), {});
  EXPECT_THAT(dot, AllOf(HasSubstr("<input 3×32×32>"), HasSubstr("<output 10>"),
                         HasSubstr("<conv 3×3, batch norm>"), HasSubstr("label=\" 16×32×32\""),
                         HasSubstr("label=<<B>cell × 5</B>>")));
  EXPECT_THAT(dot, HasSubstr("<B>relu, conv 3×3, batch norm</B>"));
  EXPECT_THAT(dot, HasSubstr(">edge_0_1</FONT>"));
  EXPECT_EQ(Count(dot, "<B>average pool 3×3</B>"), 3);  // one for each stage, not fifteen
}

TEST(DrawTest, ShowsAllWithoutFolding) {
  DrawOptions options;
  options.fold = false;
  const std::string dot = NetworkToDot(*testing::Nb201Network(kCell), options);
  EXPECT_EQ(Count(dot, "<B>average pool 3×3</B>"), 15);
  EXPECT_THAT(dot, Not(HasSubstr("cluster")));
}

TEST(DrawTest, ShowsWhatWasChosen) {
  DrawOptions options;
  options.choices = {{"cell.edge_0_1", "conv3x3"}};
  EXPECT_THAT(NetworkToDot(*testing::Nb201Network(kCell), options),
              HasSubstr(">edge_0_1: conv3x3</FONT>"));
}

TEST(DrawTest, SaysADecisionOnceAlongAPath) {
  HandBuilt builder({4, {8, 8}});
  builder.SetPlace("", {"width", "stage.0.kernel"});
  const int one = builder.Conv(builder.Conv(HandBuilt::kInput, 4, 3), 4, 3);
  const int sum = builder.Sum({one, HandBuilt::kInput});
  builder.SetPlace("", {"width", "stage.1"});
  builder.Head(builder.Conv(sum, 4, 5), 2);
  const std::string dot = NetworkToDot(builder.Build(), {});
  EXPECT_EQ(Count(dot, ">width, kernel</FONT>"), 1);
  EXPECT_EQ(Count(dot, ">stage.1</FONT>"), 1);
}

TEST(DrawTest, DrawsAnArrowForEachTimeAValueIsRead) {
  HandBuilt builder({4, {8, 8}});
  builder.Head(builder.Sum({HandBuilt::kInput, HandBuilt::kInput}), 2);
  EXPECT_EQ(Count(NetworkToDot(builder.Build(), {}), "n0 -> n1"), 2);
}

TEST(DrawTest, WritesWordsForConvolutions) {
  HandBuilt builder({4, {8, 8}});
  const int depthwise = builder.Conv(HandBuilt::kInput, 4, 5, 2, 4);
  const int separable = builder.Conv(depthwise, 8, 1);
  const int grouped = builder.Conv(separable, 8, 3, 1, 2);
  builder.Head(builder.Conv(builder.Conv(grouped, 8, 3, 1, 8), 4, 3), 2);
  EXPECT_THAT(NetworkToDot(builder.Build(), {}),
              AllOf(HasSubstr("separable conv 5×5 /2>"), HasSubstr("conv 3×3, 2 groups>"),
                    HasSubstr("depthwise conv 3×3>")));
}

TEST(DrawTest, EachFamilyHasAShapeOfItsOwn) {
  HandBuilt builder({4, {8, 8}});
  const int pool = builder.Pool(OperationKind::kMaxPool, HandBuilt::kInput, 3);
  const int sum = builder.Sum({pool, builder.Relu(pool), builder.BatchNorm(pool)});
  builder.Head(builder.Conv(sum, 4, 3), 2);
  const std::string dot = NetworkToDot(builder.Build(), {});
  for (const char* look : {"oval, style=filled", "box, style=filled", "box, style=\"diagonals",
                           "box, style=\"rounded", "note", "circle", "hexagon"}) {
    EXPECT_THAT(dot, HasSubstr(absl::StrCat("shape=", look)));
  }
}

TEST(DrawTest, GivesAnSvg) {
  const absl::StatusOr<std::string> svg = DrawNetwork(*testing::Nb201Network(kCell), {});
  ASSERT_TRUE(svg.ok()) << svg.status();
  EXPECT_THAT(*svg, AllOf(StartsWith("<?xml"), HasSubstr("cell × 5"), HasSubstr("</svg>")));
}

TEST(DrawTest, DrawsOneAfterTheOther) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(DrawNetwork(*testing::Nb201Network(kCell), {}).ok());
}

TEST(DrawTest, EscapesWhatPeopleWrite) {
  DrawOptions options;
  options.title = "a <b> & \"c\"\x01 }];";
  options.choices = {{"cell.edge_0_1", "<script>"}};
  const absl::StatusOr<std::string> svg = DrawNetwork(*testing::Nb201Network(kCell), options);
  ASSERT_TRUE(svg.ok()) << svg.status();
  EXPECT_THAT(*svg, AllOf(Not(HasSubstr("<script>")), HasSubstr("&lt;script&gt;"),
                          HasSubstr("a &lt;b&gt; &amp;")));
}

TEST(DrawTest, RefusesWhatNoPictureCanShow) {
  HandBuilt builder({4, {8, 8}});
  int last = HandBuilt::kInput;
  for (int i = 0; i < 20'000; ++i) last = builder.Conv(last, 4, 3);
  builder.Head(last, 2);
  const absl::Status status = DrawNetwork(builder.Build(), {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("20003 operations is too large to draw"));
}

}  // namespace
}  // namespace cambrian
