// A store that lasts as long as its process: for tests and simulations.
#pragma once

#include <memory>

#include "server/store/interface.h"

namespace cambrian {

std::unique_ptr<TrialStore> NewMemoryStore();

}  // namespace cambrian
