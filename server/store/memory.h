// A store that lasts as long as its process: for tests and simulations.
#pragma once

#include <memory>

#include "common/base/clock.h"
#include "server/store/interface.h"

namespace cambrian {

// `clock` measures the terms of epochs, and outlives the store.
std::unique_ptr<TrialStore> NewMemoryStore(const Clock& clock = Clock::System());

}  // namespace cambrian
