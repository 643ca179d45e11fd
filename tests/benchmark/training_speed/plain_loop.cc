// The bare loop as everybody starts: glibc's allocator, contiguous tensors, fp32, one thread.
// Prints images a second. A program of its own, because an allocator is a whole program's.
#include <cstdlib>
#include <iostream>

#include "tests/benchmark/training_speed/bare_loop.h"
#include "worker/torch/backend.h"

int main(int argc, char** argv) {
  cambrian::SetThreads(1);
  const int steps = argc > 1 ? std::atoi(argv[1]) : 40;
  std::cout << cambrian::ImagesPerSecond({}, steps) << std::endl;
  return 0;
}
