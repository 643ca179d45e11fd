#include "client/live/interrupt.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

namespace cambrian {
namespace {

// A signal handler reaches globals only.
std::atomic<int> interrupt_count = 0;
std::atomic<int> interrupt_descriptor = -1;

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

void SetHandlers(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  for (const int signal : kSignals) sigaction(signal, &action, nullptr);
}

void Handle(int signal) {
  const int error = errno;
  if (interrupt_count.fetch_add(1) >= 2) {
    SetHandlers(SIG_DFL);
    raise(signal);
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(interrupt_descriptor, &one, sizeof(one));
  errno = error;
}

}  // namespace

Interrupt::Interrupt() {
  interrupt_count = 0;
  interrupt_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  SetHandlers(Handle);
}

Interrupt::~Interrupt() {
  SetHandlers(SIG_DFL);
  close(interrupt_descriptor.exchange(-1));
}

int Interrupt::count() const { return interrupt_count; }

int Interrupt::descriptor() const { return interrupt_descriptor; }

void Interrupt::Drain() {
  uint64_t ignored;
  [[maybe_unused]] const ssize_t count = read(interrupt_descriptor, &ignored, sizeof(ignored));
}

}  // namespace cambrian
