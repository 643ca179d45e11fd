#include "server/http/status_board.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace cambrian {
namespace {

constexpr absl::Duration kLately = absl::Seconds(10);

}  // namespace

void StatusBoard::Hear(CoordinatorStatus status) {
  MutexLock lock(&mutex_);
  heard_ = clock_.Monotonic();
  coordinator_ = std::move(status);
}

void StatusBoard::HearStore(const absl::Status& status) {
  MutexLock lock(&mutex_);
  store_error_ = status;
  if (status.ok()) store_answered_ = clock_.Monotonic();
}

void StatusBoard::Drain() {
  MutexLock lock(&mutex_);
  draining_ = true;
}

absl::Status StatusBoard::Health() const {
  const absl::Duration now = clock_.Monotonic();
  MutexLock lock(&mutex_);
  if (draining_) return absl::UnavailableError("the server is going down");
  if (!store_error_.ok()) {
    return absl::UnavailableError(absl::StrCat("the store is away: ", store_error_.message()));
  }
  if (now - store_answered_ > kLately) {
    return absl::UnavailableError("the store has not answered lately");
  }
  if (now - heard_ > kLately) {
    return absl::UnavailableError("the decision loop has not answered lately");
  }
  if (!coordinator_.active) {
    return absl::UnavailableError("standing by: another server holds the store");
  }
  return absl::OkStatus();
}

CoordinatorStatus StatusBoard::coordinator() const {
  MutexLock lock(&mutex_);
  return coordinator_;
}

Pulse::Pulse(std::function<void()> look, absl::Duration every)
    : look_(std::move(look)), every_(every), thread_([this] { Run(); }) {}

Pulse::~Pulse() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.Signal();
  }
  thread_.join();
}

void Pulse::WakeUp() {
  MutexLock lock(&mutex_);
  woken_ = true;
  wake_.Signal();
}

void Pulse::Run() {
  while (true) {
    look_();
    MutexLock lock(&mutex_);
    bool expired = false;
    while (!stopping_ && !woken_ && !expired) expired = wake_.WaitWithTimeout(&mutex_, every_);
    if (stopping_) return;
    woken_ = false;
  }
}

}  // namespace cambrian
