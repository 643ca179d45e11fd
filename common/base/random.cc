#include "common/base/random.h"

#include <cmath>
#include <numbers>

#include "absl/numeric/int128.h"

namespace cambrian {
namespace {

uint64_t SplitMix(uint64_t& x) {
  x += 0x9e3779b97f4a7c15u;
  uint64_t z = x;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

uint64_t RotateLeft(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

}  // namespace

Random::Random(uint64_t seed, uint64_t sequence) {
  uint64_t x = seed;
  const uint64_t mixed = SplitMix(x);
  x = mixed ^ (sequence * 0xd1342543de82ef95u);
  for (uint64_t& word : state_) word = SplitMix(x);
}

uint64_t Random::Next() {
  const uint64_t result = RotateLeft(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = RotateLeft(state_[3], 45);
  return result;
}

uint64_t Random::Below(uint64_t n) {
  // Lemire 2019: multiply, and reject the few values that would bias.
  absl::uint128 product = absl::uint128(Next()) * n;
  if (absl::Uint128Low64(product) < n) {
    const uint64_t threshold = -n % n;
    while (absl::Uint128Low64(product) < threshold) product = absl::uint128(Next()) * n;
  }
  return absl::Uint128High64(product);
}

double Random::Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

double Random::Normal() {
  const double u = 1 - Uniform();
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * Uniform());
}

}  // namespace cambrian
