#include "worker/torch/batches.h"

#include <algorithm>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

constexpr int64_t kHeight = 5;
constexpr int64_t kWidth = 4;
constexpr int64_t kChannels = 2;
constexpr int64_t kElements = kHeight * kWidth * kChannels;

// One image of values 1 … 40; channel 0 is normalised by (10, 2), channel 1 by (0, 1).
DataSet OneImage() {
  DataSet data;
  data.train.shape = {kChannels, {kHeight, kWidth}};
  for (int64_t i = 0; i < kElements; ++i) data.train.bytes.push_back(static_cast<uint8_t>(i + 1));
  data.train.labels = {0};
  data.mean = {10, 0};
  data.deviation = {2, 1};
  return data;
}

float Normalised(const DataSet& data, int64_t y, int64_t x, int64_t c) {
  const bool inside = y >= 0 && y < kHeight && x >= 0 && x < kWidth;
  const float value =
      inside ? static_cast<float>(data.train.bytes[(y * kWidth + x) * kChannels + c]) : 0.0f;
  return (value - data.mean[c]) / data.deviation[c];
}

// Whether `out` is the image moved by (dy, dx) and perhaps flipped.
bool IsMoved(const DataSet& data, const std::vector<float>& out, int64_t dy, int64_t dx,
             bool flip) {
  for (int64_t y = 0; y < kHeight; ++y) {
    for (int64_t x = 0; x < kWidth; ++x) {
      for (int64_t c = 0; c < kChannels; ++c) {
        const int64_t from = flip ? kWidth - 1 - x : x;
        const float expected = Normalised(data, y + dy, from + dx, c);
        if (std::abs(out[(y * kWidth + x) * kChannels + c] - expected) > 1e-5) return false;
      }
    }
  }
  return true;
}

TEST(BatchMakerTest, NormalisesEveryChannel) {
  const DataSet data = OneImage();
  BatchMaker maker(data, data.train);
  std::vector<float> out(kElements);
  maker.Plain(std::vector<int32_t>{0}, out.data());
  EXPECT_TRUE(IsMoved(data, out, 0, 0, false));
}

TEST(BatchMakerTest, CropsAndFlipsReachEveryPlaceAndNothingElse) {
  const DataSet data = OneImage();
  BatchMaker maker(data, data.train);
  Recipe recipe;
  recipe.crop_padding = 6;  // further than the image is wide
  recipe.flip = true;
  Random random(3);
  std::set<std::tuple<int64_t, int64_t, bool>> seen;
  for (int i = 0; i < 3000; ++i) {
    std::vector<float> out(kElements, 1e9f);
    maker.Augmented(std::vector<int32_t>{0}, recipe, random, out.data());
    bool found = false;
    for (int64_t dy = -6; dy <= 6 && !found; ++dy) {
      for (int64_t dx = -6; dx <= 6 && !found; ++dx) {
        for (const bool flip : {false, true}) {
          if (!IsMoved(data, out, dy, dx, flip)) continue;
          found = true;
          seen.insert({dy, dx, flip});
          break;
        }
      }
    }
    ASSERT_TRUE(found) << i;
  }
  // All that leave at least a pixel inside: 9 × 7 places, each flipped and not.
  EXPECT_GE(seen.size(), 9u * 7u * 2u);
}

TEST(BatchMakerTest, CutoutSetsASquareToTheMean) {
  const DataSet data = OneImage();
  BatchMaker maker(data, data.train);
  Recipe recipe;
  recipe.cutout = 2;
  Random random(3);
  size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    std::vector<float> plain(kElements), out(kElements);
    maker.Plain(std::vector<int32_t>{0}, plain.data());
    maker.Augmented(std::vector<int32_t>{0}, recipe, random, out.data());
    size_t changed = 0;
    for (int64_t j = 0; j < kElements; ++j) {
      if (out[j] == plain[j]) continue;
      EXPECT_EQ(out[j], 0);
      ++changed;
    }
    most = std::max(most, changed);
  }
  EXPECT_EQ(most, 2u * 2u * 2u);
}

TEST(BatchMakerTest, PutsExamplesOneAfterTheOther) {
  DataSet data;
  data.train.shape = {2, {}};
  data.train.floats = {1, 2, 3, 4, 5, 6};
  data.train.labels = {0, 1, 0};
  data.mean = {0, 0};
  data.deviation = {1, 2};
  BatchMaker maker(data, data.train);
  std::vector<float> out(4);
  maker.Plain(std::vector<int32_t>{2, 0}, out.data());
  EXPECT_THAT(out, testing::ElementsAre(5, 3, 1, 1));
}

TEST(BatchMakerTest, OnlyImagesAreAugmented) {
  Recipe recipe;
  EXPECT_TRUE(CheckAugmentation(recipe, {10, {}}).ok());
  recipe.flip = true;
  EXPECT_TRUE(CheckAugmentation(recipe, {3, {8, 8}}).ok());
  EXPECT_THAT(CheckAugmentation(recipe, {10, {}}).message(), testing::HasSubstr("need images"));
}

}  // namespace
}  // namespace cambrian
