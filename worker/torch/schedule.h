// The learning rate over a training.
#pragma once

#include <cstdint>

#include "common/nas/recipe.h"

namespace cambrian {

// The steps of a training. Plain data.
struct Steps {
  int64_t total = 1;
  int64_t per_epoch = 1;
};

// For `examples` training examples: whole batches only (one, if there are fewer examples than a
// batch holds), `recipe.epochs` of them rounded, at least one.
Steps CountSteps(const Recipe& recipe, int64_t examples);

// Of step `step`, 0 … total - 1. Warm-up rises linearly to `recipe.lr`; the schedule runs over what
// follows it (cosine to zero: Loshchilov and Hutter 2017, without restarts).
double LearningRate(const Recipe& recipe, int64_t step, const Steps& steps);

}  // namespace cambrian
