// Ctrl-C: once to stop cleanly, twice to stop at once.
#pragma once

namespace cambrian {

// Counts SIGINT, SIGTERM and SIGHUP while it lives; a third one ends the program as if there were
// no handler. At most one at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // How often so far.
  int count() const;
  // Readable after each: for poll(). `Drain` makes it wait again.
  int descriptor() const;
  void Drain();
};

}  // namespace cambrian
