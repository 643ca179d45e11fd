#include "server/study/scheduler.h"

namespace cambrian {

void Scheduler::Set(int64_t study, int64_t running) {
  Load& load = loads_[study];
  if (load.waits && load.running == running) return;
  Leave(study, load);
  load.running = running;
  load.waits = true;
  order_.insert(KeyOf(study, load));
}

void Scheduler::Rest(int64_t study) { Leave(study, loads_[study]); }

void Scheduler::Remove(int64_t study) {
  auto it = loads_.find(study);
  if (it == loads_.end()) return;
  Leave(study, it->second);
  loads_.erase(it);
}

void Scheduler::Granted(int64_t study) {
  Load& load = loads_[study];
  const bool waits = load.waits;
  Leave(study, load);
  load.last_grant = ++grants_;
  load.waits = waits;
  if (waits) order_.insert(KeyOf(study, load));
}

void Scheduler::Leave(int64_t study, Load& load) {
  if (load.waits) order_.erase(KeyOf(study, load));
  load.waits = false;
}

std::optional<int64_t> Scheduler::Pick(absl::FunctionRef<bool(int64_t study)> fits) const {
  for (const auto& [running, last_grant, study] : order_) {
    if (fits(study)) return study;
  }
  return std::nullopt;
}

}  // namespace cambrian
