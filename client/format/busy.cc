#include "client/format/busy.h"

#include <unistd.h>

#include <iostream>

#include "client/format/terminal.h"

namespace cambrian {

Busy::Busy(absl::string_view what, bool enabled)
    : shown_(enabled && Terminal::Of(STDERR_FILENO).is_terminal) {
  if (shown_) std::cerr << what << " …" << std::flush;
}

Busy::~Busy() {
  if (shown_) std::cerr << "\r\x1b[K" << std::flush;
}

}  // namespace cambrian
