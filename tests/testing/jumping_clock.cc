// Loaded into a program (LD_PRELOAD), gives it a wall clock that a test sets while it runs; time
// that only passes, CLOCK_MONOTONIC, stays true. See jumping_clock.h.
//
// As with a real clock that is set, a wait until a wall time ends when that time comes by the clock
// as it is now: set back by an hour, it lasts an hour longer. Abseil waits that way, through
// `syscall`, so that what is built for clocks that stand still (libfaketime) would break each of
// its waits even without a jump.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kLook = 20'000'000;  // how soon a wait notices that the clock was set

// What `name` is without us.
template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int RealClock(clockid_t clock, timespec* time) {
  static auto* const real = Real<int(clockid_t, timespec*)>("clock_gettime");
  return real(clock, time);
}

// Nanoseconds that the wall clock is off, in a page that the test writes.
int64_t Offset() {
  static const std::atomic<int64_t>* const offset = []() -> const std::atomic<int64_t>* {
    const char* const path = std::getenv("JUMPING_CLOCK_FILE");
    const int file = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return nullptr;
    void* const page = mmap(nullptr, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    return page == MAP_FAILED ? nullptr : static_cast<const std::atomic<int64_t>*>(page);
  }();
  return offset == nullptr ? 0 : offset->load();
}

int64_t ToNanoseconds(const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }

timespec ToTimespec(int64_t nanoseconds) { return {nanoseconds / kSecond, nanoseconds % kSecond}; }

int64_t WallClock(clockid_t clock) {
  timespec time = {};
  RealClock(clock, &time);
  return ToNanoseconds(time) + Offset();
}

using Syscall = long(long, ...);  // NOLINT(google-runtime-int): the C library's types
Syscall* RealSyscall() {
  static Syscall* const real = Real<Syscall>("syscall");
  return real;
}

// Waits for the futex until the wall clock shows `until`, in slices of true time.
long WaitUntil(int64_t until, long word, long operation, long value,  // NOLINT
               long word2, long bits) {                               // NOLINT
  const long by_true_time = operation & ~long{FUTEX_CLOCK_REALTIME};  // NOLINT
  while (true) {
    const int64_t left = until - WallClock(CLOCK_REALTIME);
    timespec now = {};
    RealClock(CLOCK_MONOTONIC, &now);
    const int64_t slice = std::clamp<int64_t>(left, 0, kLook);
    const timespec end = ToTimespec(ToNanoseconds(now) + slice);
    const long result = RealSyscall()(SYS_futex, word, by_true_time, value, &end, word2, bits);
    if (result != -1 || errno != ETIMEDOUT || left <= kLook) return result;
  }
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const bool is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (!is_wall) return RealClock(clock, time);
  *time = ToTimespec(WallClock(clock));
  return 0;
}

int gettimeofday(timeval* time, void* /*zone*/) noexcept {
  const int64_t now = WallClock(CLOCK_REALTIME);
  *time = {now / kSecond, now % kSecond / 1'000};
  return 0;
}

time_t time(time_t* out) noexcept {
  const time_t now = WallClock(CLOCK_REALTIME) / kSecond;
  if (out != nullptr) *out = now;
  return now;
}

long syscall(long number, ...) noexcept {  // NOLINT(google-runtime-int)
  long words[6];                           // NOLINT(google-runtime-int)
  va_list list;
  va_start(list, number);
  for (long& word : words) word = va_arg(list, long);  // NOLINT(google-runtime-int)
  va_end(list);
  const auto [word, operation, value, until, word2, bits] = words;
  const bool waits = number == SYS_futex && until != 0 &&
                     (operation & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET &&
                     (operation & FUTEX_CLOCK_REALTIME) != 0;
  if (!waits) return RealSyscall()(number, word, operation, value, until, word2, bits);
  const int64_t time = ToNanoseconds(*reinterpret_cast<const timespec*>(until));
  return WaitUntil(time, word, operation, value, word2, bits);
}

}  // extern "C"
