// The loop that people write: LibTorch's own modules and optimiser on one batch again and again, no
// data, no augmentation, no validation.
#pragma once

namespace cambrian {

struct BareLoop {
  int batch = 64;
  bool channels_last = false;
  bool bf16 = false;
};

// Images a second over `steps` steps of training the all-conv3x3 cell of NAS-Bench-201 (16
// channels, one cell a stage, CIFAR-10's shapes), after a few steps of warm-up.
double ImagesPerSecond(const BareLoop& loop, int steps);

}  // namespace cambrian
