#include "worker/torch/batches.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace cambrian {
namespace {

// out[i] = in[i] * scale[i] + offset[i]
template <typename T>
void Normalize(const T* in, int64_t count, const float* scale, const float* offset, float* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(in[i]) * scale[i] + offset[i];
}

}  // namespace

BatchMaker::BatchMaker(const DataSet& data, const Examples& examples)
    : examples_(examples),
      height_(examples.shape.axes.size() == 2 ? examples.shape.axes[0] : 1),
      width_(examples.shape.axes.empty() ? 1 : examples.shape.axes.back()),
      channels_(examples.shape.channels) {
  for (int64_t x = 0; x < width_; ++x) {
    for (int64_t c = 0; c < channels_; ++c) {
      scale_.push_back(1 / data.deviation[c]);
      offset_.push_back(-data.mean[c] / data.deviation[c]);
    }
  }
}

void BatchMaker::Plain(absl::Span<const int32_t> indices, float* out) {
  for (int32_t index : indices) {
    Copy(index, out);
    out += examples_.shape.Elements();
  }
}

void BatchMaker::Augmented(absl::Span<const int32_t> indices, const Recipe& recipe, Random& random,
                           float* out) {
  const int64_t elements = examples_.shape.Elements();
  const int64_t padding = recipe.crop_padding;
  for (int32_t index : indices) {
    Move move;
    if (padding > 0) {
      move.rows = static_cast<int64_t>(random.Below(2 * padding + 1)) - padding;
      move.columns = static_cast<int64_t>(random.Below(2 * padding + 1)) - padding;
    }
    if (recipe.flip) move.flip = random.Chance(0.5);
    if (move.rows == 0 && move.columns == 0 && !move.flip) {
      Copy(index, out);
    } else if (examples_.floats.empty()) {
      CopyMoved(examples_.bytes.data() + index * elements, move, out);
    } else {
      CopyMoved(examples_.floats.data() + index * elements, move, out);
    }
    if (recipe.cutout > 0) CutOut(recipe.cutout, random, out);
    out += elements;
  }
}

void BatchMaker::Copy(int32_t index, float* out) const {
  const int64_t row = width_ * channels_;
  const int64_t first = index * examples_.shape.Elements();
  for (int64_t y = 0; y < height_; ++y) {
    if (examples_.floats.empty()) {
      Normalize(examples_.bytes.data() + first + y * row, row, scale_.data(), offset_.data(), out);
    } else {
      Normalize(examples_.floats.data() + first + y * row, row, scale_.data(), offset_.data(), out);
    }
    out += row;
  }
}

template <typename T>
void BatchMaker::CopyMoved(const T* example, const Move& move, float* out) const {
  const int64_t row = width_ * channels_;
  // Columns [begin, end) of the result come from the image, shifted by `columns`.
  const int64_t begin = std::clamp<int64_t>(-move.columns, 0, width_) * channels_;
  const int64_t end = std::clamp<int64_t>(width_ - move.columns, 0, width_) * channels_;
  for (int64_t y = 0; y < height_; ++y, out += row) {
    const int64_t source = y + move.rows;
    if (source < 0 || source >= height_ || begin >= end) {
      std::copy(offset_.begin(), offset_.end(), out);
      continue;
    }
    std::copy(offset_.begin(), offset_.begin() + begin, out);
    const T* const from = example + source * row + move.columns * channels_ + begin;
    Normalize(from, end - begin, scale_.data(), offset_.data(), out + begin);
    std::copy(offset_.begin() + end, offset_.end(), out + end);
    if (move.flip) FlipRow(out);
  }
}

void BatchMaker::FlipRow(float* row) const {
  for (int64_t left = 0, right = width_ - 1; left < right; ++left, --right) {
    std::swap_ranges(row + left * channels_, row + (left + 1) * channels_, row + right * channels_);
  }
}

void BatchMaker::CutOut(int64_t side, Random& random, float* out) const {
  const int64_t top = static_cast<int64_t>(random.Below(height_)) - side / 2;
  const int64_t left = static_cast<int64_t>(random.Below(width_)) - side / 2;
  const int64_t from = std::max<int64_t>(left, 0);
  const int64_t to = std::min(left + side, width_);
  for (int64_t y = std::max<int64_t>(top, 0); y < std::min(top + side, height_); ++y) {
    std::fill(out + (y * width_ + from) * channels_, out + (y * width_ + to) * channels_, 0.0f);
  }
}

absl::Status CheckAugmentation(const Recipe& recipe, const Shape& shape) {
  const bool any = recipe.crop_padding > 0 || recipe.flip || recipe.cutout > 0;
  if (!any || shape.axes.size() == 2) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "augment: crop, flip and cutout need images, the examples are ", shape.ToString()));
}

}  // namespace cambrian
