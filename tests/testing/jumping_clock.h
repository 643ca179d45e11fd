// A wall clock for programs that a test starts, which jumps when the test says so.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

#include "absl/time/time.h"
#include "tests/testing/programs.h"

namespace cambrian::testing {

// For any number of programs that are started with its environment. Their monotonic time stays
// true; PostgreSQL, the kernel and whoever else is not started with it keep the machine's clock.
// Thread-safe.
class JumpingClock {
 public:
  // `file` is created. Throws if it cannot be: a test's own mistake.
  explicit JumpingClock(const std::string& file) : file_(file) {
    const int descriptor = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0 || ftruncate(descriptor, sizeof(int64_t)) != 0) {
      throw std::runtime_error("cannot create " + file);
    }
    void* const page =
        mmap(nullptr, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (page == MAP_FAILED) throw std::runtime_error("cannot map " + file);
    offset_ = static_cast<std::atomic<int64_t>*>(page);
  }
  ~JumpingClock() { munmap(offset_, sizeof(int64_t)); }
  JumpingClock(const JumpingClock&) = delete;

  std::map<std::string, std::string> Environment() const {
    return {{"LD_PRELOAD", Program("libjumping_clock.so")}, {"JUMPING_CLOCK_FILE", file_}};
  }

  // From now on the clock is ahead of the machine's by so much; behind, if negative.
  void Set(absl::Duration ahead) { *offset_ = absl::ToInt64Nanoseconds(ahead); }

 private:
  const std::string file_;
  std::atomic<int64_t>* offset_ = nullptr;
};

}  // namespace cambrian::testing
