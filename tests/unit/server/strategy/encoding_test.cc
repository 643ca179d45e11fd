#include "server/strategy/encoding.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/spaces.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;

constexpr char kMixed[] = R"(
parameters:
  width: {choose: [16, 32, 64]}
  kind: {choose: [relu, gelu, tanh]}
network:
  - linear: {out: $width}
  - $kind
  - choose:
      plain: skip
      deep: {linear: {out: {range: [8, 40], step: 8}}}
    name: more
  - head
)";

class EncodingTest : public ::testing::Test {
 protected:
  EncodingTest() {
    const testing::ReadSpace read = testing::Read(kMixed);
    EXPECT_NE(read.space, nullptr) << read.errors;
    space_ = read.space;
  }
  Architecture Make(const nlohmann::json& json) const { return space_->FromJson(json).value(); }
  // The L1 distance of the codes.
  double Apart(const nlohmann::json& a, const nlohmann::json& b) const {
    const DecisionEncoder encoder(*space_);
    return (encoder.Encode(Make(a)) - encoder.Encode(Make(b))).abs().sum();
  }

  std::shared_ptr<const SearchSpace> space_;
};

TEST_F(EncodingTest, DecisionsThatDifferCountOneNumbersByTheirPlace) {
  const nlohmann::json base = {{"width", 16}, {"kind", "relu"}, {"more", "plain"}};
  nlohmann::json other = base;
  EXPECT_EQ(Apart(base, other), 0);
  other["kind"] = "tanh";
  EXPECT_NEAR(Apart(base, other), 1, 1e-6);
  other["width"] = 64;
  EXPECT_NEAR(Apart(base, other), 2, 1e-6);
  other["width"] = 32;
  EXPECT_GT(Apart(base, other), 1.2);
  EXPECT_LT(Apart(base, other), 1.6);
}

TEST_F(EncodingTest, ADecisionThatExistsInOneOnlyDiffers) {
  const nlohmann::json plain = {{"width", 16}, {"kind", "relu"}, {"more", "plain"}};
  const nlohmann::json small = {
      {"width", 16}, {"kind", "relu"}, {"more", "deep"}, {"more.deep.out", 8}};
  nlohmann::json large = small;
  large["more.deep.out"] = 40;
  EXPECT_NEAR(Apart(small, large), 1, 1e-6);
  EXPECT_NEAR(Apart(plain, small), 2, 1e-6);  // the option, and the decision that it opens
}

TEST(ArchitectureDistanceTest, IsOneOnAverageAndZeroToItself) {
  const auto space = testing::Builtin("nasbench201");
  for (const Likeness likeness :
       {Likeness::kHamming, Likeness::kPaths, Likeness::kRefined, Likeness::kCombined}) {
    const ArchitectureDistance distance(*space, likeness);
    Random random(5);
    double sum = 0;
    constexpr int kPairs = 400;
    for (int i = 0; i < kPairs; ++i) {
      const Encoded a = distance.Encode(space->Sample(random));
      const Encoded b = distance.Encode(space->Sample(random));
      EXPECT_EQ(distance(a, a), 0);
      EXPECT_EQ(distance(a, b), distance(b, a));
      sum += distance(a, b);
    }
    EXPECT_NEAR(sum / kPairs, 1, 0.1);
  }
}

TEST(ArchitectureDistanceTest, TheWaysThroughSeeNoDifferenceWhereTheNetworksAreTheSame) {
  const auto space = testing::Builtin("nasbench201");
  const auto cell = [&](const char* a, const char* b) {
    return space
        ->FromJson({{"edge_0_1", a},
                    {"edge_0_2", "none"},
                    {"edge_1_2", b},
                    {"edge_0_3", "none"},
                    {"edge_1_3", "none"},
                    {"edge_2_3", "skip"}})
        .value();
  };
  const ArchitectureDistance paths(*space, Likeness::kPaths);
  EXPECT_EQ(paths(paths.Encode(cell("conv3x3", "skip")), paths.Encode(cell("skip", "conv3x3"))), 0);
  const ArchitectureDistance hamming(*space, Likeness::kHamming);
  EXPECT_GT(
      hamming(hamming.Encode(cell("conv3x3", "skip")), hamming.Encode(cell("skip", "conv3x3"))), 0);
}

TEST(ArchitectureDistanceTest, CombinedIsHalfTheDecisionsAndHalfTheWays) {
  const auto space = testing::Builtin("nasbench201");
  const ArchitectureDistance combined(*space, Likeness::kCombined);
  const ArchitectureDistance hamming(*space, Likeness::kHamming);
  const ArchitectureDistance paths(*space, Likeness::kPaths);
  Random random(5);
  for (int i = 0; i < 20; ++i) {
    const Architecture a = space->Sample(random);
    const Architecture b = space->Sample(random);
    const auto between = [&](const ArchitectureDistance& distance) {
      return distance(distance.Encode(a), distance.Encode(b));
    };
    EXPECT_NEAR(between(combined), (between(hamming) + between(paths)) / 2, 1e-5);
  }
}

TEST(ArchitectureDistanceTest, CombinedTakesTheDecisionsWhereThereIsNoGraph) {
  const auto space = testing::Builtin("mobile");
  Random random(5);
  const Architecture a = space->Sample(random);
  const Architecture b = space->Sample(random);
  const ArchitectureDistance combined(*space, Likeness::kCombined);
  const ArchitectureDistance hamming(*space, Likeness::kHamming);
  EXPECT_EQ(combined(combined.Encode(a), combined.Encode(b)),
            hamming(hamming.Encode(a), hamming.Encode(b)));
}

TEST(LikenessesTest, FollowTheSpace) {
  EXPECT_THAT(LikenessesOf(*testing::Builtin("nasbench201")),
              ElementsAre(Likeness::kPaths, Likeness::kRefined, Likeness::kHamming));
  EXPECT_THAT(LikenessesOf(*testing::Builtin("mobile")), ElementsAre(Likeness::kHamming));
}

}  // namespace
}  // namespace cambrian
