// Data that a small network learns in a second.
#pragma once

#include <cstdint>

#include "common/base/random.h"
#include "tests/testing/hand_built.h"
#include "worker/torch/dataset.h"

namespace cambrian {

// Grey 8 × 8 noise with a bright stripe across: horizontal (class 0) or vertical (1).
inline Examples Stripes(int count, uint64_t seed) {
  Random random(seed);
  Examples examples;
  examples.shape = {1, {8, 8}};
  for (int i = 0; i < count; ++i) {
    const int label = i % 2;
    const uint64_t at = random.Below(8);
    for (uint64_t y = 0; y < 8; ++y) {
      for (uint64_t x = 0; x < 8; ++x) {
        const bool bright = (label == 0 ? y : x) == at;
        examples.bytes.push_back(static_cast<uint8_t>(random.Below(120) + (bright ? 100 : 0)));
      }
    }
    examples.labels.push_back(label);
  }
  return examples;
}

inline DataSet StripesData() {
  DataSet data;
  data.train = Stripes(400, 1);
  data.test = Stripes(100, 2);
  data.classes = 2;
  data.mean = {70};
  data.deviation = {40};
  return data;
}

inline Network SmallNetwork() {
  testing::HandBuilt builder({1, {8, 8}});
  builder.Then(OperationKind::kConv, {.out = 8, .kernel = 3});
  builder.Then(OperationKind::kBatchNorm);
  builder.Then(OperationKind::kRelu);
  builder.Then(OperationKind::kMaxPool, {.kernel = 2, .stride = 2});
  builder.Then(OperationKind::kConv, {.out = 16, .kernel = 3});
  builder.Then(OperationKind::kBatchNorm);
  builder.Then(OperationKind::kRelu);
  builder.Then(OperationKind::kDropout, {.rate = 0.1});
  return builder.Classifier(2);
}

}  // namespace cambrian
