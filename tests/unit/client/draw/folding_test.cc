#include "client/draw/folding.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/hand_built.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using testing::HandBuilt;

// How many times each repeat stands, with its name: "cell × 5".
std::vector<std::string> Repeats(const Network& network) {
  std::vector<std::string> texts;
  for (const Repeat& repeat : FoldRepeats(network).repeats) {
    texts.push_back(absl::StrCat(repeat.name, " × ", repeat.times));
  }
  return texts;
}

// Blocks of relu and convolution at the places `places`, each with these channels.
Network Blocks(const std::vector<std::string>& places, const std::vector<int64_t>& channels) {
  HandBuilt builder({4, {8, 8}});
  int last = HandBuilt::kInput;
  for (size_t i = 0; i < places.size(); ++i) {
    builder.SetPlace(places[i] + ".");
    last = builder.Conv(builder.Relu(last), channels[i], 3);
  }
  builder.SetPlace("");
  builder.Head(last, 10);
  return builder.Build();
}

TEST(FoldingTest, FoldsTheCellsOfEachStage) {
  const auto network =
      testing::Nb201Network({"conv3x3", "skip", "avg_pool3x3", "conv1x1", "none", "conv3x3"});
  EXPECT_THAT(Repeats(*network), ElementsAre("cell × 5", "cell × 5", "cell × 5"));
}

TEST(FoldingTest, WhatIsFoldedStandsForTheFirst) {
  const Network network = Blocks({"a.0", "a.1", "a.2"}, {4, 4, 4});
  const Folding folding = FoldRepeats(network);
  EXPECT_THAT(folding.stands_for, ElementsAre(0, 1, 2, 1, 2, 1, 2, 7, 8));
  ASSERT_EQ(folding.repeats.size(), 1);
  EXPECT_EQ(folding.repeats[0].begin, 1);
  EXPECT_EQ(folding.repeats[0].end, 3);
  EXPECT_EQ(folding.repeats[0].name, "a");
}

TEST(FoldingTest, OtherArgumentsOrNamesAreNotRepeats) {
  EXPECT_THAT(Repeats(Blocks({"a_0", "a_1", "a_2"}, {4, 8, 8})), ElementsAre("a × 2"));
  EXPECT_THAT(Repeats(Blocks({"a_0", "b_0"}, {4, 4})), ElementsAre());
}

TEST(FoldingTest, BranchesAreNotRepeats) {
  HandBuilt builder({4, {8, 8}});
  std::vector<int> branches;
  for (const char* place : {"branch_0.", "branch_1."}) {
    builder.SetPlace(place);
    branches.push_back(builder.Conv(builder.Relu(HandBuilt::kInput), 4, 3));
  }
  builder.SetPlace("");
  builder.Head(builder.Sum(branches), 10);
  EXPECT_THAT(Repeats(builder.Build()), ElementsAre());
}

TEST(FoldingTest, WhatIsReadFromInsideIsNotFolded) {
  HandBuilt builder({4, {8, 8}});
  builder.SetPlace("a_0.");
  const int inside = builder.Relu(HandBuilt::kInput);
  const int first = builder.Conv(inside, 4, 3);
  builder.SetPlace("a_1.");
  const int second = builder.Conv(builder.Relu(first), 4, 3);
  builder.SetPlace("");
  builder.Head(builder.Sum({second, inside}), 10);
  EXPECT_THAT(Repeats(builder.Build()), ElementsAre());
}

TEST(FoldingTest, RepeatsStandInsideRepeats) {
  const Network network = Blocks(
      {"stage_0.layer_0", "stage_0.layer_1", "stage_1.layer_0", "stage_1.layer_1"}, {4, 4, 4, 4});
  EXPECT_THAT(Repeats(network), ElementsAre("stage × 2", "stage_0.layer × 2"));
}

// s0, s1 = s1, cell(s0, s1)
TEST(FoldingTest, FoldsCellsThatReadTheTwoBeforeThem) {
  HandBuilt builder({4, {8, 8}});
  builder.SetPlace("stem.");
  int older = builder.Conv(HandBuilt::kInput, 4, 3);
  int newer = older;
  for (int i = 0; i < 4; ++i) {
    builder.SetPlace(absl::StrCat("normal_", i, "."));
    const int out = builder.Sum({builder.Conv(older, 4, 3), builder.Conv(newer, 4, 5)});
    older = newer;
    newer = out;
  }
  builder.SetPlace("");
  builder.Head(newer, 10);
  EXPECT_THAT(Repeats(builder.Build()), ElementsAre("normal × 4"));
}

TEST(FoldingTest, NamesAPartByItsPlace) {
  EXPECT_THAT(Repeats(Blocks({"normal_2.0", "normal_2.1"}, {4, 4})), ElementsAre("normal × 2"));
  EXPECT_THAT(Repeats(Blocks({"stage.1.0", "stage.1.1"}, {4, 4})), ElementsAre("stage.1 × 2"));
  EXPECT_THAT(Repeats(Blocks({"a_1.b_0", "a_1.b_1"}, {4, 4})), ElementsAre("a_1.b × 2"));
}

TEST(FoldingTest, TheFirstMayReadOtherChannels) {
  const Network network = Blocks({"a_0", "a_1", "a_2"}, {8, 8, 8});
  EXPECT_THAT(Repeats(network), ElementsAre("a × 3"));
}

}  // namespace
}  // namespace cambrian
