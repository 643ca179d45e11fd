// A seedable source of random numbers that gives the same sequence on every machine.
#pragma once

#include <cstdint>

namespace cambrian {

// xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64. The standard library's
// distributions differ between implementations, so ours are here. Not thread-safe; copies continue
// independently from the same state.
class Random {
 public:
  explicit Random(uint64_t seed) : Random(seed, 0) {}
  // A stream of its own for (seed, sequence number): replaying a study draws the same numbers.
  Random(uint64_t seed, uint64_t sequence);

  uint64_t Next();
  // Uniform in [0, n); n > 0.
  uint64_t Below(uint64_t n);
  // Uniform in [0, 1).
  double Uniform();
  // Standard normal.
  double Normal();
  bool Chance(double probability) { return Uniform() < probability; }

 private:
  uint64_t state_[4];
};

}  // namespace cambrian
