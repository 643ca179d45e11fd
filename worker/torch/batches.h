// Batches out of bytes: normalised, and for training augmented, a whole batch at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/base/random.h"
#include "common/nas/recipe.h"
#include "worker/torch/dataset.h"

namespace cambrian {

// Writes normalised floats in the memory order of the examples (channels innermost). Keeps
// references to the data set; not thread-safe.
class BatchMaker {
 public:
  BatchMaker(const DataSet& data, const Examples& examples);

  // out: indices.size() examples.
  void Plain(absl::Span<const int32_t> indices, float* out);

  // The same, each example moved by up to `crop_padding` pixels (what comes in from outside is
  // black), flipped with probability 1/2, and with a square of side `cutout` set to the mean
  // (DeVries and Taylor 2017: its centre anywhere in the image), as far as the recipe says so.
  void Augmented(absl::Span<const int32_t> indices, const Recipe& recipe, Random& random,
                 float* out);

 private:
  // One image's shift in rows and columns, and whether it is flipped. Plain data.
  struct Move {
    int64_t rows = 0;
    int64_t columns = 0;
    bool flip = false;
  };

  void Copy(int32_t index, float* out) const;
  template <typename T>
  void CopyMoved(const T* example, const Move& move, float* out) const;
  void FlipRow(float* row) const;
  void CutOut(int64_t side, Random& random, float* out) const;

  const Examples& examples_;
  const int64_t height_;
  const int64_t width_;
  const int64_t channels_;
  std::vector<float> scale_;   // of a row's values: value * scale + offset
  std::vector<float> offset_;  // also what black becomes
};

// \error kInvalidArgument if the recipe augments what is not an image.
absl::Status CheckAugmentation(const Recipe& recipe, const Shape& shape);

}  // namespace cambrian
