// What a fuzz target is: one function over bytes from outside. It must not crash, hang, leak, or
// break what it states with FUZZ_CHECK.
//
// With clang (preset "fuzz") libFuzzer drives it; in every other build run_corpus.cc runs it over
// its seeds, so that a find, once kept as a seed, stays fixed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#define FUZZ_CHECK(condition)                                                 \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                                \
    }                                                                         \
  } while (false)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
